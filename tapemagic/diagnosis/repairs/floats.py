"""A source of whole numbers becomes one of floats, where it is made."""

from __future__ import annotations

import ast

from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import dotted
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical
from tapemagic.diagnosis.repairs.soft import Soft
from tapemagic.diagnosis.repairs.steps import Step, steps
from tapemagic.diagnosis.repairs.watching import watch_source
from tapemagic.traces.model import Site
from tapemagic.traces.tracking import DIFFERENTIABLE

_SECOND = frozenset(
    ["constant", "convert_to_tensor", "zeros", "ones", "cast", "zeros_like", "ones_like"]
)
_MAKERS = _SECOND | {"Variable", "range", "fill", "eye", "uniform"}


@mechanical
def floated(case: Case, at: Site | None) -> str | None:
    """The cell with the number, dtype or cast that made the source an integer changed."""
    if at is None or not at.here or case.source.dtype == "string":
        return None
    rw = Rewriter(case.here)
    node = case.node(at)
    statement = case.here.statement_at(at.line)
    calls = [n for n in ast.walk(node) if isinstance(n, ast.Call)] if node is not None else []
    if not calls and statement is not None:
        calls = [n for n in ast.walk(statement) if isinstance(n, ast.Call)]
    makers = [c for c in calls if dotted(c.func).rsplit(".", 1)[-1] in _MAKERS]
    if makers:
        _make_float(rw, makers[0])
    elif node is not None:
        rw.put(node, lambda: f"{rw.tf}.cast({rw.inside(node)}, {rw.tf}.float32)")
    else:
        return None
    _partners(case, rw)
    watch_source(case, rw.edits)
    return rw.source()


def _make_float(rw: Rewriter, call: ast.Call) -> None:
    last = dotted(call.func).rsplit(".", 1)[-1]
    float32 = f"{rw.tf}.float32"
    given = [k.value for k in call.keywords if k.arg == "dtype"]
    if not given and last in _SECOND and len(call.args) > 1:
        given = [call.args[1]]
    first = call.args[0] if call.args else None
    if given:
        written = isinstance(given[0], ast.Constant)
        rw.put(given[0], lambda: '"float32"' if written else float32)
    elif (isinstance(first, ast.Constant) and isinstance(first.value, int) and last != "range") or (
        isinstance(first, ast.UnaryOp) and isinstance(first.operand, ast.Constant)
    ):
        rw.put(first, lambda: f"{rw.inside(first)}.0")
    else:
        place = (call.end_lineno or 0, (call.end_col_offset or 1) - 1)
        rw.edits.insert(*place, f", dtype={float32}")


def _partners(case: Case, rw: Rewriter) -> None:
    """Other whole numbers that meet the source on its way are cast as well."""
    found = steps(case)
    soft = Soft(case, rw, found)
    for position, step in enumerate(found):
        if step.op.type == "Cast":
            facts = step.tensors.get(step.op.outputs[0])
            if facts is not None and facts.dtype in DIFFERENTIABLE:
                continue
        elif not _meets_others(step):
            continue
        soft.change(position, step)


def _meets_others(step: Step) -> bool:
    if any(name in step.op.type for name in ("Gather", "OneHot", "Strided", "Lookup")):
        raise NoRepair
    for tensor in step.op.inputs:
        facts = step.tensors.get(tensor)
        same = tensor == step.op.inputs[step.position]
        if same or facts is None or facts.dtype in DIFFERENTIABLE:
            continue
        if facts.op is not None or facts.name or facts.kind == "variable":
            if facts.kind == "variable" or facts.name:
                return True
    return False
