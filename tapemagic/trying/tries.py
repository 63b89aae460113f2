"""Try every distinct fix of a report, once each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tapemagic.options import RunOptions
from tapemagic.report.model import Report, Why
from tapemagic.trying.attempt import Attempt, attempt
from tapemagic.trying.chance import forget_kernels
from tapemagic.trying.moment import Moment
from tapemagic.trying.verdict import Asked, judged


def try_fixes(report: Report, before: Moment, options: RunOptions, seconds: float) -> None:
    """Run each changed cell on the names of before, and say in the report what it gave.

    The session is left as it is now. Never raises: a fix that can't be tried says so.

    Args:
        report: The report of the cell.
        before: The session as it was before the cell.
        options: How the cell was run.
        seconds: How long the cell itself took.
    """
    asked = list(reasons(report))
    if not asked:
        return
    from tapemagic.session import Session

    after = Moment(before.namespace, tuple(before.heap.objects.values()))
    past, Session._past = Session._past, None
    done: dict[str, Attempt] = {}
    crossed = False
    try:
        for source in dict.fromkeys(why.fixed_source for why, _ in asked if why.fixed_source):
            try:
                runnable = source.replace("%%tape", "# %%tape", 1) if _is_magic(source) else source
                done[source] = attempt(runnable, before, options, 3 * seconds + 2)
            except Exception as fault:
                done[source] = Attempt(error=fault)
            crossed = crossed or after.crossed()
    except BaseException:
        report.notes.append("Trying the fixes was interrupted.")
    finally:
        after.restore()
        if crossed:
            forget_kernels()
        Session._past = past
    for why, question in asked:
        if why.fixed_source in done:
            _tell(report, why, done[why.fixed_source], question)


def retry(report: Report, namespace: dict[str, Any], options: RunOptions | None = None) -> int:
    """Try the fixes of an earlier report on the names as they are now; how many were tried."""
    count = len(list(reasons(report)))
    try_fixes(report, Moment(namespace), options or RunOptions(), 20.0)
    return count


def reasons(report: Report) -> Iterator[tuple[Why, Asked]]:
    """Each reason of a report that has a fix, with the question that it explains."""
    seen: set[int] = set()
    found: list[tuple[Why | None, Asked]] = []
    for call in report.calls:
        for source in call.sources:
            cause = source.why.cause if source.why is not None else ""
            found.append((source.why, Asked(call, source, cause=cause)))
            found += [
                (why, Asked(call, source, partial=True, cause=why.cause)) for why in source.partial
            ]
        if call.error is not None:
            found.append((call.error.why, Asked(call, None)))
    if report.error is not None:
        found.append((report.error.why, Asked(None, None)))
    for why, asked in found:
        if why is not None and why.fixed_source and id(why) not in seen:
            seen.add(id(why))
            yield why, asked


def _tell(report: Report, why: Why, made: Attempt, asked: Asked) -> None:
    inner = why.because if why.because and why.because.fixed_source == why.fixed_source else None
    try:
        why.fix_verified, why.fix_result = judged(made, report, asked)
        if why.fix_verified is None:  # it is no fix: the words of the advice stay
            why.fixed_source = why.fix_result = None
    except Exception as fault:
        why.fix_verified = False
        why.fix_result = f"tried: what it gave could not be read ({type(fault).__name__})"
    if inner is not None:
        inner.fixed_source = why.fixed_source
        inner.fix_verified, inner.fix_result = why.fix_verified, why.fix_result


def _is_magic(source: str) -> bool:
    return source.lstrip().startswith("%%tape")
