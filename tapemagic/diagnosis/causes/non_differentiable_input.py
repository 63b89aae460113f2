"""The op has a gradient, but not for this input: indices, conditions, shapes."""

from __future__ import annotations

from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.repairs.soft import softened

TEXT = """
Many ops have a gradient for some of their inputs only. The indices of `tf.gather`, the condition of
`tf.where`, the boxes of `tf.image.crop_and_resize` or a shape choose what is computed; a small change
of them changes nothing, or jumps.
"""
EXAMPLE = """import tensorflow as tf

boxes = tf.Variable([[0.1, 0.1, 0.8, 0.8]])
image = tf.random.uniform([1, 8, 8, 1])
with tf.GradientTape() as tape:
    crop = tf.raw_ops.ImageProjectiveTransformV2(
        images=image, transforms=tf.concat([boxes, boxes], 1), output_shape=[8, 8],
        interpolation="BILINEAR")
    y = tf.reduce_sum(crop)
grad = tape.gradient(y, boxes)
"""
MENDED = """import tensorflow as tf

image = tf.Variable(tf.random.uniform([1, 8, 8, 1]))
with tf.GradientTape() as tape:
    y = tf.reduce_sum(image[:, 2:6, 2:6])
grad = tape.gradient(y, image)
"""


def recognise(case: Case) -> Found | None:
    """The op at the cut was recorded, has a gradient, and returned None for this input."""
    found = case.culprit
    if found is None or case.cut is None or case.cut.kind != "op":
        return None
    if case.fault not in ("no-gradient", "untracked", "unrecorded"):
        return None
    op = found.op
    if op.rule is not None and found.function is None:
        return None
    at = op.at
    value = case.call_it(case.cut.source)
    return Found(
        at,
        f"{op.type}, run by `{case.written(at)}` on {case.line(at)}, is not differentiable with "
        f"respect to its input {found.position + 1} of {len(op.inputs)}, through which {value} "
        "enters: there is no gradient for that input.",
        "Let the value enter through an input that has a gradient (for a condition: a smooth "
        "weight instead of where; for an index: a weighted sum; for a warp: a sampling grid "
        "written with differentiable ops).",
        softened(case),
        certain=case.fault == "no-gradient",
    )


CAUSE = Cause(
    "non-differentiable-input", "The op has no gradient for this input", "warning",
    TEXT, EXAMPLE, MENDED, recognise,
)  # fmt: skip
