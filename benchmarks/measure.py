"""Measure the ways of one row turn by turn, so that what slows the machine slows all of them."""

from __future__ import annotations

import gc
import statistics
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.ways import Bench
from benchmarks.work import Work

SLOW = 3
"""Rounds of a way that takes more than ten times as long as the plain cell."""


@dataclass(slots=True)
class Figure:
    """The seconds of one way: the median, and the quarter points around it."""

    median: float
    low: float
    high: float
    best: float
    rounds: int

    @staticmethod
    def of(seconds: list[float]) -> Figure:
        """Summarise some runs."""
        if len(seconds) < 2:
            return Figure(seconds[0], seconds[0], seconds[0], seconds[0], 1)
        low, middle, high = statistics.quantiles(seconds, n=4, method="inclusive")
        return Figure(middle, low, high, min(seconds), len(seconds))


def measure(work: Work, *, rounds: int | None = None, peers: bool = True) -> dict[str, Any]:
    """Run one row.

    Returns:
        Per way its figure, as plain data; ``page`` is the size of the page that was shown.
    """
    bench = Bench(work)
    names = tuple(w for w in work.ways if peers or w not in ("check_numerics", "dump_debug_info"))
    shown = any(w in ("whole", "quiet") for w in names)
    ways = bench.ways(("plain", *(("notebook",) if shown else ()), *names))
    rounds = rounds or work.rounds
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    page = 0
    for name in ways:  # warm up: caches of TensorFlow and ours, and imports
        ways[name]()
    for turn in range(rounds):
        for name, run in ways.items():
            past = seconds[name]
            if turn >= SLOW and past[0] > 10 * seconds["plain"][0]:
                continue
            gc.collect()
            past.append(run())
            if name == "whole":
                page = bench.shown
    figures = {name: asdict(Figure.of(some)) for name, some in seconds.items()}
    return {"title": work.title, "ways": figures, "page": page}
