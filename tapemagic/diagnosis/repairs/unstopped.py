"""Take ``stop_gradient`` out, wherever the value passes it on its way."""

from __future__ import annotations

import ast
import itertools

from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import dotted
from tapemagic.diagnosis.repairs.rewriter import Rewriter, mechanical
from tapemagic.traces.model import Site


@mechanical
def unstopped(case: Case, at: Site | None) -> str | None:
    """The cell with each stop on the way replaced by what it was given."""
    if at is None or not at.here:
        return None
    rw = Rewriter(case.here)
    statement = case.here.statement_at(at.line)
    places = [at]
    for edge in case.way.edges if case.way is not None else ():
        op = case.view.trace.ops[edge.op] if edge.kind == "op" and edge.op is not None else None
        if op is not None and op.type == "StopGradient" and op.at is not None and op.at.here:
            places.append(op.at)
    for place in places:
        node: ast.AST | None = case.node(place) or (statement if place is at else None)
        found = _calls(node)
        if not found and place is at:
            found = _calls(statement)
        if place is at and len(found) > 1 and not _nested(found):
            return None
        for call in found:
            rw.put(call, lambda call=call: rw.out(call.args[0]))  # type: ignore[misc]
    return rw.source()


def _calls(node: ast.AST | None) -> list[ast.Call]:
    return [
        n
        for n in (ast.walk(node) if node is not None else ())
        if isinstance(n, ast.Call) and n.args and dotted(n.func).endswith("stop_gradient")
    ]


def _nested(found: list[ast.Call]) -> bool:
    """Whether each call lies in the one before: one value, stopped twice."""
    return all(
        any(inner is n for n in ast.walk(outer)) for outer, inner in itertools.pairwise(found)
    )
