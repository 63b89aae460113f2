"""``python -m benchmarks``: measure, print the table, keep the figures as JSON."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from benchmarks.alone import apart
from benchmarks.compare import compare
from benchmarks.machine import machine
from benchmarks.markdown import tables
from benchmarks.measure import measure
from benchmarks.plot import plot
from benchmarks.table import lines
from benchmarks.ways import CLOCKS, use_clock
from benchmarks.work import WORK

SIZES = (1_000, 10_000, 100_000, 1_000_000)
ALONE = ("memory", "trace", "growth")


def main() -> None:
    """Read the command line and do what it says."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # else TensorFlow greets at length
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "rows", nargs="*",
        help=f"what to measure; all of it by default: {', '.join((*WORK, *ALONE))}; or "
        "'compare OLD.json NEW.json', 'markdown RESULTS.json', or 'plot RESULTS.json PICTURE.svg'",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, help="keep the figures in this file")
    parser.add_argument("--rounds", type=int, help="how often to run each way")
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall", help="what is measured")
    parser.add_argument("--no-peers", action="store_true", help="leave other tools out")
    parser.add_argument(
        "--most", type=int, default=SIZES[-1], help="most ops for growth (default: a million)"
    )
    given = parser.parse_args()
    if given.rows[:1] == ["compare"]:
        _print(compare(*(json.loads(Path(f).read_text()) for f in given.rows[1:3])))
    elif given.rows[:1] == ["markdown"]:
        _print(tables(json.loads(Path(given.rows[1]).read_text())))
    elif given.rows[:1] == ["plot"]:
        plot(json.loads(Path(given.rows[1]).read_text()), Path(given.rows[2]))
    else:
        _measure(parser, given)


def _measure(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    chosen = given.rows or [*WORK, *ALONE]
    unknown = [name for name in chosen if name not in (*WORK, *ALONE)]
    if unknown:
        parser.error(f"there is no row {', '.join(unknown)}")
    use_clock(given.clock)
    results: dict[str, Any] = {"machine": machine() | {"clock": given.clock}, "rows": {}}
    _print(f"{key}: {value}" for key, value in results["machine"].items())
    for name in (n for n in chosen if n in WORK):
        row = measure(WORK[name], rounds=given.rounds, peers=not given.no_peers)
        results["rows"][name] = row
        _print(lines({"rows": {name: row}}))
        _keep(given.json, results)
    if "memory" in chosen:
        results["memory"] = {way: apart("memory", way)["peak"] for way in ("plain", "capture")}
        _print(lines({"memory": results["memory"]}))
    if "trace" in chosen:
        results["trace"] = apart("trace", "100000")
        _print(lines({"trace": results["trace"]}))
    if "growth" in chosen:
        results["growth"] = []
        for size in (s for s in SIZES if s <= given.most):
            results["growth"].append(apart("growth", str(size), given.clock))
            _keep(given.json, results)
        _print(lines({"growth": results["growth"]}))
    _keep(given.json, results)


def _keep(file: Path | None, results: dict[str, Any]) -> None:
    if file is not None:
        file.write_text(json.dumps(results, indent=1) + "\n")


def _print(some: Any) -> None:
    for line in some:
        print(line, flush=True)


if __name__ == "__main__":
    main()
