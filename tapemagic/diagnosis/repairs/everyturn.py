"""What a layer computed once, in ``build`` or ``__init__``, is computed in every ``call``."""

from __future__ import annotations

import ast

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import body_lines, indent_of
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical
from tapemagic.traces.model import Site


@mechanical
def in_call(case: Case, at: Site | None) -> str | None:
    """The cell with ``self.w = ...`` of a layer's build moved into its call."""
    if at is None or not at.here:
        return None
    rw = Rewriter(case.here)
    statement = case.here.statement_at(at.line)
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None
    target = statement.targets[0]
    above = rw.above(statement)
    made = next((n for n in above if isinstance(n, ast.FunctionDef)), None)
    home = next((n for n in above if isinstance(n, ast.ClassDef)), None)
    if made is None or home is None or not isinstance(target, ast.Attribute):
        return None
    call = next(
        (n for n in home.body if isinstance(n, ast.FunctionDef) and n.name in ("call", "__call__")),
        None,
    )
    if call is None or made is call or ast.unparse(target.value) != "self":
        return None
    _moved(rw, statement, target, made, call)
    return rw.source()


def _moved(
    rw: Rewriter, statement: ast.Assign, target: ast.Attribute, made: ast.FunctionDef,
    call: ast.FunctionDef,
) -> None:  # fmt: skip
    written = ast.unparse(target)
    uses = [
        n for n in ast.walk(rw.text.tree)  # type: ignore[arg-type]
        if isinstance(n, ast.Attribute) and ast.unparse(n) == written and n is not target
    ]  # fmt: skip
    if not uses or any(call not in rw.above(n) for n in uses):
        raise NoRepair
    local = _locals(made)
    read = [n for n in ast.walk(statement.value) if isinstance(n, ast.Name) and n.id in local]
    for name in read:
        rw.put(name, lambda name=name: f"self.{name.id}")  # type: ignore[misc]
    value = rw.out(statement.value)
    if "\n" in value:
        raise NoRepair
    kept = list(dict.fromkeys(n.id for n in read))
    indent = indent_of(rw.text, statement.lineno)
    new = "\n".join([f"self.{name} = {name}" if i == 0 else f"{indent}self.{name} = {name}"
                     for i, name in enumerate(kept)]) or "pass"  # fmt: skip
    for name in read:
        rw.forget(name)
    rw.edits.replace(span(statement), new)
    first = next(s for s in call.body if not _is_text(s))
    lead = indent_of(rw.text, first.lineno)
    rw.edits.insert_line(
        body_lines(rw.text, first)[0], f"{lead}{target.attr.lstrip('_')} = {value}"
    )
    for use in uses:
        rw.put(use, lambda: target.attr.lstrip("_"))


def _locals(made: ast.FunctionDef) -> set[str]:
    names = {a.arg for a in made.args.args if a.arg != "self"}
    return names | {
        n.id for n in ast.walk(made) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
