"""A name that was rebound to a tensor: assign to the variable instead, or watch the tensor."""

from __future__ import annotations

import ast
import re

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import Edits, indent_of
from tapemagic.diagnosis.repairs.rewriter import mechanical
from tapemagic.diagnosis.repairs.watching import insert_watch
from tapemagic.traces.model import Binding

_METHODS = {ast.Add: "assign_add", ast.Sub: "assign_sub"}


@mechanical
def in_place(case: Case, binding: Binding) -> str | None:
    """The cell with the variable changed in place; else with the new tensors watched."""
    if not binding.at.here:
        return None
    node = case.here.statement_at(binding.at.line)
    return _assigned(case, binding, node) or _each(case, node) or _watched(case)


def _assigned(case: Case, binding: Binding, node: ast.AST | None) -> str | None:
    if not re.fullmatch(r"[\w.]+", binding.name):
        return None
    edits = Edits(case.here)
    if isinstance(node, ast.AugAssign) and ast.unparse(node.target) == binding.name:
        return _changed(edits, node, binding.name, type(node.op), node.value)
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return None
    if ast.unparse(node.targets[0]) != binding.name:
        return None
    value = node.value
    if isinstance(value, ast.BinOp) and ast.unparse(value.left) == binding.name:
        if type(value.op) in _METHODS:
            return _changed(edits, node, binding.name, type(value.op), value.right)
    return edits.replace(span(node), f"{binding.name}.assign({edits.raw(span(value))})").source()


def _changed(
    edits: Edits, node: ast.AST, name: str, kind: type[ast.operator], value: ast.expr
) -> str | None:
    method = _METHODS.get(kind)
    written = edits.raw(span(value))
    if method is None:
        sign = {ast.Mult: "*", ast.Div: "/"}.get(kind)
        if sign is None:
            return None
        return edits.replace(span(node), f"{name}.assign({name} {sign} ({written}))").source()
    return edits.replace(span(node), f"{name}.{method}({written})").source()


def _each(case: Case, node: ast.AST | None) -> str | None:
    """``ws = [w - r * g for w, g in zip(ws, gs)]`` becomes a loop of ``assign_sub``."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.ListComp):
        return None
    made = node.value
    if len(made.generators) != 1 or made.generators[0].ifs or len(node.targets) != 1:
        return None
    turn, target = made.generators[0], node.targets[0]
    name = _item(turn, ast.unparse(target))
    if name is None:
        return None
    edits = Edits(case.here)
    each = made.elt
    method = "assign"
    value: ast.expr = each
    if isinstance(each, ast.BinOp) and ast.unparse(each.left) == name and type(each.op) in _METHODS:
        method, value = _METHODS[type(each.op)], each.right
    indent = indent_of(case.here, node.lineno)
    head = f"for {edits.raw(span(turn.target))} in {edits.raw(span(turn.iter))}:"
    body = f"{indent}    {name}.{method}({edits.raw(span(value))})"
    return edits.replace(span(node), f"{head}\n{body}").source()


def _item(turn: ast.comprehension, name: str) -> str | None:
    """The loop's name for an item of the list that is rebound."""
    if ast.unparse(turn.iter) == name and isinstance(turn.target, ast.Name):
        return turn.target.id
    if not isinstance(turn.iter, ast.Call) or not isinstance(turn.target, ast.Tuple):
        return None
    if ast.unparse(turn.iter.func) != "zip":
        return None
    for given, bound in zip(turn.iter.args, turn.target.elts, strict=False):
        if ast.unparse(given) == name and isinstance(bound, ast.Name):
            return bound.id
    return None


def _watched(case: Case) -> str | None:
    """Tensors of the next turn are watched, as variables are by themselves."""
    enter, at = case.with_statement(), case.view.query.at
    query = case.node(at)
    if enter is None or not enter.here or at is None or not at.here:
        return None
    if not isinstance(query, ast.Call) or len(query.args) < 2:
        return None
    written = ast.unparse(query.args[1])
    edits = Edits(case.here)
    done = insert_watch(case.here, edits, enter.line, case.tape_name, written)
    return edits.source() if done else None
