"""Where a gradient that did come turned to zero or NaN in the backward pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapemagic.diagram.nodes.labels import not_finite
from tapemagic.diagram.nodes.ops import cell_line
from tapemagic.wording.escape import one_line

if TYPE_CHECKING:
    from tapemagic.diagram.sketch import Sketch
    from tapemagic.report.model import Call, Source, Why
    from tapemagic.traces.model import BackwardStep, Query

_SAID = {
    "zero": "gradient becomes 0 here",
    "nan": "NaN is born here",
    "inf": "Inf is born here",
}


def mark_birth(sketch: Sketch, call: Call, source: Source, why: Why) -> None:
    """Mark the op whose derivative made the gradient what it is, if it was observed."""
    queries = sketch.graph.trace.queries
    if source.status not in _SAID or call.query >= len(queries):
        return
    step = _born(sketch, queries[call.query], source.status, why)
    node = sketch.nodes.get(f"op{step.op}") if step is not None else None
    if step is None:
        return
    # An Inf that was born becomes NaN on its way: the box says what the edge beside it says.
    kept = source.status != "zero" and any(value is not None for value in step.values)
    said = f"{not_finite(step.values)} is born here" if kept else _SAID[source.status]
    if step.op in sketch.graph.opened.calls:
        sketch.born[sketch.graph.opened.calls[step.op].frame] = said.replace("here", "in here")
    if node is not None and said not in node.facts:
        node.facts = (said, *node.facts)
        node.state, node.keep = "cut" if source.status == "zero" else "born", True
        node.detail = one_line(why.message, 200)


def _born(sketch: Sketch, query: Query, status: str, why: Why) -> BackwardStep | None:
    """Return the first backward op that gave such a gradient, the culprit or on its line if one did."""
    found = [step for step in query.steps if step.op is not None and _gave(step, status)]
    line = why.at.line if why.at is not None and why.at.here else None
    on_line = [step for step in found if _line(sketch, step) == line]
    sites = {op.index: op.at for op in sketch.graph.ops}
    culprit = [step for step in on_line if sites.get(step.op or 0) == why.at]
    return next(iter(culprit or on_line or found), None)


def _line(sketch: Sketch, step: BackwardStep) -> int | None:
    """Return the line of the cell that the op of a backward step belongs to."""
    node = sketch.nodes.get(f"op{step.op}")
    call = sketch.graph.opened.calls.get(-1 if step.op is None else step.op)
    if node is not None:
        return node.line
    return cell_line(call.op) if call is not None else None


def _gave(step: BackwardStep, status: str) -> bool:
    return step.zero if status == "zero" else not step.finite and step.upstream_finite
