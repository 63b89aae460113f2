"""A list that was computed before the loop over it is computed item by item, in the tape's block."""

from __future__ import annotations

import ast

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import body_lines, dotted, indent_of, siblings, with_of_tape
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical
from tapemagic.traces.model import Site

_LISTS = (ast.List, ast.ListComp, ast.Tuple)


@mechanical
def fused(case: Case, at: Site | None) -> str | None:
    """``hs = [f(x) for x in xs]``, ``for h in hs:`` becomes ``for x in xs:`` with ``h = f(x)`` in the block."""
    rw, enter = Rewriter(case.here), case.with_statement()
    if at is None or enter is None or not (at.here and enter.here):
        return None
    statement, block = case.here.statement_at(at.line), with_of_tape(case.here, enter.line)
    if not isinstance(statement, ast.Assign) or block is None:
        return None
    listed, name = statement.value, statement.targets[0]
    if not isinstance(listed, ast.ListComp) or not isinstance(name, ast.Name):
        return None
    turn, loop = listed.generators[0], _loop(rw, name)
    if len(listed.generators) > 1 or turn.ifs or len(statement.targets) > 1:
        return None
    if loop not in rw.above(block) or block.body[0].lineno == block.lineno:
        return None
    same = any(s is loop for s in siblings(case.here, statement) or ())
    if not (same or _is_listed(rw, turn.iter)):
        raise NoRepair  # what can be gone over once would be gone over again
    _new_names(rw, listed, loop)
    value = rw.inside(listed.elt)
    if "\n" in value:
        raise NoRepair
    first = block.body[0]
    lead = indent_of(case.here, first.lineno)
    rw.edits.insert_line(
        body_lines(case.here, first)[0], f"{lead}{rw.inside(loop.target)} = {value}"
    )
    rw.edits.replace(span(loop.target), rw.inside(turn.target))
    rw.edits.replace(span(loop.iter), rw.inside(turn.iter))
    rw.edits.delete_lines(*body_lines(case.here, statement))
    return rw.source()


def _loop(rw: Rewriter, name: ast.Name) -> ast.For:
    """The loop over a list, if nothing else uses it.

    Raises:
        NoRepair: If something does, or the name is bound again.
    """
    others = [
        n for n in ast.walk(rw.text.tree)  # type: ignore[arg-type]
        if isinstance(n, ast.Name) and n.id == name.id and n is not name
    ]  # fmt: skip
    loop = rw.parents.get(id(others[0])) if len(others) == 1 else None
    if not isinstance(loop, ast.For) or loop.iter is not others[0]:
        raise NoRepair
    return loop


def _new_names(rw: Rewriter, listed: ast.ListComp, loop: ast.For) -> None:
    """Refuse where the loop would bind a name that is used for something else."""
    inside = list(ast.walk(listed))
    names = {n.id for n in ast.walk(listed.generators[0].target) if isinstance(n, ast.Name)}
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
