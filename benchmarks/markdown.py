"""The results as the tables of ``docs/performance.md``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.table import goal, ratio_of
from benchmarks.work import WORK

PEERS = ("floor", "check_numerics", "dump_debug_info", "torchlens")


def tables(results: dict[str, Any]) -> Iterator[str]:
    """Both tables: tapemagic against its goals, and other tools on the same work."""
    yield "| Work | Plain | Capture alone | Goal | Whole `%%tape` | Goal |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, row in results["rows"].items():
        whole = next((w for w in ("quiet", "whole") if w in row["ways"]), None)
        yield " | ".join(
            (
                f"| {row['title']}",
                _seconds(row["ways"]["plain"]["median"]),
                _ratio(row, "capture"),
                _goal(name, row, "capture"),
                _whole(row, whole),
                _goal(name, row, whole) + " |",
            )
        )
    yield ""
    yield "| Work | Callback that does nothing | tapemagic | check_numerics | dump_debug_info |"
    yield "| --- | --- | --- | --- | --- |"
    for name in ("chain", "mobilenet", "loop", "function"):
        row = results["rows"].get(name)
        if row is not None:
            ways = ("floor", "capture", "check_numerics", "dump_debug_info")
            yield f"| {row['title']} | " + " | ".join(_ratio(row, w) for w in ways) + " |"


def _seconds(seconds: float) -> str:
    return f"{seconds * 1e3:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _ratio(row: dict[str, Any], way: str) -> str:
    if way not in row["ways"]:
        return ""
    figure, scale = row["ways"][way], ratio_of(row, way) / row["ways"][way]["median"]
    return (
        f"{ratio_of(row, way):.2f}x ({figure['low'] * scale:.2f} to {figure['high'] * scale:.2f})"
    )


def _whole(row: dict[str, Any], way: str | None) -> str:
    if way is None:
        return ""
    more = row["ways"][way]["median"] - row["ways"]["notebook"]["median"]
    return f"{ratio_of(row, way):.2f}x (plain + {_seconds(more)})"


def _goal(name: str, row: dict[str, Any], way: str | None) -> str:
    if way is None or way not in row["ways"] or name not in WORK:
        return ""
    said = goal(name, row, way).removeprefix("goal ")
    return said.replace(" reached", "").replace(" MISSED", " (missed)") or ""
