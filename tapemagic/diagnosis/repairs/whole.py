"""Mend what cuts the rest of the way too, when the first cut is at the source."""

from __future__ import annotations

from collections.abc import Callable

from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.repairs.detour import kept
from tapemagic.diagnosis.repairs.rewriter import NoRepair
from tapemagic.diagnosis.repairs.soft import softened
from tapemagic.diagnosis.repairs.steps import steps
from tapemagic.traces.flow import node_mark


def with_the_way(case: Case, plain: Callable[[], str | None]) -> str | None:
    """The plain repair where it is enough, one that includes it where the way is cut again."""
    if case.way is None:
        return plain()
    kinds = {edge.kind for edge in case.way.edges}
    if kinds & {"leave", "python", "enter"}:
        trace = case.view.trace
        numbers = (node_mark(edge.target) for edge in case.way.edges)
        return kept(case, [trace.marks[n] for n in numbers if n is not None])
    if kinds - {"op"}:
        return None
    try:
        again = steps(case)
    except NoRepair:
        return None
    return softened(case) if again else plain()
