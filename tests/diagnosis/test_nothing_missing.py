"""Nothing is said to be missing where a value only looks as if it had been cut off."""

from __future__ import annotations

import pytest

from tests.questions.running import report_of

CELLS = {
    "one object for two numbers": """
import tensorflow as tf
net = tf.keras.layers.Dense(1)
net.build((None, 2))
x = tf.ones((3, 2))
for step in range(3):
    with tf.GradientTape() as tape:
        weight = 1.0
        loss = tf.reduce_mean(weight * net(x) ** 2)
    grads = tape.gradient(loss, net.trainable_variables)
    norm = sum(float(tf.reduce_sum(g ** 2)) for g in grads)
    grads = [g * min(1.0, 5000.0 / norm) for g in grads]
""",
    "a number that max gave back": """
import tensorflow as tf
w = tf.Variable([1.0, 2.0])
least = float("0.5")
for step in range(3):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(least * w ** 3)
    grad = tape.gradient(loss, w)
    rate = max(least, 0.001 / float(tf.norm(grad)))
    w.assign_sub(0.01 * rate * grad)
""",
    "a layer that writes its own state": """
import tensorflow as tf
net = tf.keras.Sequential([
    tf.keras.Input((4,)),
    tf.keras.layers.SpectralNormalization(tf.keras.layers.Dense(3)),
    tf.keras.layers.BatchNormalization(),
    tf.keras.layers.Dense(1),
])
x = tf.random.normal((8, 4))
for step in range(2):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((net(x, training=True) - 1.0) ** 2)
    grads = tape.gradient(loss, net.trainable_variables)
""",
    "a state that the last turn hands on": """
import tensorflow as tf
cell = tf.keras.layers.GRUCell(3)
state, x = tf.ones((2, 3)), tf.ones((2, 2))
cell.build((2, 2))
for step in range(3):
    with tf.GradientTape() as tape:
        out, state = cell(x, state)
        loss = tf.reduce_mean(out ** 2)
    grads = tape.gradient(loss, cell.trainable_variables)
""",
    "an adversarial example": """
import tensorflow as tf
net = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(1)])
x, y = tf.random.normal((5, 3)), tf.ones((5, 1))
with tf.GradientTape() as attack:
    attack.watch(x)
    wrong = tf.reduce_mean((net(x) - y) ** 2)
worse = x + 0.1 * tf.sign(attack.gradient(wrong, x))
with tf.GradientTape() as tape:
    loss = tf.reduce_mean((net(worse) - y) ** 2)
grads = tape.gradient(loss, net.trainable_variables)
""",
    "values of the critic in the loss of the actor": """
import tensorflow as tf
net = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(4)])
x = tf.random.normal((5, 3))
with tf.GradientTape() as critic:
    value = net(x)[:, 0]
    wrong = tf.reduce_mean((1.0 - value) ** 2)
with tf.GradientTape() as actor:
    chosen = tf.nn.log_softmax(net(x)[:, 1:])[:, 0]
    loss = -tf.reduce_mean(chosen * (1.0 - value))
first = actor.gradient(loss, net.trainable_variables)
second = critic.gradient(wrong, net.trainable_variables)
""",
}


@pytest.mark.parametrize("name", list(CELLS))
def test_nothing_is_missing(name: str) -> None:
    report = report_of(CELLS[name])
    sources = [source for call in report.calls for source in call.sources]
    assert sources
    assert [p.message for source in sources for p in source.partial] == []
    assert report.mismatches == 0
    assert not [n for n in report.notes if "tapemagic" in n]
