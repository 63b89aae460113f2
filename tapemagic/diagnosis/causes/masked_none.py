"""Zeros that stand for None: ``unconnected_gradients=ZERO``."""

from __future__ import annotations

from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause

TEXT = """
With `unconnected_gradients=tf.UnconnectedGradients.ZERO` (or `"zero"`) the tape answers zeros
where it would answer `None`. The zeros look like a gradient and are none: nothing connects the
target with the source.
"""
EXAMPLE = """import tensorflow as tf

x = tf.Variable(2.0)
with tf.GradientTape() as tape:
    y = tf.round(x) * 3.0
grad = tape.gradient(y, x, unconnected_gradients="zero")
"""
MENDED = """import tensorflow as tf

x = tf.Variable(2.0)
with tf.GradientTape() as tape:
    y = x * 3.0
grad = tape.gradient(y, x, unconnected_gradients="zero")
"""


def recognise(case: Case) -> Found | None:
    """Zeros were asked for, and the backward pass never reached the source."""
    if case.status != "masked":
        return None
    query = case.view.query
    return Found(
        query.at,
        f"The zeros for `{case.name}` stand for None: unconnected_gradients hid that nothing "
        f"connects it with `{case.target}`.",
        "Leave out unconnected_gradients to see the None, and mend its cause.",
    )


CAUSE = Cause(
    "masked-none", "Zeros that stand for None", "warning", TEXT, EXAMPLE, MENDED, recognise
)
