"""The name no longer holds the variable: it was rebound to a tensor."""

from __future__ import annotations

import ast
import re

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.edits import Edits
from tapemagic.trace.model import Binding

TEXT = """
`x = x + 1` does not change the variable `x`: it makes a new tensor and lets the name `x` hold it.
From the next turn on you ask about a plain tensor that no tape watches. `x.assign_add(1.0)` changes
the variable and keeps the name.
"""
EXAMPLE = """import tensorflow as tf

x = tf.Variable(2.0)
for step in range(2):
    with tf.GradientTape() as tape:
        y = x * x
    grad = tape.gradient(y, x)
    x = x - 0.1
"""
MENDED = EXAMPLE.replace("x = x - 0.1", "x.assign_sub(0.1)")


def recognise(case: Case) -> Found | None:
    """The asked name was bound to a variable before, and holds a plain tensor now."""
    source, view = case.source, case.view
    tracking = view.tracking
    if source.tensor is None or source.kind != "tensor" or view.query.error is not None:
        return None
    if tracking is not None and (source.tensor in tracking.watches or tracking.tracks(source.tensor, view.query.op)):
        return None
    now = _binding(case, source.name, source.tensor)
    if now is None:
        return None
    before = [
        b for b in view.trace.bindings
        if b.name == source.name and b.kind == "variable" and b.index <= now.index
        and (b.at.cell, b.at.file) == (now.at.cell, now.at.file)
    ]  # fmt: skip
    if not before or before[-1] is now:
        return None
    return Found(
        now.at,
        f"Since {case.line(now.at)} the name `{source.name}` holds a plain tensor, no longer the "
        f"variable of {case.line(before[-1].at)}: `{_statement(case, now)}` rebinds the name "
        "instead of assigning to the variable.",
        f"Change the variable in place with `{source.name}.assign(...)` (or assign_add, "
        "assign_sub); or call tape.watch on the tensor.",
        _assigned(case, now),
    )


def _binding(case: Case, name: str, tensor: int) -> Binding | None:
    fits = [b for b in case.view.trace.bindings if b.name == name and b.tensor == tensor]
    return fits[-1] if fits else None


def _statement(case: Case, binding: Binding) -> str:
    text = case.text(binding.at)
    rows = text.lines if text is not None else []
    row = rows[binding.at.line - 1].strip() if binding.at.line <= len(rows) else binding.name
    return row if len(row) < 60 else row[:59] + "…"


def _assigned(case: Case, binding: Binding) -> str | None:
    if not binding.at.here or not re.fullmatch(r"[\w.]+", binding.name):
        return None
    text = case.here
    node = text.statement_at(binding.at.line)
    edits = Edits(text)
    if isinstance(node, ast.AugAssign) and ast.unparse(node.target) == binding.name:
        method = {ast.Add: "assign_add", ast.Sub: "assign_sub"}.get(type(node.op))
        if method is None:
            return None
        value = edits.raw(span(node.value))
        return edits.replace(span(node), f"{binding.name}.{method}({value})").source()
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return None
    target = node.targets[0]
    if ast.unparse(target) != binding.name:
        return None
    value = node.value
    if isinstance(value, ast.BinOp) and ast.unparse(value.left) == binding.name:
        method = {ast.Add: "assign_add", ast.Sub: "assign_sub"}.get(type(value.op))
        if method is not None:
            right = edits.raw(span(value.right))
            return edits.replace(span(node), f"{binding.name}.{method}({right})").source()
    return edits.replace(span(node), f"{binding.name}.assign({edits.raw(span(value))})").source()


CAUSE = Cause(
    "rebound-name", "The name no longer holds the variable", "warning", TEXT, EXAMPLE, MENDED,
    recognise,
)  # fmt: skip
