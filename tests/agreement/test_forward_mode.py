"""A tape beside a ``tf.autodiff.ForwardAccumulator``: inside it, around it, and in its functions."""

from __future__ import annotations

from typing import Any

import pytest

from tapemagic.api import run_cell
from tests.agreement.check import complaints
from tests.agreement.programs import Program

HEAD = """import tensorflow as tf
tf.random.set_seed(5)
w = tf.Variable([1.0, 2.0])
k = tf.Variable(2.0)
v = tf.constant([1.0, 0.5])
x = tf.constant([0.3, -0.7])
table = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
@tf.function
def squared(u):
    return u * u + tf.exp(u)
@tf.custom_gradient
def halved(u):
    return u / 2.0, lambda up: up / 2.0
"""
FORWARD_OVER_REVERSE = {
    "powers": "tf.reduce_sum(w ** 3 * tf.sin(w))",
    "a variable that has no tangent": "tf.reduce_sum(k * w ** k + tf.minimum(k, w[0]) ** k)",
    "gather": "tf.reduce_sum(tf.gather(table, [0, 1, 0]) * w) + tf.reduce_sum(w.value() ** 2)",
    "function": "tf.reduce_sum(squared(w * 1.0) * w)",
    "custom gradient": "tf.reduce_sum(halved(w * w) * tf.tanh(w))",
    "cut": "tf.reduce_sum(tf.round(w) * w) + tf.reduce_sum(tf.stop_gradient(w) * k)",
    "constant": "tf.reduce_sum(tf.atan2(x, x * x) * tf.exp(x)) + 0.0 * k",
    "matrix": "tf.linalg.det(table) * tf.reduce_sum(tf.linalg.matvec(table, w, transpose_a=True))",
}
ASKED = "[w, k, table, x]"


def verify(body: str, method: str = "gradient") -> None:
    source = HEAD + body
    line = next(n for n, text in enumerate(source.splitlines(), 1) if f"t.{method}(" in text)
    said = complaints(Program(source, {line: "g"}))
    assert not said, "\n".join([*said, source])


@pytest.mark.parametrize("primals", ["w", "[w, k]", "[x, table]"])
@pytest.mark.parametrize("name", FORWARD_OVER_REVERSE)
def test_forward_over_reverse(name: str, primals: str) -> None:
    verify(f"""
with tf.autodiff.ForwardAccumulator({primals}, tf.nest.map_structure(tf.ones_like, {primals})) as acc:
    with tf.GradientTape() as t:
        t.watch(x)
        y = {FORWARD_OVER_REVERSE[name]}
    g = t.gradient(y, {ASKED})
h = acc.jvp([d for d in g if d is not None])
""")


@pytest.mark.parametrize("name", FORWARD_OVER_REVERSE)
def test_reverse_over_forward(name: str) -> None:
    verify(f"""
with tf.GradientTape() as t:
    t.watch(x)
    with tf.autodiff.ForwardAccumulator([w, x], [v, v]) as acc:
        y = {FORWARD_OVER_REVERSE[name]}
    j = acc.jvp(y)
g = t.gradient(j, {ASKED})
""")


def test_forward_over_forward() -> None:
    verify("""
with tf.GradientTape() as t:
    with tf.autodiff.ForwardAccumulator(w, v) as outer:
        with tf.autodiff.ForwardAccumulator(w, v) as inner:
            y = tf.reduce_sum(w ** 3 * k)
        first = inner.jvp(y)
    j = outer.jvp(first)
g = t.gradient(j, [w, k])
""")


def test_jacobian_inside() -> None:
    body = """
with tf.autodiff.ForwardAccumulator(w, v) as acc:
    with tf.GradientTape(persistent=True) as t:
        y = w ** 3 * k
    g = t.jacobian(y, [w, k])
    again = t.gradient(y, w)
h = acc.jvp(again)
"""
    verify(body, "jacobian")


HVP = """
with tf.autodiff.ForwardAccumulator(w, v) as acc:
    with tf.GradientTape() as t:
        y = tf.reduce_sum(w ** 3 * tf.sin(w))
    g = t.gradient(y, w)
h = acc.jvp(g)
"""


def test_the_report_is_the_tapes_own() -> None:
    """What forward mode ran for itself is in no count, no table and no drawing."""
    names: dict[str, Any] = {}
    report = run_cell(HEAD + HVP, names)
    plain = run_cell(HEAD + HVP.replace("tf.autodiff.ForwardAccumulator(w, v) as acc", "tf.name_scope('a')").replace("acc.jvp(g)", "g"), {})  # fmt: skip
    assert (report.executed, report.recorded) == (plain.executed, plain.recorded)
    assert len(report.trace.tapes) == 1
    assert "jvp" not in str(report)
    assert report.calls[0].sources[0].partial == []
    assert [n for n in report.notes if "ForwardAccumulator" in n] == report.notes
    ops = [op.type for op in report.trace.ops if op.graph is None and op.recorded]
    assert ops == [op.type for op in plain.trace.ops if op.recorded]
