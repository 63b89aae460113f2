"""A target that is a place in a tensor: the value at that place is what can be differentiated."""

from __future__ import annotations

import ast

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import calls_in, dotted
from tapemagic.diagnosis.plain import Plain
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical
from tapemagic.traces.model import Op

_VALUES = {"argmax": "reduce_max", "argmin": "reduce_min", "argsort": "sort"}


@mechanical
def values_instead(case: Case, op: Op) -> str | None:
    """Ask about the values that an argmax, argsort or top_k found, not about their indices."""
    rw = Rewriter(case.here)
    if op.at is None or not op.at.here:
        return None
    statement = case.here.statement_at(op.at.line)
    if statement is None:
        return None
    place = op.at.expr or span(statement)
    for call in calls_in(case.here, place, lambda _: True):
        name = dotted(call.func).rsplit(".", 1)[-1]
        if name in _VALUES:
            root = dotted(call.func).split(".", maxsplit=1)[0]
            if any(k.arg == "output_type" for k in call.keywords):
                raise NoRepair
            other = _VALUES[name] if root == rw.tf else _VALUES[name].removeprefix("reduce_")
            lead = root if root == rw.tf else dotted(call.func).rsplit(".", 1)[0]
            rw.put(call.func, lambda lead=lead, other=other: f"{lead}.{other}")  # type: ignore[misc]
            return rw.source()
        if name == "top_k":
            return _top_k(case, rw, call, statement)
    return None


def _top_k(case: Case, rw: Rewriter, call: ast.Call, statement: ast.AST) -> str | None:
    parent = rw.parents.get(id(call))
    if isinstance(parent, ast.Attribute) and parent.attr == "indices":
        rw.put(parent, lambda: f"{rw.inside(call)}.values")
        return rw.source()
    if isinstance(parent, ast.Subscript):
        rw.put(parent, lambda: f"{rw.inside(call)}[0]")
        return rw.source()
    if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Tuple):
        return None
    first = statement.targets[0].elts[0]
    query = case.node(case.view.query.at)
    if not isinstance(query, ast.Call) or not query.args or not isinstance(first, ast.Name):
        return None
    rw.put(query.args[0], lambda: first.id)
    return rw.source()


@mechanical
def dependent(case: Case, plain: Plain, carrier: str | None) -> str | None:
    """A returned 0.0 that depends on a parameter: its gradient is a true zero."""
    rw = Rewriter(case.here)
    if carrier is None or plain.function is None or ast.literal_eval(plain.value) != 0:
        return None
    rw.put(plain.value, lambda: f"0.0 * {rw.tf}.reduce_sum({carrier})")
    return rw.source()
