"""What a function gave, computed before the tape was opened, is computed in the function."""

from __future__ import annotations

import ast

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import after_docstring, body_lines, indent_of, shifted, siblings
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical
from tapemagic.traces.model import Site

_FUNCTIONS = (ast.Lambda, ast.FunctionDef)
Function = ast.Lambda | ast.FunctionDef


@mechanical
def in_body(case: Case, at: Site | None) -> str | None:
    """``cost = f(x)`` and ``lambda: cost`` become ``lambda: f(x)``, or a function that computes it."""
    if at is None or not at.here:
        return None
    rw = Rewriter(case.here)
    statement = case.here.statement_at(at.line)
    row = siblings(case.here, statement) if statement is not None else None
    if row is None or not isinstance(statement, ast.Assign):
        return None
    moved, function = _chain(rw, row, statement)
    read = {n.id for s in moved for n in ast.walk(s) if isinstance(n, ast.Name)}
    if read & _own(function):
        raise NoRepair
    if isinstance(function, ast.FunctionDef):
        first = after_docstring(function)
        lead = indent_of(rw.text, first.lineno)
        if first.lineno == function.lineno:
            raise NoRepair
        rw.edits.insert_line(body_lines(rw.text, first)[0], _rows(rw, moved, lead))
    elif len(moved) == 1:
        uses = _loads(function.body, moved[0])
        if len(uses) != 1:
            raise NoRepair
        rw.put(uses[0], lambda: rw.inside(moved[0].value))
    else:
        _as_function(rw, function, moved)
    for one in moved:
        rw.edits.delete_lines(*body_lines(rw.text, one))
    return rw.source()


def _chain(
    rw: Rewriter, row: list[ast.stmt], statement: ast.Assign
) -> tuple[list[ast.Assign], Function]:
    """A statement, those that compute with it, and the one function that uses what they give.

    Raises:
        NoRepair: If there is more, or a name of theirs is bound again.
    """
    tree, moved = rw.text.tree, [statement]
    assert tree is not None
    functions: list[Function] = []
    for one in moved:
        name = one.targets[0]
        if len(one.targets) != 1 or not isinstance(name, ast.Name) or one.lineno != one.end_lineno:
            raise NoRepair
        if sum(s.lineno == one.lineno for s in rw.text.statements) > 1:
            raise NoRepair  # another statement stands on its line
        for node in ast.walk(tree):
            if not isinstance(node, ast.Name) or node.id != name.id or node is name:
                continue
            function = next((n for n in rw.above(node) if isinstance(n, _FUNCTIONS)), None)
            if not isinstance(node.ctx, ast.Load):
                raise NoRepair
            if function is not None and not any(s is statement for s in ast.walk(function)):
                functions.append(function)
                continue
            user = next((s for s in row if any(n is node for n in ast.walk(s))), None)
            if not isinstance(user, ast.Assign):
                raise NoRepair
            if not any(user is s for s in moved):
                moved.append(user)
    if not functions or any(f is not functions[0] for f in functions):
        raise NoRepair
    _bound_once(rw, moved)
    return sorted(moved, key=lambda s: s.lineno), functions[0]


def _bound_once(rw: Rewriter, moved: list[ast.Assign]) -> None:
    """What the statements read is the same when they run later."""
    read = {n.id for s in moved for n in ast.walk(s.value) if isinstance(n, ast.Name)}
    stores = [
        n.id for n in ast.walk(rw.text.tree)  # type: ignore[arg-type]
        if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)
    ]  # fmt: skip
    if any(stores.count(name) > 1 for name in read):
        raise NoRepair


def _own(function: Function) -> set[str]:
    """The names of a function's own."""
    stores = [n for n in ast.walk(function) if isinstance(n, ast.Name)]
    names = {n.id for n in stores if not isinstance(n.ctx, ast.Load)}
    return names | {a.arg for a in ast.walk(function.args) if isinstance(a, ast.arg)}


def _loads(body: ast.AST, made: ast.Assign) -> list[ast.expr]:
    name = ast.unparse(made.targets[0])
    return [n for n in ast.walk(body) if isinstance(n, ast.Name) and n.id == name]


def _as_function(rw: Rewriter, function: ast.Lambda, moved: list[ast.Assign]) -> None:
    """``loss = lambda: cost`` as a ``def`` that has room for statements."""
    named = rw.parents.get(id(function))
    if not isinstance(named, ast.Assign) or not isinstance(named.targets[0], ast.Name):
        raise NoRepair
    lead = indent_of(rw.text, named.lineno)
    head = f"def {named.targets[0].id}({ast.unparse(function.args)}):"
    rows = _rows(rw, moved, f"{lead}    ")
    rw.edits.replace(span(named), f"{head}\n{rows}\n{lead}    return {rw.inside(function.body)}")


def _rows(rw: Rewriter, moved: list[ast.Assign], lead: str) -> str:
    return "\n".join(shifted(rw.text, *body_lines(rw.text, one), lead) for one in moved)
