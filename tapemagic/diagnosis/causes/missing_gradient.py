"""LookupError: no gradient was ever registered for an op."""

from __future__ import annotations

import re

from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.repairs.registered import registered
from tapemagic.diagnosis.repairs.secondorder import AGAIN, differentiable_again
from tapemagic.traces.model import Op

TEXT = """
For some ops TensorFlow has no gradient at all, not even "none". The backward pass raises a
LookupError as soon as it reaches such an op, also when it isn't on the way to your source.
"""
EXAMPLE = """import tensorflow as tf

x = tf.Variable([1.5, 2.5])
with tf.GradientTape() as tape:
    y = tf.reduce_sum(tf.truncatemod(x, 1.0) * x)
grad = tape.gradient(y, x)
"""
MENDED = EXAMPLE.replace("truncatemod", "math.floormod")
FORWARD = "forward"
"""The method of a query that was never asked: the call before it raised."""
INSTEAD = {
    "TruncateMod": "tf.math.floormod, or the % operator, which have a gradient",
    "AdjustContrastv2": "(image - mean) * factor + mean, written with tf.reduce_mean",
    "AdjustSaturation": "a mix of the image and tf.image.rgb_to_grayscale(image)",
    "AdjustHue": "a rotation of the colours, written as a 3 by 3 matrix",
    "Unique": "the values themselves, without tf.unique on the way to the loss",
}


def recognise(case: Case) -> Found | None:
    """A LookupError that names an op type; the op is found among those the tape recorded."""
    query = case.view.query
    kind = _named(query.error[1]) if query.error is not None else ""
    if query.error is None or query.error[0] != "LookupError" or not kind:
        return None
    op = culprit_of(case)
    if op is None:
        return Found(query.at, f"No gradient is registered for the op {kind}.", _advice(kind))
    forward = _forward_of(case, op)
    if forward is not None:
        return _again(case, op, forward)
    return Found(
        op.at,
        f"No gradient is registered for the op {op.type}, which `{case.written(op.at)}` runs on "
        f"{case.line(op.at)}: the backward pass can't get past it.{_when(case)}",
        _advice(op.type),
        registered(case, op),
    )


def _again(case: Case, op: Op, forward: Op) -> Found:
    """A backward op: its forward op can be differentiated once, and not twice."""
    return Found(
        forward.at,
        f"No gradient is registered for the op {op.type}, the backward op of "
        f"`{case.written(forward.at)}` on {case.line(forward.at)}. `{case.written(op.at)}` on "
        f"{case.line(op.at)} runs it, and `{case.target}` needs its gradient: a second derivative "
        "can't get past it.",
        _advice(forward.type),
        differentiable_again(case, forward),
        lines=(op.at.line,) if op.at is not None and op.at.here else (),
    )


def _named(message: str) -> str:
    """The op type that TensorFlow's message names, in an eager backward pass or in a graph's."""
    found = re.search(r"op type: (\w+)", message) or re.search(r"entry for: (\w+)", message)
    return found[1] if found else ""


def _advice(kind: str) -> str:
    instead = INSTEAD.get(kind) or AGAIN.get(kind) or "ops that have a gradient"
    return f"Use {instead} instead, or give it a rule of its own with tf.custom_gradient."


def _when(case: Case) -> str:
    """Why the error came before anything was asked."""
    query = case.view.query
    if query.method != FORWARD:
        return ""
    return (
        " The backward pass of a tf.function is built when it is called under a tape, on "
        f"{case.line(query.at)}."
    )


def _forward_of(case: Case, op: Op) -> Op | None:
    """The forward op in whose backward pass an op ran, for the gradient of a gradient."""
    if op.query is None:
        return None
    steps = case.view.trace.queries[op.query].steps
    begun = [s for s in steps if s.op is not None and s.at <= op.index]
    return case.view.trace.ops[begun[-1].op] if begun else None  # type: ignore[index]


def culprit_of(case: Case) -> Op | None:
    """The op that the error names: the last of its type that leads to the target."""
    kind = _named((case.view.query.error or ("", ""))[1])
    tracking = case.view.tracking
    fits = [
        op for op in case.view.trace.ops[: case.view.query.op]
        if op.type == kind and (tracking is None or op.index in tracking.recorded)
    ]  # fmt: skip
    near = [op for op in fits if any(case.view.ancestor(t) for t in op.outputs)]
    found = near or fits
    return found[-1] if found else None


CAUSE = Cause(
    "missing-gradient", "An op for which no gradient is registered", "error", TEXT, EXAMPLE, MENDED,
    recognise,
)  # fmt: skip
