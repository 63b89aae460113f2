"""Ask the causes, in their order, why a source got what it got."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from tapemagic.cell.text import CellText
from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.causes import CAUSES, missing_gradient
from tapemagic.diagnosis.causes.missing_gradient import FORWARD
from tapemagic.diagnosis.story import lines, story
from tapemagic.diagnosis.view import QueryView
from tapemagic.diagnosis.why import Why
from tapemagic.traces.flow import ValueGraph
from tapemagic.traces.model import Argument, Query, Site, Trace

Texts = dict[tuple[str | None, str | None], CellText]


def status_of(view: QueryView, position: int) -> str:
    """What came back for a source: the report's status."""
    query = view.query
    if query.error is not None and not query.method.startswith("apply"):
        return "error"
    gradient = query.gradients[position] if position < len(query.gradients) else None
    if gradient is None:
        return "none"
    if query.zero_for_none and _masked(view, query.sources[position]):
        return "masked"
    if gradient.nonfinite:
        return "nan" if gradient.nan else "inf"
    return "zero" if gradient.zero else "connected"


def _masked(view: QueryView, source: Argument) -> bool:
    return source.tensor is not None and source.tensor not in view.observed()


def explain(view: QueryView, source: Argument, status: str, texts: Texts) -> Why:
    """The reason for a status that needs one."""
    way = view.way(source.tensor) if source.tensor is not None and view.targets else None
    case = Case(view, source, texts, status, way)
    found = _ask(case)
    if found is None:
        return _unknown(case)
    why = _why(case, found)
    if status == "masked":
        inner = Case(view, source, texts, "none", way)
        reason = _ask(inner)
        why.because = _why(inner, reason) if reason is not None else _unknown(inner)
        if why.because.at is not None:
            why.at = why.because.at  # the cut itself is what has to change
            why.lines = why.because.lines
        why.fixed_source = why.because.fixed_source
        why.fix = f"{why.fix} {why.because.fix or ''}".strip()
        why.message = f"{why.message} {why.because.message}"
    return why


def explain_forward(
    trace: Trace, graph: ValueGraph, registry: Any, error: BaseException, at: Site | None,
    texts: Texts,
) -> Why | None:  # fmt: skip
    """The reason of an exception that a call under a tape raised, before anything was asked."""
    if not isinstance(error, LookupError):
        return None
    end = len(trace.ops)
    asked = Query(-1, FORWARD, None, end, end, [], [], at, error=("LookupError", str(error)))
    view = QueryView(trace, graph, asked, registry)
    case = Case(view, Argument("", None, "other"), texts, "error")
    found = missing_gradient.recognise(case)
    if found is None:
        return None
    return _why(case, replace(found, cause=missing_gradient.CAUSE.slug, level="error"))


def reason(case: Case) -> Why | None:
    """The reason of a case, or None when no cause recognises it."""
    found = _ask(case)
    return None if found is None else _why(case, found)


def _ask(case: Case, after: str | None = None) -> Found | None:
    """The first cause that recognises a case; ``after``: of those that come after another."""
    begin = next((i + 1 for i, c in enumerate(CAUSES) if c.slug == after), 0)
    for cause in CAUSES[begin:]:
        try:
            found = cause.recognise(case)
        except Exception as fault:
            # One cause that fails must not take the whole report with it.
            text = f"{cause.slug}: {type(fault).__name__}: {fault}"
            if text not in case.view.trace.faults:
                case.view.trace.faults.append(text)
            continue
        if found is not None:
            # Without the flow of Python values, "no way at all" may be a way that was not seen.
            unseen = cause.slug == "unconnected" and not case.view.trace.whole
            return replace(
                found,
                cause=cause.slug,
                level=found.level or cause.level,
                certain=found.certain and not unseen,
            )
    return None


def _why(case: Case, found: Found) -> Why:
    steps = story(case)
    message = found.message
    if not found.certain:
        message += " This is likely, not certain."
    cut = case.cut
    # Where it is not certain, what fits as well is shown beside it.
    second = _ask(case, found.cause) if not found.certain else None
    other = (replace(_why(case, second), other=()),) if second is not None else ()
    passed = lines(case, steps)
    if found.at is not None and found.at.here and found.at.line not in passed:
        passed = (*passed, found.at.line)
    passed = (*passed, *(line for line in found.lines if line not in passed))
    return Why(
        found.cause,
        found.level or "warning",
        message,
        found.at,
        passed,
        fix=found.fix,
        fixed_source=found.fixed_source,
        story=steps,
        other=other,
        cut=(cut.source, cut.target) if cut is not None else (None, None),
        inside=_inside(case),
    )


def _inside(case: Case) -> tuple[str, int, int] | None:
    """Where in the body of a called function the gradient ends."""
    found = case.culprit
    if found is None or found.function is None or found.op.graph is None:
        return None
    return found.op.graph, found.op.index, found.position


def _raised(case: Case) -> Why:
    """An error that no cause recognises: it is the person's, and speaks for itself."""
    query = case.view.query
    assert query.error is not None
    kind, message = query.error
    first = message.strip().splitlines()[0] if message.strip() else ""
    first = re.sub(r"^\{\{function_node [^}]*\}\}\s*", "", first)
    where, at = ".", query.at
    if query.failed is not None:
        op = case.view.trace.ops[query.failed]
        written = case.written(op.at)
        at = op.at or at
        where = f", in the backward pass of {op.type} (`{written}` on {case.line(op.at)})."
    return Why(
        "bad-argument",
        "error",
        f"The question raised {kind}{where} {first[:200]}",
        at,
    )


def _unknown(case: Case) -> Why:
    query = case.view.query
    if query.error is not None:
        return _raised(case)
    seen = "no way from it to the target" if case.way is None else "a way from it to the target"
    return Why(
        "unconnected" if case.way is None else "outside-tape",
        "warning",
        f"The tape returned {case.status} for `{case.name}`; tapemagic observed {seen} and can't "
        "say with certainty why. Please report this cell.",
        query.at,
    )
