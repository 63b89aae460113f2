"""In which order the ops of a diagram ran: forward, and on the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapemagic.diagram.model import Steps

if TYPE_CHECKING:
    from tapemagic.diagram.sketch import Sketch


def steps(sketch: Sketch) -> Steps:
    """Return the order of the ops that are drawn; the way back is the first call's that had one."""
    drawn = {op for node in sketch.nodes.values() for op in node.ops}
    graph = sketch.graph
    when = {op.index: graph.when(op) for op in graph.ops}
    forward = sorted(drawn, key=lambda op: when.get(op, (op, op)))
    queries = sketch.graph.trace.queries
    for call in sketch.calls:
        query = queries[call.query] if call.query < len(queries) else None
        back = [step.op for step in query.steps] if query is not None else []
        live = {op for flow in sketch.flows for op, _ in flow.live}
        spread = [one for op in back if op is not None for one in _inside(sketch, op, live)]
        known = [op for op in dict.fromkeys(spread) if op in drawn]
        if known:
            return Steps(forward, known)
    return Steps(forward)


def _inside(sketch: Sketch, op: int, live: set[int]) -> list[int]:
    """Return an op, or of an opened call the ops that the gradient went through, last one first."""
    call = sketch.graph.opened.calls.get(op)
    if call is None:
        return [op]
    return [one.index for one in reversed(call.ops) if one.index in live]
