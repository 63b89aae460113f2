"""In which order the ops of a diagram ran: forward, and on the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapemagic.diagram.model import Steps

if TYPE_CHECKING:
    from tapemagic.diagram.sketch import Sketch


def steps(sketch: Sketch) -> Steps:
    """Return the order of the ops that are drawn; the way back is the first call's that had one."""
    drawn = {op for node in sketch.nodes.values() for op in node.ops}
    forward = sorted(drawn)
    queries = sketch.graph.trace.queries
    for call in sketch.calls:
        query = queries[call.query] if call.query < len(queries) else None
        back = [step.op for step in query.steps] if query is not None else []
        known = [op for op in dict.fromkeys(back) if op is not None and op in drawn]
        if known:
            return Steps(forward, known)
    return Steps(forward)
