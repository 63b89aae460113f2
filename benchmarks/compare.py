"""Two sets of results side by side: what became faster or slower between two commits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.table import NAMES, ratio_of


def compare(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """The ratios to the plain cell, before and after.

    Ratios, not seconds: both sets were measured against the plain cell of their own run, so that a
    busy machine shows less. A change is marked when the quarter ranges of the two do not overlap.
    """
    yield f"{old['machine']['commit']} -> {new['machine']['commit']}"
    for name in (n for n in new["rows"] if n in old["rows"]):
        before, after = old["rows"][name], new["rows"][name]
        yield name
        for way in (
            w for w in after["ways"] if w in before["ways"] and w not in ("plain", "notebook")
        ):
            first, second = ratio_of(before, way), ratio_of(after, way)
            yield f"  {NAMES[way]:32} {first:7.2f}x -> {second:7.2f}x  {_told(before, after, way)}"


def _told(before: dict[str, Any], after: dict[str, Any], way: str) -> str:
    low, high = _range(before, way)
    low_now, high_now = _range(after, way)
    if high_now < low:
        return "faster"
    return "SLOWER" if low_now > high else ""


def _range(row: dict[str, Any], way: str) -> tuple[float, float]:
    figure = row["ways"][way]
    scale = ratio_of(row, way) / figure["median"]
    return figure["low"] * scale, figure["high"] * scale
