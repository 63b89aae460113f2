"""The results as a table of text, against what they are meant to reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.work import WORK

NAMES = {
    "plain": "plain cell",
    "notebook": "plain cell in IPython",
    "floor": "op callback that does nothing",
    "capture": "tapemagic, capture alone",
    "whole": "tapemagic, %%tape with report",
    "quiet": "tapemagic, %%tape --quiet",
    "check_numerics": "tf.debugging check_numerics",
    "dump_debug_info": "tf.debugging dump_debug_info",
    "torchlens": "torchlens (forward pass only)",
}


def lines(results: dict[str, Any]) -> Iterator[str]:
    """All that was measured, as text."""
    for name, row in results.get("rows", {}).items():
        yield ""
        yield f"{name}: {row['title']}"
        for way, figure in row["ways"].items():
            yield f"  {NAMES[way]:32} {_seconds(figure):30} {_against(row, way):28} {goal(name, row, way)}"
        if row["page"]:
            yield f"  page {row['page'] / 1e6:.2f} MB"
    memory = results.get("memory")
    if memory:
        yield ""
        ratio = memory["capture"] / memory["plain"]
        yield f"memory: peak {memory['plain']:.0f} MiB plain, {memory['capture']:.0f} MiB traced"
        yield f"  {ratio:.2f}x, goal 1.25x {_mark(ratio <= 1.25)}"
    size = results.get("trace")
    if size:
        yield f"trace of {size['ops']:,} ops: {size['held']:.0f} MiB, goal 150 {_mark(size['held'] < 150)}"
    if results.get("growth"):
        yield ""
        yield "growth: ops, plain s, capture, report s (us per op), page s, page MB, peak MiB"
        for one in results["growth"]:
            yield (
                f"  {one['ops']:>9,} {one['plain']:8.2f} {one['capture'] / one['plain']:6.2f}x "
                f"{one['report']:8.2f} ({1e6 * one['report'] / one['ops']:.0f}) {one['page']:6.2f} "
                f"{one['characters'] / 1e6:6.2f} {one['peak']:8.0f}"
            )


def base_of(row: dict[str, Any], way: str) -> float:
    """The seconds that a way is compared with."""
    name = "notebook" if way in ("whole", "quiet") and "notebook" in row["ways"] else "plain"
    return float(row["ways"][name]["median"])


def ratio_of(row: dict[str, Any], way: str) -> float:
    """How many times as long as the plain cell a way takes."""
    return float(row["ways"][way]["median"]) / base_of(row, way)


def goal(name: str, row: dict[str, Any], way: str) -> str:
    """What a way is meant to reach, and whether it does; empty where nothing is asked."""
    work = WORK.get(name)
    if work is None:
        return ""
    if way == "capture" and work.capture is not None:
        return f"goal {work.capture:.2f}x {_mark(ratio_of(row, way) <= work.capture)}"
    if way in ("whole", "quiet") and work.whole is not None:
        factor, more = work.whole
        base = base_of(row, way)
        reached = row["ways"][way]["median"] <= base * factor + more
        added = f" + {more:g} s" if more else ""
        return f"goal {factor:g}x{added} {_mark(reached)}"
    return ""


def _mark(reached: bool) -> str:
    return "reached" if reached else "MISSED"


def _seconds(figure: dict[str, Any]) -> str:
    unit, factor = ("ms", 1e3) if figure["median"] < 1 else ("s", 1)
    middle, low, high = (figure[k] * factor for k in ("median", "low", "high"))
    return f"{middle:8.2f} {unit} ({low:.2f} to {high:.2f})"


def _against(row: dict[str, Any], way: str) -> str:
    if way in ("plain", "notebook"):
        return ""
    more = row["ways"][way]["median"] - base_of(row, way)
    return f"{ratio_of(row, way):6.2f}x  (+{more * 1e3:.1f} ms)"
