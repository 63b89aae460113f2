"""Where ``tape.watch`` has to stand."""

from __future__ import annotations

import ast
import re

from tapemagic.cell.text import CellText, contains, span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import Edits, binds, body_lines, indent_of, tape_variable

_SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr)


def asked(case: Case) -> str:
    """What a watch must be given for the source: the whole list that the question names."""
    at = case.view.query.at
    node = case.node(at)
    if isinstance(node, ast.Call) and len(node.args) > 1 and at is not None and at.here:
        source = node.args[1]
        kinds = {a.kind for a in case.view.query.sources}
        written = ast.unparse(source)
        if isinstance(source, (ast.Name, ast.Attribute)) and kinds == {"tensor"}:
            if case.name.startswith(written):
                return written
    return case.name


def needs_watch(case: Case) -> bool:
    """Whether the source is a plain tensor that its tape doesn't track."""
    facts = case.view.trace.tensors.get(case.source.tensor or -1)
    tracking = case.view.tracking
    if facts is None or tracking is None:
        return False
    if facts.kind == "variable":
        return facts.trainable is False and facts.id not in tracking.watches
    return facts.id not in tracking.tracked


def watch_source(case: Case, edits: Edits) -> bool:
    """Let the tape watch the source too, where nothing else makes it tracked."""
    if not needs_watch(case):
        return True
    at = case.with_statement()
    if at is None or not at.here:
        return False
    return insert_watch(case.here, edits, at.line, case.tape_name, asked(case))


def insert_watch(text: CellText, edits: Edits, line: int, tape: str, expression: str) -> bool:
    """Put ``tape.watch(expression)`` as early in the tape's block as the value exists."""
    block = next(
        (n for n in text.statements if isinstance(n, ast.With) and n.lineno == line), None
    )
    if block is None or not re.fullmatch(r"[\w.\[\]'\"]+", expression):
        return False
    name = tape_variable(block, tape)
    if name is None:
        opened = [i.context_expr for i in block.items]
        name = next((n.id for n in opened if isinstance(n, ast.Name)), None)
    root = re.match(r"\w+", expression)
    if name is None or root is None:
        return False
    call = f"{name}.watch({expression})"
    binding = _last_binding(block, root.group(), span(block.body[0])[0] - 1)
    if binding is None:
        first = block.body[0]
        if first.lineno == block.lineno:
            edits.insert(first.lineno, first.col_offset, f"{call}; ")
        else:
            edits.insert_line(body_lines(text, first)[0], indent_of(text, first.lineno) + call)
        return True
    if isinstance(binding, ast.For):
        inner = binding.body[0]
        edits.insert_line(body_lines(text, inner)[0], indent_of(text, inner.lineno) + call)
        return True
    if not isinstance(binding, _SIMPLE) or text.lines[binding.lineno - 1].lstrip() == "":
        return False
    edits.insert_line((binding.end_lineno or 0) + 1, indent_of(text, binding.lineno) + call)
    return True


def _last_binding(block: ast.With, name: str, before: int) -> ast.stmt | None:
    """The innermost statement of a block that last binds a name."""
    del before
    found: ast.stmt | None = None
    todo: list[ast.stmt] = list(block.body)
    while todo:
        one = todo.pop(0)
        if isinstance(one, (ast.FunctionDef, ast.ClassDef)) or not binds(one, name):
            continue
        inside = [s for s in ast.iter_child_nodes(one) if isinstance(s, ast.stmt)]
        if isinstance(one, ast.For) and binds(one.target, name):
            found = one
        elif not inside:
            found = one
        if found is None or not contains(span(one), span(found)) or not isinstance(one, ast.For):
            todo = inside + todo
    return found
