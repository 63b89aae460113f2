"""The time of each line: measured where its expressions begin and end."""

from __future__ import annotations

import time

import pytest

from tapemagic.api import run_cell
from tapemagic.views.told.annotated import annotate
from tapemagic.wording.numbers import seconds

CELL = """import tensorflow as tf
def loss_of(w):
    y = tf.sin(w)
    return y * y
w = tf.Variable(2.0)
count = 0
for _ in range(2000):
    count = count + 1
with tf.GradientTape() as tape:
    loss = loss_of(w)
g = tape.gradient(loss, w)
"""


def test_lines_that_ran_ops_have_their_time() -> None:
    begun = time.perf_counter()
    lines = annotate(run_cell(CELL, {}))
    whole = time.perf_counter() - begun
    told = {line.number for line in lines if line.time}
    assert told == {3, 4, 5, 10, 11}
    spent = {line.number: line.seconds for line in lines}
    assert spent[10] > spent[3] + spent[4] > 0, "a call's time holds what it calls"
    assert spent[5] + spent[10] + spent[11] < whole


@pytest.mark.parametrize(
    ("count", "text"),
    [(3.41, "3.4 s"), (75.0, "75 s"), (0.0123, "12.3 ms"), (0.001, "1 ms"), (0.00085, "850 µs")],
)
def test_written(count: float, text: str) -> None:
    assert seconds(count) == text
