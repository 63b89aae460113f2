"""A target that is computed in the question itself is computed at the end of the tape's block."""

from __future__ import annotations

import ast

from tapemagic.cell.text import contains, span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import indent_of, siblings, with_of_tape
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical


@mechanical
def target_inside(case: Case) -> str | None:
    """``tape.gradient(f(x), x)`` after the block becomes ``target = f(x)`` in it, and a question for that."""
    rw, enter, op = Rewriter(case.here), case.with_statement(), case.op
    query = case.node(case.view.query.at)
    if enter is None or not enter.here or op is None or not isinstance(query, ast.Call):
        return None
    target, block = query.args[0], with_of_tape(case.here, enter.line)
    stack = [s for s in (op.at, *op.via) if s is not None and s.here and s.expr is not None]
    if block is None or not any(contains(span(target), s.expr) for s in stack if s.expr):
        return None
    row = siblings(case.here, block) or []
    asking = next((s for s in row if any(n is query for n in ast.walk(s))), None)
    if asking is None or block.body[0].lineno == block.lineno:
        return None
    between = row[row.index(block) + 1 : row.index(asking) + 1]
    read = {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
    if read & {name for s in between for name in _given(s, query)}:
        raise NoRepair
    name, indent = rw.free_name("target"), indent_of(case.here, block.body[0].lineno)
    value = rw.inside(target)
    value = f"({value})" if "\n" in value else value
    rw.edits.insert_line((block.end_lineno or 0) + 1, f"{indent}{name} = {value}")
    rw.put(target, lambda: name)
    return rw.source()


def _given(statement: ast.stmt, query: ast.Call) -> set[str]:
    """The names that a statement binds before a question in it is asked."""
    asks = isinstance(statement, ast.Assign) and any(n is query for n in ast.walk(statement))
    nodes = ast.walk(statement.value if asks else statement)  # type: ignore[attr-defined]
    return {n.id for n in nodes if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
