"""``tf.stop_gradient`` and its kin."""

from __future__ import annotations

from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.repairs.unstopped import unstopped

TEXT = """
`tf.stop_gradient(x)` hands on the value of `x` and says that nothing shall be differentiated through
it. That is what it is for; if the source was to be learned, it is in the wrong place.
"""
EXAMPLE = """import tensorflow as tf

x = tf.Variable(2.0)
with tf.GradientTape() as tape:
    y = tf.stop_gradient(x * x) * 3.0
grad = tape.gradient(y, x)
"""
MENDED = EXAMPLE.replace("tf.stop_gradient(x * x)", "x * x")
STOPS = ("StopGradient", "PreventGradient")


def recognise(case: Case) -> Found | None:
    """The op at the cut stops gradients on purpose."""
    found = case.culprit
    if found is None or found.op.type not in STOPS:
        return None
    at = found.op.at
    # What a straight-through estimator or a target network holds fixed is meant to be.
    has_one = case.source.tensor in case.view.observed()
    return Found(
        at,
        f"tf.stop_gradient on {case.line(at)} (`{case.written(at)}`) cuts the way from "
        f"`{case.name}` to `{case.target}` on purpose.",
        f"Nothing to mend if this value is meant to be held fixed: `{case.name}` gets a gradient on "
        "another way."
        if has_one
        else f"Take stop_gradient out if `{case.name}` is to get a gradient; leave it if it is not.",
        None if has_one else unstopped(case, at),
        level="info" if _some_connected(case) else None,
    )


def _some_connected(case: Case) -> bool:
    """Whether other sources of the same call got a gradient: then the stop is likely meant."""
    arrived = case.view.observed()
    return any(a.tensor in arrived for a in case.view.query.sources)


CAUSE = Cause(
    "stop-gradient", "A stop_gradient is in the way", "warning", TEXT, EXAMPLE, MENDED, recognise
)
