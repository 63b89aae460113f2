"""Where ``tape.watch`` has to stand."""

from __future__ import annotations

import ast
import re

from tapemagic.cell.text import CellText, contains, span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import Edits, binds, body_lines, indent_of, tape_variable
from tapemagic.diagnosis.repairs.rewriter import NoRepair

_SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr)


def asked(case: Case) -> str:
    """What a watch must be given for the source: all of the question's that need one."""
    at = case.view.query.at
    node = case.node(at)
    if not isinstance(node, ast.Call) or len(node.args) < 2 or at is None or not at.here:
        return case.name
    source = node.args[1]
    sources = case.view.query.sources
    if isinstance(source, (ast.Name, ast.Attribute)) and {a.kind for a in sources} == {"tensor"}:
        written = ast.unparse(source)
        if case.name.startswith(written):
            return written
    if isinstance(source, (ast.List, ast.Tuple)) and len(source.elts) == len(sources):
        tracking = case.view.tracking
        names = [
            ast.unparse(e) for e, a in zip(source.elts, sources, strict=True)
            if a.kind == "tensor" and tracking is not None and a.tensor not in tracking.tracked
        ]  # fmt: skip
        if len(names) > 1 and case.name in names:
            return f"[{', '.join(names)}]"
    return case.name


def needs_watch(case: Case) -> bool:
    """Whether the source is a plain tensor that its tape doesn't track."""
    tracking, tensor = case.view.tracking, case.source.tensor
    facts = case.view.trace.tensors.get(tensor) if tensor is not None else None
    if facts is None or tracking is None:
        return False
    if facts.kind == "variable":
        return facts.trainable is False and facts.id not in tracking.watches
    return facts.id not in tracking.tracked


def watch_source(case: Case, edits: Edits) -> None:
    """Let the tape watch the source too, where nothing else makes it tracked.

    Raises:
        NoRepair: If there is no place for it in this cell.
    """
    if not needs_watch(case):
        return
    at = case.with_statement()
    if at is None or not at.here:
        raise NoRepair
    if not insert_watch(case.here, edits, at.line, case.tape_name, asked(case)):
        raise NoRepair


def insert_watch(text: CellText, edits: Edits, line: int, tape: str, expression: str) -> bool:
    """Put ``tape.watch(expression)`` as early in the tape's block as the value exists."""
    block = next((n for n in text.statements if isinstance(n, ast.With) and n.lineno == line), None)
    if block is None or not re.fullmatch(r"[\w.\[\]'\", ]+", expression):
        return False
    name = tape_variable(block, tape)
    if name is None:
        opened = [i.context_expr for i in block.items]
        name = next((n.id for n in opened if isinstance(n, ast.Name)), None)
    roots = re.findall(r"(?<![\w.'\"])[a-zA-Z_]\w*", expression)
    if name is None or not roots:
        return False
    call = f"{name}.watch({expression})"
    bindings = [b for b in (_last_binding(block, root) for root in roots) if b is not None]
    binding = max(bindings, key=lambda b: b.lineno) if bindings else None
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


def _last_binding(block: ast.With, name: str) -> ast.stmt | None:
    """The innermost statement of a block that last binds a name."""
    found: ast.stmt | None = None
    todo: list[ast.stmt] = list(block.body)
    while todo:
        one = todo.pop(0)
        if isinstance(one, (ast.FunctionDef, ast.ClassDef)) or not binds(one, name):
            continue
        inside = [s for s in ast.iter_child_nodes(one) if isinstance(s, ast.stmt)]
        if (isinstance(one, ast.For) and binds(one.target, name)) or not inside:
            found = one
        if found is None or not contains(span(one), span(found)) or not isinstance(one, ast.For):
            todo = inside + todo
    return found
