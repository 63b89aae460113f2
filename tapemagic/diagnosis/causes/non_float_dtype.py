"""An integer, boolean or string source, target, or cast on the way."""

from __future__ import annotations

import ast

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.causes.non_trainable import is_kept_by_layer
from tapemagic.diagnosis.edits import dotted
from tapemagic.diagnosis.repairs.floats import floated
from tapemagic.diagnosis.repairs.soft import softened
from tapemagic.traces.model import Site
from tapemagic.traces.tracking import DIFFERENTIABLE

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
    if is_kept_by_layer(case):
        return None  # a counter or a seed of a layer: non-trainable tells of it
    if source.kind != "other" and source.dtype and source.dtype not in DIFFERENTIABLE:
        return _source(case)
    found = case.culprit
    if (
        found is not None
        and found.op.type == "Cast"
        and case.fault in ("unrecorded", "no-gradient")
    ):
        dtype = found.dtype(found.op.outputs[0])
        if dtype and dtype not in DIFFERENTIABLE:
            return Found(
                found.op.at,
                f"{_cast_value(case, found.op.at)} becomes {dtype} in "
                f"`{case.written(found.op.at)}` on {case.line(found.op.at)}: an integer has no "
                "derivative, and casting it back does not bring one.",
                f"Leave the values as floats: take the cast to {dtype} out of the way to "
                f"`{case.target}`."
                if "cast" in case.written(found.op.at)
                else "No gradient passes through a count or a comparison: replace the hard mask by a "
                "soft one, tf.sigmoid(k * (x - position)), with a larger k for a sharper step."
                if "mask" in case.written(found.op.at, 500)
                else f"Leave the values as floats on the way to `{case.target}`, or go straight through "
                "the step: x + tf.stop_gradient(f(x) - x), where f keeps the shape.",
                softened(case),
            )
    if case.way is not None and not case.way.edges and case.status == "none":
        return None
    target = next((a for a in case.view.query.targets if a.tensor is not None), None)
    if target is not None and target.dtype and target.dtype not in DIFFERENTIABLE:
        if case.cut is None or case.view.trace.tensors.get(case.cut.target) is None:
            at = case.made_at(target.tensor) or case.view.query.at
            return Found(
                at,
                f"The target `{target.name}` is {target.dtype}: only floats have derivatives.",
                "Ask about a floating point target.",
                softened(case),
            )
    return None


def _cast_value(case: Case, at: Site | None) -> str:
    """What was cast, as written in the call of the cast; else the value before it."""
    text = case.text(at)
    node = case.node(at) or (text.statement_at(at.line) if text is not None and at else None)
    calls = [
        n for n in ast.walk(node)
        if isinstance(n, ast.Call) and n.args and dotted(n.func).rsplit(".", 1)[-1] in _CASTS
    ] if node is not None else []  # fmt: skip
    if len(calls) == 1 and text is not None:
        written = text.segment(span(calls[0].args[0]))
        if len(written) <= 40:
            return f"`{written}`"
    return case.value_before(at)


_CASTS = ("cast", "to_int32", "to_int64", "saturate_cast")


def _source(case: Case) -> Found:
    source = case.source
    at = case.dtype_at(source.tensor)
    looked_up = _looked_up(case)
    if looked_up is not None:
        return Found(
            at or case.view.query.at,
            f"`{case.name}` is {source.dtype} (made on {case.line(at)}) and only chooses rows, in "
            f"`{case.written(looked_up)}` on {case.line(looked_up)}: an index has no derivative.",
            "Ask about the rows that were looked up: give the result of the lookup (of the "
            f"Embedding layer, of tf.gather) a name, compute `{case.target}` from it, and ask about "
            "that.",
        )
    return Found(
        at or case.view.query.at,
        f"`{case.name}` is {source.dtype} (made on {case.line(at)}): only float tensors have "
        "derivatives, so the tape can't give a gradient for it.",
        f"Make `{case.name}` a float, for example with dtype=tf.float32 or tf.cast.",
        floated(case, at),
    )


def _looked_up(case: Case) -> Site | None:
    """Where an integer source picks rows of a table, and is used for nothing else."""
    view, reached = case.view, {case.source.tensor}
    found = None
    for op in view.trace.ops[: view.query.op]:
        if op.query is not None or reached.isdisjoint(op.inputs):
            continue
        if op.type in ("ResourceGather", "GatherV2", "ResourceGatherNd", "GatherNd"):
            if op.inputs[0] in reached:
                return None
            found = found or op.at
        elif op.type == "Cast" or not any(view.is_float(t) for t in op.outputs):
            reached.update(op.outputs)
        else:
            return None
    return found


CAUSE = Cause(
    "non-float-dtype", "An integer, boolean or string has no derivative", "warning",
    TEXT, EXAMPLE, MENDED, recognise,
)  # fmt: skip
