"""What a reason says and advises, where other words would lead to a wrong repair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tapemagic.api import run_cell
from tapemagic.views.told import summary
from tests.diagnosis.check import report_of

HEAD = "import tensorflow as tf\n"


@dataclass(frozen=True)
class Told:
    """A cell, and the words that its first reason has and has not."""

    cell: str
    said: tuple[str, ...] = ()
    fix: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    mended: str | None = None  # a piece of the changed cell; "" when none may be offered


CELLS = {
    "a density that underflows": Told(
        """
centres = tf.Variable([0.0, 3.0])
seen = tf.constant([0.5, 70.0])
with tf.GradientTape() as tape:
    near = tf.exp(-(seen[:, None] - centres[None, :]) ** 2)
    total = tf.reduce_mean(near, axis=1)
    cost = -tf.reduce_sum(tf.math.log(total))
g = tape.gradient(cost, centres)
""",
        ("`cost` itself is Inf", "is -Inf where `total` is 0 (element 1)", "tf.exp(", "on line 5"),
        ("logsumexp", "makeshift"),
        ("first NaN", "small epsilon"),
        "",
    ),
    "a softmax that underflows": Told(
        """
scores = tf.Variable([0.0, 150.0])
with tf.GradientTape() as tape:
    share = tf.nn.softmax(scores)
    cost = -tf.math.log(share)[0]
g = tape.gradient(cost, scores)
""",
        ("`cost` itself is Inf", "never exactly 0"),
        ("log_softmax", "makeshift"),
        mended="tf.nn.log_softmax(scores)",
    ),
    "a sigmoid that rounds to one": Told(
        """
score = tf.Variable([60.0, 0.5])
with tf.GradientTape() as tape:
    cost = -tf.reduce_sum(tf.math.log(1.0 - tf.sigmoid(score)))
g = tape.gradient(cost, score)
""",
        ("`cost` itself is Inf",),
        ("log_sigmoid",),
        mended="tf.math.log_sigmoid(-score)",
    ),
    "a log of a true zero": Told(
        """
count = tf.Variable([0.0, 2.0])
with tf.GradientTape() as tape:
    cost = tf.reduce_sum(tf.math.log(count))
g = tape.gradient(cost, count)
""",
        ("`cost` itself is -Inf", "the log of 0"),
        ("small epsilon",),
        ("no true zero",),
        "count + 1e-12",
    ),
    "an infinity that turns into NaN": Told(
        """
size = tf.Variable([0.0, 4.0])
with tf.GradientTape() as tape:
    cost = tf.reduce_sum(tf.sqrt(size * size))
g = tape.gradient(cost, size)
""",
        ("The first Inf of the backward pass", "turns into NaN in Mul (`size * size` on line 4)"),
    ),
    "a helper that returns a number": Told(
        """
scale = tf.Variable([1.0, 2.0])
def penalty(out, wanted):
    if not wanted:
        return 0.0
    return tf.reduce_sum(out - wanted[0])
with tf.GradientTape() as tape:
    cost = penalty(scale * 2.0, [])
g = tape.gradient(cost, scale)
""",
        ("the float 0.0", "`penalty`, called on line 8", "`return 0.0` on line 5", "dtype"),
        ("depends on `out`", "tf.constant would be no help"),
        mended="return 0.0 * tf.reduce_sum(out)",
    ),
    "a sum to which nothing was added": Told(
        """
scale = tf.Variable([1.0, 2.0])
with tf.GradientTape() as tape:
    cost = 0.0
    for part in []:
        cost += tf.reduce_sum(scale * part)
g = tape.gradient(cost, scale)
""",
        ("line 4 gives it 0.0, and nothing was added",),
        ("Begin with something that depends on",),
    ),
    "a helper with two numbers": Told(
        """
scale = tf.Variable([1.0, 2.0])
def penalty(out, wanted):
    if not wanted:
        return 0.0
    return 1.0
with tf.GradientTape() as tape:
    cost = penalty(scale * 2.0, [])
g = tape.gradient(cost, scale)
""",
        ("The target `cost` is a float",),
        never=("line 5", "line 6"),
        mended="",
    ),
    "a hidden sigmoid that is saturated": Told(
        """
slope = tf.Variable([[30.0], [40.0]])
with tf.GradientTape() as tape:
    unit = tf.sigmoid(tf.constant([[2.0, 3.0], [4.0, 1.0]]) @ slope)
    cost = tf.reduce_sum((unit - 0.5) ** 2)
g = tape.gradient(cost, slope)
""",
        ("the sigmoid is saturated", "its inputs run from 160 to 180"),
        ("scale the data",),
        ("from_logits",),
    ),
    "a saturated sigmoid of many values": Told(
        """
slope = tf.Variable(tf.fill([3, 8], 30.0))
with tf.GradientTape() as tape:
    unit = tf.sigmoid(tf.ones([4, 3]) @ slope)
    cost = tf.reduce_sum((unit - 0.5) ** 2)
g = tape.gradient(cost, slope)
""",
        ("its inputs are far from zero", "above about 17"),
        ("smaller weights",),
        ("from_logits",),
    ),
    "a saturated sigmoid in a cross-entropy": Told(
        """
slope = tf.Variable([30.0, 40.0])
with tf.GradientTape() as tape:
    likely = tf.sigmoid(slope)
    cost = -tf.reduce_mean(tf.math.log(1.0 - likely + 1e-6))
g = tape.gradient(cost, slope)
""",
        ("its inputs run from 30 to 40",),
        ("from_logits=True",),
        ("smaller weights",),
    ),
    "a tape that is entered by hand, once": Told(
        """
gain = tf.Variable(2.0)
class Watcher:
    def begin(self):
        self.tape = tf.GradientTape(persistent=True)
        self.tape.__enter__()
    def end(self):
        self.tape.__exit__(None, None, None)
watcher = Watcher()
for turn in range(2):
    if turn == 0:
        watcher.begin()
    cost = gain * gain
    if turn == 0:
        watcher.end()
    g = watcher.tape.gradient(cost, gain)
""",
        (
            "`watcher.tape` was not recording",
            "ran in turn 2",
            "`watcher.begin()` on line 12",
            "`watcher.end()` on line 15",
        ),
        ("Enter the tape again before line 13",),
        ("inside the `with` block", "`tape`"),
    ),
    "a layer whose result is overwritten": Told(
        """
one = tf.Variable([1.0, 2.0])
two = tf.Variable([3.0, 4.0])
def through(given):
    held = tf.tanh(given * one)
    held = tf.tanh(given * two)
    return tf.reduce_sum(held)
with tf.GradientTape() as tape:
    cost = through(tf.constant([0.1, 0.2]))
g = tape.gradient(cost, one)
""",
        ("line 5 gives `held` a value from `one`, and line 6 overwrites it before",),
        ("Did you mean `held` in place of `given` on line 6?",),
        mended="held = tf.tanh(held * two)",
    ),
    "numbers that are stacked after NumPy": Told(
        """
import numpy as np
turn = tf.Variable(0.3)
def end(angle):
    across = 2.0 * np.cos(angle)
    up = 2.0 * np.sin(angle)
    return tf.stack([across, up])
with tf.GradientTape() as tape:
    cost = tf.reduce_sum(end(turn) ** 2)
g = tape.gradient(cost, turn)
""",
        ("came back as a constant on line 7",),
    ),
}


def first_reason(made: dict[str, Any]) -> dict[str, Any]:
    """The first reason of a report; of a call that raised, the call's."""
    for call in made["calls"]:
        for why in (call["error"] or {}).get("why"), *(s["why"] for s in call["sources"]):
            if why is not None:
                return why  # type: ignore[no-any-return]
    raise AssertionError("nothing was explained")


@pytest.mark.parametrize("name", CELLS)
def test_words(name: str) -> None:
    told = CELLS[name]
    why = first_reason(report_of(HEAD + told.cell.lstrip("\n")))
    assert [part for part in told.said if part not in why["message"]] == [], why["message"]
    assert [part for part in told.fix if part not in why["fix"]] == [], why["fix"]
    whole = f"{why['message']} {why['fix']}"
    assert [part for part in told.never if part in whole] == []
    if told.mended is not None:
        assert told.mended in (why["fixed_source"] or "")
        assert bool(why["fixed_source"]) is bool(told.mended)


TRAINING = """import tensorflow as tf
weights = [tf.Variable([1.5, 2.5]), tf.Variable([0.5, 1.0])]
optimizer = tf.keras.optimizers.SGD()
with tf.GradientTape() as tape:
    cost = tf.reduce_sum(tf.round(weights[0] * weights[1]))
found = tape.gradient(cost, weights)
optimizer.apply_gradients(zip(found, weights))
"""


def test_what_an_optimizer_was_given_is_counted_once() -> None:
    report = run_cell(TRAINING, {"__name__": "__main__"})
    assert [len(call.sources) for call in report.calls] == [2, 2]
    assert "2 need attention" in summary.line(report)
    text = str(report)
    assert text.count("✗ None") == 2
    assert "raised ValueError" in text
    assert "2 of its 2 gradients are explained above" in text
