"""A list that was computed before the loop over it is computed item by item, in the tape's block."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import body_lines, dotted, indent_of, siblings, with_of_tape
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical
from tapemagic.traces.model import Site

_LISTS = (ast.List, ast.ListComp, ast.Tuple)


@dataclass(frozen=True, slots=True)
class Listing:
    """How a list was filled: its name, an item of it, the loop over what, and the statements."""

    name: str
    item: ast.expr
    target: ast.expr
    over: ast.expr
    statements: tuple[ast.stmt, ...]


@mechanical
def fused(case: Case, at: Site | None) -> str | None:
    """``hs = [f(x) for x in xs]``, ``for h in hs:`` becomes ``for x in xs:`` with ``h = f(x)`` in the block."""
    rw, enter = Rewriter(case.here), case.with_statement()
    if at is None or enter is None or not (at.here and enter.here):
        return None
    block = with_of_tape(case.here, enter.line)
    listing = _listing(rw, case.here.statement_at(at.line))
    loop = _loop(rw, listing)
    if block is None or loop not in rw.above(block) or block.body[0].lineno == block.lineno:
        return None
    same = any(s is loop for s in siblings(case.here, listing.statements[-1]) or ())
    if not (same or _is_listed(rw, listing.over)):
        raise NoRepair  # what can be gone over once would be gone over again
    _new_names(rw, listing, loop)
    value, first = rw.inside(listing.item), block.body[0]
    if "\n" in value:
        raise NoRepair
    lead = indent_of(case.here, first.lineno)
    rw.edits.insert_line(
        body_lines(case.here, first)[0], f"{lead}{rw.inside(loop.target)} = {value}"
    )
    rw.edits.replace(span(loop.target), rw.inside(listing.target))
    rw.edits.replace(span(loop.iter), rw.inside(listing.over))
    for statement in listing.statements:
        rw.edits.delete_lines(*body_lines(case.here, statement))
    return rw.source()


def _listing(rw: Rewriter, statement: ast.AST | None) -> Listing:
    """A list that a comprehension made, or a loop of nothing but ``append``.

    Raises:
        NoRepair: If the statement is neither.
    """
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.ListComp):
        made, bound = statement.value, statement.targets[0]
        turn = made.generators[0]
        if len(made.generators) > 1 or turn.ifs or not isinstance(bound, ast.Name):
            raise NoRepair
        return Listing(bound.id, made.elt, turn.target, turn.iter, (statement,))
    filling = rw.parents.get(id(statement))
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(filling, ast.For) or not isinstance(call, ast.Call):
        raise NoRepair
    if len(filling.body) > 1 or filling.orelse or not dotted(call.func).endswith(".append"):
        raise NoRepair
    name = dotted(call.func).removesuffix(".append")
    row = siblings(rw.text, filling) or []
    empty = next(
        s for s in row[: row.index(filling)]
        if isinstance(s, ast.Assign) and ast.unparse(s) == f"{name} = []"
    )  # fmt: skip
    return Listing(name, call.args[0], filling.target, filling.iter, (empty, filling))


def _loop(rw: Rewriter, listing: Listing) -> ast.For:
    """The loop over a list, if nothing else uses it.

    Raises:
        NoRepair: If something does, or the name is bound again.
    """
    own = {id(n) for s in listing.statements for n in ast.walk(s)}
    others = [
        n for n in ast.walk(rw.text.tree)  # type: ignore[arg-type]
        if isinstance(n, ast.Name) and n.id == listing.name and id(n) not in own
    ]  # fmt: skip
    loop = rw.parents.get(id(others[0])) if len(others) == 1 else None
    if not isinstance(loop, ast.For) or loop.iter is not others[0]:
        raise NoRepair
    return loop


def _new_names(rw: Rewriter, listing: Listing, loop: ast.For) -> None:
    """Refuse where the loop would bind a name that is used for something else."""
    inside = [n for s in listing.statements for n in ast.walk(s)]
    names = {n.id for n in ast.walk(listing.target) if isinstance(n, ast.Name)}
    names -= {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)}
    scope = next((n for n in rw.above(loop) if isinstance(n, ast.FunctionDef)), rw.text.tree)
    assert scope is not None
    for node in ast.walk(scope):
        if isinstance(node, ast.Name) and node.id in names and not any(n is node for n in inside):
            owners = (
                ast.ListComp,
                ast.GeneratorExp,
                ast.DictComp,
                ast.SetComp,
                ast.FunctionDef,
                ast.Lambda,
            )
            own = next((n for n in rw.above(node) if isinstance(n, owners)), None)
            if own is None or own is scope or any(n is loop for n in rw.above(own)):
                raise NoRepair


def _is_listed(rw: Rewriter, items: ast.expr) -> bool:
    """Whether an expression can be gone over again and again."""
    if isinstance(items, ast.Name):
        bound = [
            n.value for n in rw.text.statements if isinstance(n, ast.Assign)
            and any(ast.unparse(t) == items.id for t in n.targets)
        ]  # fmt: skip
        return len(bound) == 1 and _is_listed(rw, bound[0])
    if isinstance(items, ast.Call):
        return dotted(items.func) in ("range", "list") or dotted(items.func).startswith(f"{rw.tf}.")
    return isinstance(items, _LISTS)
