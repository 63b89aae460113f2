"""An integer, boolean or string source, target, or cast on the way."""

from __future__ import annotations

import ast

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.edits import Edits, dotted
from tapemagic.trace.model import Site
from tapemagic.trace.tracking import DIFFERENTIABLE

TEXT = """
Only floating point (and complex) numbers have derivatives. An integer, boolean or string tensor as
the source or the target, or a cast to an integer on the way, ends every gradient. Note that
`tf.constant(10)` is an integer and `tf.constant(10.0)` is not.
"""
EXAMPLE = """import tensorflow as tf

x = tf.constant(10)
with tf.GradientTape() as tape:
    tape.watch(x)
    y = x * x
grad = tape.gradient(y, x)
"""
MENDED = EXAMPLE.replace("constant(10)", "constant(10.0)")


def recognise(case: Case) -> Found | None:
    """The source's or the target's dtype, or an op on the way that made an integer of a float."""
    source = case.source
    if source.kind != "other" and source.dtype and source.dtype not in DIFFERENTIABLE:
        return _source(case)
    found = case.culprit
    if found is not None and found.op.type == "Cast" and case.fault in ("unrecorded", "no-gradient"):
        dtype = found.dtype(found.op.outputs[0])
        if dtype and dtype not in DIFFERENTIABLE:
            return Found(
                found.op.at,
                f"{case.call_it(found.op.inputs[0])} becomes {dtype} in "
                f"`{case.written(found.op.at)}` on {case.line(found.op.at)}: an integer has no "
                "derivative, and casting it back does not bring one.",
                f"Leave the values as floats: take the cast to {dtype} out of the way to "
                f"`{case.target}`.",
                _uncast(case, found.op.at, dtype),
            )
    if case.way is not None and not case.way.edges and case.status == "none":
        return None
    target = next((a for a in case.view.query.targets if a.tensor is not None), None)
    if target is not None and target.dtype and target.dtype not in DIFFERENTIABLE:
        if case.cut is None or case.view.trace.tensors.get(case.cut.target) is None:
            at = case.made_at(target.tensor or 0) or case.view.query.at
            return Found(
                at,
                f"The target `{target.name}` is {target.dtype}: only floats have derivatives.",
                "Ask about a floating point target.",
            )
    return None


def _source(case: Case) -> Found:
    source = case.source
    at = case.dtype_at(source.tensor)
    return Found(
        at or case.view.query.at,
        f"`{case.name}` is {source.dtype} (made on {case.line(at)}): only float tensors have "
        "derivatives, so the tape can't give a gradient for it.",
        f"Make `{case.name}` a float, for example with dtype=tf.float32 or tf.cast.",
        _floated(case, at),
    )


def _floated(case: Case, at: Site | None) -> str | None:
    """The cell with the number, dtype or cast that made the source an integer changed."""
    if at is None or not at.here:
        return None
    text = case.here
    node = case.node(at)
    statement = text.statement_at(at.line)
    calls = [
        n for n in ast.walk(statement if node is None else node)  # type: ignore[arg-type]
        if isinstance(n, ast.Call)
    ]  # fmt: skip
    if not calls and statement is not None:
        calls = [n for n in ast.walk(statement) if isinstance(n, ast.Call)]
    for call in calls:
        name = dotted(call.func)
        last = name.rsplit(".", 1)[-1]
        if last not in ("constant", "Variable", "convert_to_tensor", "cast", "range", "zeros", "ones"):
            continue
        root = name.split(".")[0]
        for keyword in call.keywords:
            if keyword.arg == "dtype":
                return Edits(text).replace(span(keyword.value), f"{root}.float32").source()
        if last == "cast" and len(call.args) > 1:
            return Edits(text).replace(span(call.args[1]), f"{root}.float32").source()
        end = (call.end_lineno or 0, (call.end_col_offset or 1) - 1)
        return Edits(text).insert(*end, f", dtype={root}.float32").source()
    return None


def _uncast(case: Case, at: Site | None, dtype: str) -> str | None:
    """The cell with the cast to an integer taken out."""
    if at is None or not at.here:
        return None
    node = case.node(at)
    text = case.here
    if isinstance(node, ast.Call) and dotted(node.func).endswith("cast") and node.args:
        edits = Edits(text)
        return edits.replace(span(node), edits.raw(span(node.args[0]))).source()
    return None


CAUSE = Cause(
    "non-float-dtype", "An integer, boolean or string has no derivative", "warning",
    TEXT, EXAMPLE, MENDED, recognise,
)  # fmt: skip
