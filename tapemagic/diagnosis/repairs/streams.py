"""A queue or a dataset that only hands tensors on becomes a plain list: that keeps the tensors."""

from __future__ import annotations

import ast

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import calls_in, dotted
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical
from tapemagic.traces.model import Site

_QUEUE = {"enqueue": ("append", 1), "dequeue": ("pop", 0)}
_TURNS = ("enumerate", "zip", "list")


@mechanical
def as_list(case: Case, at: Site | None) -> str | None:
    """The cell with the queue or the dataset at a site as a list."""
    if at is None or not at.here or at.expr is None or (case.op is not None and case.op.graph):
        return None
    rw = Rewriter(case.here)
    for call in calls_in(case.here, at.expr, lambda call: isinstance(call.func, ast.Attribute)):
        assert isinstance(call.func, ast.Attribute)
        if call.func.attr == "enqueue":
            _queue(rw, call.func.value)
            return rw.source()
        if dotted(call.func).endswith("Dataset.from_tensor_slices"):
            _dataset(rw, call)
            return rw.source()
    return None


def _queue(rw: Rewriter, owner: ast.expr) -> None:
    """``FIFOQueue`` with enqueue and dequeue becomes a list with append and pop(0)."""
    name, made = ast.unparse(owner), None
    for node in ast.walk(rw.text.tree):  # type: ignore[arg-type]
        if not isinstance(node, (ast.Name, ast.Attribute)) or ast.unparse(node) != name:
            continue
        parent = rw.parents[id(node)]
        if isinstance(parent, ast.Assign) and isinstance(parent.value, ast.Call) and made is None:
            made = parent.value
            continue
        if not isinstance(parent, ast.Attribute) or parent.attr not in _QUEUE:
            raise NoRepair
        call, (method, count) = rw.parents[id(parent)], _QUEUE[parent.attr]
        if not isinstance(call, ast.Call) or len(call.args) != count or call.keywords:
            raise NoRepair
        line, column = parent.end_lineno or 0, parent.end_col_offset or 0
        rw.edits.replace((line, column - len(parent.attr), line, column), method)
        if not count:
            rw.edits.insert(*_inside(call), "0")
    if made is None or dotted(made.func).rsplit(".", 1)[-1] != "FIFOQueue":
        raise NoRepair
    rw.edits.replace(span(made), "[]")


def _inside(call: ast.Call) -> tuple[int, int]:
    """Just before the closing bracket of a call."""
    return call.end_lineno or 0, (call.end_col_offset or 0) - 1


def _dataset(rw: Rewriter, made: ast.Call) -> None:
    """``from_tensor_slices(xs).batch(n)``, where it is only gone over, becomes a list of slices."""
    method = rw.parents[id(made)]
    call = rw.parents[id(method)]
    if not isinstance(method, ast.Attribute) or method.attr != "batch" or len(made.args) != 1:
        raise NoRepair
    if not isinstance(call, ast.Call) or len(call.args) != 1 or call.keywords or made.keywords:
        raise NoRepair
    if not _is_gone_over(rw, call):
        raise NoRepair
    given, size = made.args[0], call.args[0]
    parts = given.elts if isinstance(given, (ast.Tuple, ast.List)) else [given]
    if not all(isinstance(p, (ast.Name, ast.Attribute, ast.Constant)) for p in [*parts, size]):
        raise NoRepair  # what is computed there would be computed for every batch
    n, i = rw.inside(size), rw.free_name("i")
    rows = ", ".join(f"{rw.inside(p)}[{i}:{i} + {n}]" for p in parts)
    rows = f"({rows})" if isinstance(given, ast.Tuple) else rows
    if isinstance(given, ast.List):
        raise NoRepair  # a list of tensors is one tensor
    rw.put(call, lambda: f"[{rows} for {i} in range(0, len({rw.inside(parts[0])}), {n})]")


def _is_gone_over(rw: Rewriter, node: ast.expr) -> bool:
    """Whether all that is done with a value is to go over it."""
    parent = rw.parents[id(node)]
    if isinstance(parent, (ast.For, ast.comprehension)):
        return parent.iter is node
    if isinstance(parent, ast.Call) and dotted(parent.func) in _TURNS:
        return dotted(parent.func) == "list" or _is_gone_over(rw, parent)
    name = None
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
        name = ast.unparse(parent.targets[0])
        uses = _loads(rw, name)
        return bool(uses) and all(_is_gone_over(rw, use) for use in uses)
    if isinstance(parent, ast.Return):
        function = next((n for n in rw.above(parent) if isinstance(n, ast.FunctionDef)), None)
        uses = _loads(rw, function.name) if function is not None else []
        calls = [rw.parents[id(use)] for use in uses]
        return bool(calls) and all(isinstance(c, ast.Call) and _is_gone_over(rw, c) for c in calls)
    return False


def _loads(rw: Rewriter, name: str) -> list[ast.expr]:
    return [
        n for n in ast.walk(rw.text.tree)  # type: ignore[arg-type]
        if isinstance(n, (ast.Name, ast.Attribute)) and isinstance(n.ctx, ast.Load)
        and ast.unparse(n) == name
    ]  # fmt: skip
