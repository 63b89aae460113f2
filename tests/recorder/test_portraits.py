"""What is copied of gradients for their pictures."""

import struct

import pytest

import tapemagic
from tapemagic.recorder import portraits
from tapemagic.report.model import Report
from tapemagic.traces.model import Portrait

CURVE = """import tensorflow as tf
x = tf.linspace(-2.0, 2.0, 301)
with tf.GradientTape() as tape:
    tape.watch(x)
    y = x * x
g = tape.gradient(y, x)
"""
JACOBIANS = """import tensorflow as tf
x = tf.Variable(tf.random.normal((7, 5), seed=1))
w = tf.Variable(tf.random.normal((5, 3), seed=2))
with tf.GradientTape(persistent=True) as tape:
    y = tf.nn.elu(x @ w)
    z = tf.tanh(x)
a = tape.jacobian(y, x)
b = tape.jacobian(z, x)
c = tape.batch_jacobian(y, x)
d = tape.jacobian(y, w)
"""


def portrait(report: Report, call: int) -> Portrait:
    gradient = report.calls[call].sources[0].gradient
    assert gradient is not None
    assert gradient.portrait is not None
    return gradient.portrait


def test_a_curve_has_source_target_and_derivative_at_the_same_places() -> None:
    found = portrait(tapemagic.run_cell(CURVE), 0)
    arrays = [
        struct.unpack(f"={len(data) // 4}f", data)
        for data in (found.axis, found.curve, found.sample)
    ]
    assert 60 < len(arrays[0]) <= portraits.POINTS
    for x, y, slope in zip(*arrays, strict=True):
        assert y == pytest.approx(x * x, abs=1e-5)
        assert slope == pytest.approx(2 * x, abs=1e-5)


def test_jacobians_are_made_small_and_looked_through() -> None:
    report = tapemagic.run_cell(JACOBIANS)
    blocks, diagonal, batch, dense = (portrait(report, i) for i in range(4))
    assert (blocks.rows, blocks.columns, blocks.structure) == (21, 35, "blocks")
    assert diagonal.structure == "diagonal"
    assert len(diagonal.heat) == len(diagonal.heat[0]) == portraits.CELLS
    assert all(
        value == 0
        for i, row in enumerate(diagonal.heat)
        for j, value in enumerate(row)
        if abs(i - j) > 1
    )
    assert (batch.rows, batch.columns) == (3, 5)
    assert dense.structure == ""


def test_small_gradients_need_no_copy() -> None:
    report = tapemagic.run_cell(CURVE.replace("301", "3"))
    gradient = report.calls[0].sources[0].gradient
    assert gradient is not None
    assert gradient.portrait is None
    assert gradient.value == pytest.approx([-4.0, 0.0, 4.0])


def test_only_the_last_of_very_many_large_ones_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portraits, "MOST", 3)
    source = """import tensorflow as tf
x = tf.Variable(tf.ones(5000))
for turn in range(6):
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(x * x)
    g = tape.gradient(y, x)
"""
    report = tapemagic.run_cell(source)
    assert report.trace is not None
    kept = [query.gradients[0].portrait is not None for query in report.trace.queries]  # type: ignore[union-attr]
    assert kept == [False, False, False, True, True, True]


def test_a_portrait_that_fails_is_a_picture_less(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no picture")

    monkeypatch.setattr(portraits, "heat", broken)
    monkeypatch.setattr(portraits, "_axes", broken)
    report = tapemagic.run_cell(JACOBIANS)
    assert [call.sources[0].status for call in report.calls] == ["connected"] * 4
    assert tapemagic.run_cell(CURVE).calls[0].sources[0].status == "connected"
