"""Statements that ran before the tape's block move into it, with what depends on them."""

from __future__ import annotations

import ast

from tapemagic.cell.text import CellText
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import (
    Edits,
    binds,
    body_lines,
    dotted,
    indent_of,
    shifted,
    siblings,
    with_of_tape,
)
from tapemagic.diagnosis.repairs.rewriter import mechanical
from tapemagic.traces.model import Site

_FILLING = frozenset(["append", "extend", "insert", "appendleft", "add", "update", "setdefault"])
_FIXED = (
    ast.FunctionDef,
    ast.ClassDef,
    ast.Import,
    ast.ImportFrom,
    ast.Return,
    ast.AsyncFunctionDef,
)


@mechanical
def moved_into(case: Case, at: Site | None) -> str | None:
    """The cell with the statement at a site moved to the top of the tape's block."""
    enter = case.with_statement()
    if at is None or enter is None or not at.here or not enter.here:
        return None
    text = case.here
    block = with_of_tape(text, enter.line)
    statement = text.statement_at(at.line)
    if block is None or not isinstance(statement, ast.stmt) or block.body[0].lineno == block.lineno:
        return None
    row = siblings(text, statement)
    while row is not None and not _reaches(row, statement, block):
        # Part of a loop or condition: that moves as a whole.
        parent = _parent(text, statement)
        if parent is None:
            return None
        statement, row = parent, siblings(text, parent)
    moved = _with_dependents(row or [], statement, block)
    if moved is None:
        return None
    moved = _with_inner_tape(row or [], moved)
    if _made_again(case, moved) or _read_before(row or [], moved, block):
        return None
    indent = indent_of(text, block.body[0].lineno)
    edits, rows = Edits(text), []
    for one in moved:
        begin, end = body_lines(text, one)
        rows.append(shifted(text, begin, end, indent))
        edits.delete_lines(begin, end)
    watched = [s for s in block.body if _is_watch(s)]
    first = next((s for s in block.body if not _is_watch(s)), None) if watched else block.body[0]
    if first is None:
        return None
    return edits.insert_line(body_lines(text, first)[0], "\n".join(rows)).source()


def _made_again(case: Case, moved: list[ast.stmt]) -> bool:
    """Whether the object whose variables are asked about would be made anew under the tape."""
    names = set().union(*(_bound(s) for s in moved))
    roots = {
        a.name.split(".")[0].split("[")[0] for a in case.view.query.sources if a.kind == "variable"
    }
    return bool(names & roots)


def _read_before(row: list[ast.stmt], moved: list[ast.stmt], block: ast.With) -> bool:
    """Whether what is moved into a block is read on the way to it, as a loop around the block does."""
    names = set().union(*(_bound(s) for s in moved))
    between = [s for s in row[row.index(moved[0]) :] if not any(s is m for m in moved)]
    return any(
        isinstance(n, ast.Name) and n.id in names and n.lineno < block.lineno
        and isinstance(n.ctx, ast.Load)
        for s in between if not isinstance(s, (ast.FunctionDef, ast.ClassDef)) for n in ast.walk(s)
    )  # fmt: skip


def _is_watch(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Call) and dotted(value.func).endswith(".watch")


def _with_inner_tape(row: list[ast.stmt], moved: list[ast.stmt]) -> list[ast.stmt]:
    """What works on an inner gradient moves with the question for it, and with the tape's block."""
    names = {n.id for s in moved for n in ast.walk(s) if isinstance(n, ast.Name)}
    before = row[: row.index(moved[0])]
    asked = [
        s for s in before
        if isinstance(s, ast.Assign) and isinstance(s.value, ast.Call)
        and dotted(s.value.func).endswith((".gradient", ".jacobian")) and _bound(s) & names
    ]  # fmt: skip
    tapes = {dotted(s.value.func).split(".")[0] for s in asked}  # type: ignore[attr-defined]
    blocks = [
        s for s in before if isinstance(s, ast.With)
        and any(isinstance(i.optional_vars, ast.Name) and i.optional_vars.id in tapes for i in s.items)
    ]  # fmt: skip
    chosen = [*blocks, *asked, *moved]
    return [s for s in row if any(s is c for c in chosen)]


def _reaches(row: list[ast.stmt], statement: ast.stmt, block: ast.With) -> bool:
    """Whether a later statement of the same row is the block, or holds it."""
    index = next(i for i, s in enumerate(row) if s is statement)
    return any(_holds(other, block) for other in row[index + 1 :])


def _holds(node: ast.stmt, block: ast.With) -> bool:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return False
    return any(inner is block for inner in ast.walk(node))


def _parent(text: CellText, node: ast.stmt) -> ast.stmt | None:
    for other in text.statements:
        if isinstance(other, (ast.For, ast.While, ast.If, ast.With)) and any(
            child is node for child in ast.iter_child_nodes(other)
        ):
            return other
    return None


def _with_dependents(
    row: list[ast.stmt], statement: ast.stmt, block: ast.With
) -> list[ast.stmt] | None:
    """A statement and those up to the block that use what it binds."""
    if isinstance(statement, _FIXED):
        return None
    index = next(i for i, s in enumerate(row) if s is statement)
    moved, names = [statement], _bound(statement)
    for other in row[index + 1 :]:
        if _holds(other, block):
            return moved
        if isinstance(other, (ast.FunctionDef, ast.ClassDef)):
            continue
        if any(isinstance(n, ast.Name) and n.id in names for n in ast.walk(other)):
            if isinstance(other, _FIXED):
                return None
            moved.append(other)
            names |= _bound(other)
    return None


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a statement binds, or whose lists and dicts it fills."""
    found = {
        n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and binds(statement, n.id)
    }
    for node in ast.walk(statement):
        filled = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            filled = node.func.value if node.func.attr in _FILLING else None
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            filled = node.value
        if isinstance(filled, ast.Name):
            found.add(filled.id)
    return found
