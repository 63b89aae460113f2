"""A plain number of the person's code that became the target: where it was written."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import dotted
from tapemagic.traces.model import Site

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Plain:
    """A number that was written where a tensor was wanted.

    Attributes:
        value: The number.
        at: The statement that gives it.
        function: The function that returns it; None when the target's name is bound to it.
        called: The line of that function's call.
    """

    value: ast.expr
    at: Site
    function: _Function | None = None
    called: int = 0

    def carrier(self, case: Case) -> str | None:
        """The function's first parameter that held a tensor which the tape tracked."""
        tracking = case.view.tracking
        if self.function is None or tracking is None:
            return None
        name = self.function.name
        held = {
            b.name for b in case.view.trace.bindings
            if b.at.here and b.at.function == name and b.tensor in tracking.tracked
        }  # fmt: skip
        given = self.function.args
        return next((a.arg for a in [*given.posonlyargs, *given.args] if a.arg in held), None)


def plain_number(case: Case, name: str) -> Plain | None:
    """The one number that a name can have got: bound to it, or returned by the function called."""
    tree = case.here.tree
    nodes = list(ast.walk(tree)) if tree is not None else []
    bound = [
        n for n in nodes
        if isinstance(n, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in n.targets)
    ]  # fmt: skip
    if len(bound) != 1:
        return None
    value = bound[0].value
    if _is_number(value):
        return Plain(value, case.here.site(span(bound[0]), None, None))
    if not isinstance(value, ast.Call):
        return None
    called = dotted(value.func).rsplit(".", 1)[-1]
    made = [n for n in nodes if isinstance(n, _Function) and n.name == called]
    if len(made) != 1:
        return None
    numbers = [n for n in _returns(made[0]) if n.value is not None and _is_number(n.value)]
    if len(numbers) != 1 or numbers[0].value is None:
        return None
    at = case.here.site(span(numbers[0]), None, called)
    return Plain(numbers[0].value, at, made[0], value.lineno)


def _returns(function: _Function) -> list[ast.Return]:
    """The return statements of a function, without those of functions in it."""
    found: list[ast.Return] = []
    todo: list[ast.AST] = list(function.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Return):
            found.append(node)
        elif not isinstance(
            node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
        ):
            todo.extend(ast.iter_child_nodes(node))
    return found


def _is_number(node: ast.expr) -> bool:
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(inner, ast.Constant) and type(inner.value) in (int, float)
