"""A function made in a loop looks the loop's name up when it is called: then it holds the last item."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from tapemagic.cell.text import contains, span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import Edits
from tapemagic.traces.model import Op, Site

_LOOPS = (ast.For, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.Lambda, ast.FunctionDef)
Function = ast.Lambda | ast.FunctionDef


@dataclass(frozen=True, slots=True)
class LateBound:
    """A function that was called after its loop, and the loop's names in it."""

    at: Site
    function: Function
    names: tuple[str, ...]

    @property
    def written(self) -> str:
        """The function, as it is told."""
        made = self.function
        return ast.unparse(made) if isinstance(made, ast.Lambda) else f"def {made.name}"


def late_bound(case: Case) -> LateBound | None:
    """The function that would have used the source, had it kept the item of its turn."""
    tree = case.here.tree
    for loop in ast.walk(tree) if tree is not None else ():
        if not isinstance(loop, _LOOPS):
            continue
        turns = dict(_turns(loop))
        for function in (n for n in ast.walk(loop) if isinstance(n, _FUNCTIONS)):
            names = tuple(name for name in turns if _looks_up(function, name))
            if not any(_is_item(case, name, turns[name]) for name in names):
                continue
            late = [(op.type, op.at) for op in case.view.makers if _is_late(op, loop, function)]
            if len(set(late)) < len(late):  # it was called more than once
                return LateBound(case.here.site(span(function)), function, names)
    return None


def bound_early(case: Case, found: LateBound) -> str | None:
    """The cell with the item as a default of a parameter, which is taken when the function is made."""
    args = found.function.args
    if args.vararg or args.kwarg or args.kwonlyargs:
        return None
    given, edits = ", ".join(f"{name}={name}" for name in found.names), Edits(case.here)
    if args.args:
        last = args.defaults[-1] if args.defaults else args.args[-1]
        return edits.insert(*span(last)[2:], f", {given}").source()
    raw = edits.raw(span(found.function))
    if raw.startswith("lambda:"):
        line, column = span(found.function)[:2]
        return edits.insert(line, column + len("lambda"), f" {given}").source()
    return None


def _turns(loop: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The names that a loop binds in each turn, and what it goes over."""
    turns = [loop] if isinstance(loop, ast.For) else loop.generators  # type: ignore[attr-defined]
    for turn in turns:
        for node in ast.walk(turn.target):
            if isinstance(node, ast.Name):
                yield node.id, turn.iter


def _is_item(case: Case, name: str, items: ast.expr) -> bool:
    """Whether the source was an item of the loop, or belongs to one."""
    if any(b.name == name and b.tensor == case.source.tensor for b in case.view.trace.bindings):
        return True
    try:
        asked = ast.parse(case.name, mode="eval")
    except SyntaxError:
        return False
    roots = {n.id for n in ast.walk(asked) if isinstance(n, ast.Name)}
    return any(isinstance(n, ast.Name) and n.id in roots for n in ast.walk(items))


def _looks_up(function: Function, name: str) -> bool:
    """Whether a function reads a name of the code around it."""
    own = {a.arg for a in ast.walk(function.args) if isinstance(a, ast.arg)}
    uses = {n.ctx.__class__ for n in ast.walk(function) if isinstance(n, ast.Name) and n.id == name}
    return name not in own and uses == {ast.Load}


def _is_late(op: Op, loop: ast.AST, function: Function) -> bool:
    """Whether an op ran in a function that was called from outside of its loop."""
    stack = [s for s in (op.at, *op.via) if s is not None]
    inside = [i for i, s in enumerate(stack) if _holds(function, s)]
    return bool(inside) and not any(_holds(loop, s) for s in stack[inside[-1] + 1 :])


def _holds(node: ast.AST, site: Site) -> bool:
    if not site.here or site.expr is None:
        return False
    return contains(span(node), site.expr)
