"""What needs a process of its own: peaks of memory, and growth with the number of ops.

``python -m benchmarks.alone memory capture`` and the like print one line of JSON.
"""

from __future__ import annotations

import gc
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.ways import Bench, clock, use_clock
from benchmarks.work import OPS_PER_TURN, WORK, Work, loop_of

MIB = 1024 * 1024


def apart(*arguments: str) -> dict[str, Any]:
    """Run one measurement in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.alone", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True,
        cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def highest() -> float:
    """The most memory that this process held, in MiB.

    On Linux ``getrusage`` counts the process that started this one too, as it was at that moment.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(row for row in status.read_text().splitlines() if row.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / MIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB


def peak(way: str) -> dict[str, Any]:
    """The highest memory of some MobileNetV2 steps, run in one way."""
    bench = Bench(WORK["mobilenet"])
    run = bench.ways((way,))[way]
    for _ in range(3):
        run()
    return {"peak": highest()}


def trace_size(ops: int) -> dict[str, Any]:
    """What a kept report of so many ops holds, by Python's own account."""
    import tracemalloc

    import tapemagic

    setup, cell = loop_of(ops)
    names = {"__name__": "__main__"}
    exec(compile(setup, "<setup>", "exec"), names)
    tapemagic.run_cell(loop_of(200)[1], names)  # what is cached for good is not the trace's
    gc.collect()
    tracemalloc.start()
    report = tapemagic.run_cell(cell, names)
    gc.collect()
    held, top = tracemalloc.get_traced_memory()
    counted = len(report.trace.ops) if report.trace is not None else 0
    return {"ops": counted, "held": held / MIB, "peak": top / MIB}


def growth(ops: int) -> dict[str, Any]:
    """The seconds of each part for a training loop of so many ops."""
    import tapemagic
    from tapemagic.session import Session

    setup, cell = loop_of(ops)
    small = Bench(Work("warm", "warm", setup, loop_of(500)[1], 1))
    for run in (small.plain, small.capture, small.whole):
        run()
    executed = round(_count(small) * max(1, round(ops / OPS_PER_TURN)) / (500 / OPS_PER_TURN))
    bench = Bench(Work("growth", "growth", setup, cell, 1))
    plain = bench.plain()
    finish, ended = Session.finish, []

    def finishing(session: Any, error: BaseException | None = None) -> Any:
        ended.append(clock())
        return finish(session, error)

    Session.finish = finishing  # type: ignore[method-assign]
    begun = clock()
    report = tapemagic.run_cell(cell, bench.shell.user_ns)
    reported = clock()
    page = report._repr_mimebundle_()
    drawn = clock()
    return {
        "ops": executed,
        "plain": plain,
        "capture": ended[0] - begun,
        "report": reported - ended[0],
        "page": drawn - reported,
        "characters": sum(map(len, page.values())),
        "mismatches": report.mismatches,
        "peak": highest(),
    }


def _count(bench: Bench) -> int:
    """How many ops the cell runs, forward and backward."""
    from tensorflow.python.framework import op_callbacks

    seen = 0

    def count(*_args: Any, **_more: Any) -> None:
        nonlocal seen
        seen += 1

    op_callbacks.add_op_callback(count)
    try:
        bench.plain()
    finally:
        op_callbacks.remove_op_callback(count)
    return seen


def main(arguments: list[str]) -> None:
    """Measure one thing and print it."""
    what, value, *which = arguments
    use_clock(which[0] if which else "wall")
    if what == "memory":
        found = peak(value)
    elif what == "trace":
        found = trace_size(int(value))
    else:
        found = growth(int(value))
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
