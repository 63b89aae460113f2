"""A ``tf.custom_gradient`` returned None for it."""

from __future__ import annotations

import ast
import re

from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.repairs.customrule import completed
from tapemagic.traces.model import Op, Site

TEXT = """
A function under `tf.custom_gradient` brings its own rule for the backward pass. Where that rule
returns `None` for an input, the input gets no gradient, whatever the function computes.
"""
EXAMPLE = """import tensorflow as tf

@tf.custom_gradient
def scaled(x, factor):
    def grad(upstream):
        return upstream * factor, None
    return x * factor, grad

factor = tf.Variable(2.0)
with tf.GradientTape() as tape:
    y = scaled(tf.constant(3.0), factor)
grad = tape.gradient(y, factor)
"""
MENDED = EXAMPLE.replace("upstream * factor, None", "upstream * factor, upstream * x")


def recognise(case: Case) -> Found | None:
    """The op at the cut has a rule of its own, and it returned None for this input."""
    found, cut = case.culprit, case.cut
    if found is None or cut is None or case.fault != "no-gradient":
        return None
    op = found.op
    if op.rule != "custom_gradient":
        return None
    if found.function is not None:
        return _in_function(case, op)
    at = _rule(case, op.type) or op.at
    return Found(
        at,
        f"The custom_gradient of `{op.type}` returned None for its input {case.call_it(cut.source)} "
        f"(input {cut.position + 1} of {len(op.inputs)}; variables that it uses come after its "
        f"arguments): the rule on {case.line(at)} gives it no gradient.",
        "Let the gradient function (grad) return a value for that input instead of None.",
        completed(case, op.type, cut.position),
    )


def _in_function(case: Case, op: Op) -> Found:
    """Inside a tf.function the op carries no name of the custom function: its call's line has it."""
    name = next((n for n in _ruled(case) if re.search(rf"\b{n}\b", _row(case, op.at))), None)
    at = (_rule(case, name) if name is not None else None) or op.at
    said = f"The custom_gradient of `{name}`" if name is not None else "A custom_gradient"
    return Found(
        at,
        f"{said}, called on {case.line(op.at)}, gives `{case.name}` no gradient: its rule on "
        f"{case.line(at)} returned None.",
        "Let the gradient function (grad) return a value for that input instead of None.",
        certain=name is not None,
    )


def _ruled(case: Case) -> list[str]:
    """The names of the functions under tf.custom_gradient."""
    return [
        node.name
        for text in case.texts.values()
        for node in (ast.walk(text.tree) if text.tree is not None else ())
        if isinstance(node, ast.FunctionDef)
        and any("custom_gradient" in ast.unparse(d) for d in node.decorator_list)
    ]


def _row(case: Case, at: Site | None) -> str:
    text = case.text(at)
    node = text.statement_at(at.line) if text is not None and at is not None else None
    if text is None or node is None:
        return ""
    return " ".join(text.lines[node.lineno - 1 : node.end_lineno])


def _rule(case: Case, name: str) -> Site | None:
    """The return statement of the gradient function, or its definition."""
    for text in [case.here, *case.texts.values()]:  # of two with one name, this cell's is later
        for node in ast.walk(text.tree) if text.tree is not None else ():
            if isinstance(node, ast.FunctionDef) and node.name == name:
                inner = [
                    n for n in ast.walk(node) if isinstance(n, ast.FunctionDef) and n is not node
                ]
                for rule in inner:
                    for end in ast.walk(rule):
                        if isinstance(end, ast.Return) and _has_none(end.value):
                            return text.site(None, end.lineno)
                if inner:
                    return text.site(None, inner[0].lineno)
    return None


def _has_none(value: ast.expr | None) -> bool:
    if value is None:
        return True
    if isinstance(value, (ast.Tuple, ast.List)):
        return any(_has_none(part) for part in value.elts)
    if isinstance(value, ast.BinOp):  # [None] * len(variables)
        return _has_none(value.left) or _has_none(value.right)
    if isinstance(value, ast.ListComp):
        return _has_none(value.elt)
    return isinstance(value, ast.Constant) and value.value is None


CAUSE = Cause(
    "custom-gradient",
    "A custom gradient returned None",
    "warning",
    TEXT,
    EXAMPLE,
    MENDED,
    recognise,
)
