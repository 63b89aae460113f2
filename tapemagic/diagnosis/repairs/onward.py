"""A value that was overwritten before its use: the next statement takes it, or adds to it."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tapemagic.cell.text import span
from tapemagic.cell.trees import own_nodes
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.dropped import Overwritten
from tapemagic.diagnosis.edits import Edits, dotted, indent_of
from tapemagic.diagnosis.repairs.rewriter import enclosing, mechanical


@dataclass(frozen=True, slots=True)
class Onward:
    """A change that may have been meant: what it takes the place of, and the changed cell."""

    was: str
    fixed: str | None


def onward(case: Case, over: Overwritten) -> Onward | None:
    """``h = f(x)`` and then ``h = g(x)``, where ``h = g(h)`` would use the first.

    In a loop ``h = x`` stands before it, and ``h = f(x)`` in each turn.
    """
    if over.again:
        turn = _turn(case, over)
        begin = turn[2].value if turn is not None and turn[2] is not None else None
        if turn is None or not isinstance(begin, ast.Name):
            return None
        return _taking(case, over.name, turn[0], {begin.id})
    if not (over.first.here and over.at.here):
        return None
    one, other = (case.here.statement_at(site.line) for site in (over.first, over.at))
    if not (isinstance(one, ast.Assign) and isinstance(other, ast.Assign)):
        return None
    if not (_binds(one, over.name) and _binds(other, over.name)):
        return None
    return _taking(case, over.name, other, {n.id for n in _arguments(one)})


def _taking(case: Case, name: str, statement: ast.Assign, older: set[str]) -> Onward | None:
    """The statement with the name in place of the one older value that it takes."""
    taken = _arguments(statement)
    places = [n for n in taken if n.id in older]
    if len(places) != 1 or any(n.id == name for n in taken):
        return None  # which of them was meant is for the person to say
    return Onward(places[0].id, Edits(case.here).replace(span(places[0]), name).source())


@mechanical
def summed(case: Case, over: Overwritten) -> str | None:
    """``total = f(x)`` in a loop becomes ``total += f(x)``, where numbers are summed up from zero."""
    turn = _turn(case, over)
    if turn is None or any(n.id == over.name for n in _arguments(turn[0])):
        return None
    statement, loop, before = turn
    edits = Edits(case.here)
    if before is None:
        if not _is_number(case, over):
            return None
        edits.insert_line(loop.lineno, f"{indent_of(case.here, loop.lineno)}{over.name} = 0.0")
    elif not _is_zero(before.value):
        return None
    target = span(statement.targets[0])
    between = edits.raw((*target[2:], *span(statement.value)[:2]))
    spaces = len(between) - len(between.lstrip())
    return edits.insert(target[2], target[3] + spaces, "+").source()


def _is_number(case: Case, over: Overwritten) -> bool:
    """Whether what the name was given is a single number."""
    bound = (b for b in case.view.trace.bindings if b.name == over.name and b.at == over.at)
    facts = (case.view.trace.tensors.get(b.tensor) for b in bound)
    return all(f is not None and f.shape == () for f in facts)


def _is_zero(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        last = dotted(node.func).rsplit(".", 1)[-1]
        shape = node.args[0]
        if last == "zeros":
            return isinstance(shape, (ast.List, ast.Tuple)) and not shape.elts
        return last == "constant" and _is_zero(shape)
    return isinstance(node, ast.Constant) and type(node.value) in (int, float) and not node.value


def _turn(
    case: Case, over: Overwritten
) -> tuple[ast.Assign, ast.For | ast.While, ast.Assign | None] | None:
    """The statement that overwrites, its loop, and what gave the name its value before the loop."""
    statement = case.here.statement_at(over.at.line) if over.at.here else None
    if not isinstance(statement, ast.Assign) or not _binds(statement, over.name):
        return None
    loop = enclosing(case.here, statement, (ast.For, ast.While))
    home = enclosing(case.here, statement, (ast.FunctionDef,)) or case.here.tree
    if loop is None or home is None:
        return None
    before = [
        n for n in own_nodes(home.body) if isinstance(n, ast.Assign) and _binds(n, over.name)
        and n.lineno < loop.lineno
    ]  # fmt: skip
    before.sort(key=lambda n: n.lineno)
    return statement, loop, before[-1] if before else None


def _binds(node: ast.Assign, name: str) -> bool:
    return len(node.targets) == 1 and isinstance(node.targets[0], ast.Name) and (
        node.targets[0].id == name
    )  # fmt: skip


def _arguments(statement: ast.Assign) -> list[ast.Name]:
    """The bare names in an expression, without those that are called or looked into."""
    owners = {
        id(part) for n in ast.walk(statement.value)
        for part in ([n.func] if isinstance(n, ast.Call) else [n.value] if isinstance(n, ast.Attribute) else [])
    }  # fmt: skip
    return [n for n in ast.walk(statement.value) if isinstance(n, ast.Name) and id(n) not in owners]
