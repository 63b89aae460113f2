"""The cells that are measured: what is set up once, and what runs again and again."""

from __future__ import annotations

from dataclasses import dataclass

_MOBILENET = """
import tensorflow as tf, keras
model = keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3), classes=10)
optimizer = keras.optimizers.SGD(0.01)
x = tf.random.normal([16, 96, 96, 3])
y = tf.random.uniform([16], 0, 10, tf.int32)
loss_of = keras.losses.SparseCategoricalCrossentropy()
"""
_MOBILENET_STEP = """
with tf.GradientTape() as tape:
    loss = loss_of(y, model(x, training=True))
gradients = tape.gradient(loss, model.trainable_variables)
optimizer.apply_gradients(zip(gradients, model.trainable_variables))
"""
_CHAIN = """
import tensorflow as tf
ws = [tf.Variable(tf.random.normal([32, 32]) * 0.25) for _ in range(200)]
x = tf.random.normal([32, 32])
"""
_CHAIN_STEP = """
def step():
    with tf.GradientTape() as tape:
        h = x
        for w in ws:
            h = tf.nn.relu(h @ w)
        loss = tf.reduce_mean(h * h)
    return tape.gradient(loss, ws)

gradients = step()
"""
_FUNCTION = """
import tensorflow as tf, keras
model = keras.Sequential([
    keras.Input([28, 28, 1]),
    keras.layers.Conv2D(16, 3, activation="relu"),
    keras.layers.MaxPooling2D(),
    keras.layers.Conv2D(32, 3, activation="relu"),
    keras.layers.Flatten(),
    keras.layers.Dense(10),
])
optimizer = keras.optimizers.Adam(0.001)
loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
x = tf.random.normal([128, 28, 28, 1])
y = tf.random.uniform([128], 0, 10, tf.int32)

@tf.function
def train(x, y):
    with tf.GradientTape() as tape:
        loss = loss_of(y, model(x, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    return loss

train(x, y)
"""
_LOOP = """
import tensorflow as tf
w1 = tf.Variable(tf.random.normal([64, WIDE]) * 0.1)
b1 = tf.Variable(tf.zeros([WIDE]))
w2 = tf.Variable(tf.random.normal([WIDE, WIDE]) * 0.1)
b2 = tf.Variable(tf.zeros([WIDE]))
w3 = tf.Variable(tf.random.normal([WIDE, 10]) * 0.1)
b3 = tf.Variable(tf.zeros([10]))
weights = [w1, b1, w2, b2, w3, b3]
features = tf.random.normal([BATCH, 64])
labels = tf.random.uniform([BATCH], 0, 10, tf.int32)
"""
_LOOP_STEPS = """
for turn in range({turns}):
    with tf.GradientTape() as tape:
        h = features
        for w, b in ((w1, b1), (w2, b2)):
            h = tf.nn.relu(h @ w + b)
            h = h * 0.5 + tf.tanh(h) * 0.5
            h = h - tf.reduce_mean(h, axis=0)
        logits = h @ w3 + b3
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        loss = tf.reduce_mean(losses)
    gradients = tape.gradient(loss, weights)
    for w, g in zip(weights, gradients):
        w.assign_sub(0.05 * g)
"""
_HEALTHY_STEPS = """
for _ in range(5):
    with tf.GradientTape() as tape:
        loss = loss_of(y, model(x, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
"""
_PYTHON = {
    "numbers": """
total = 0
for i in range(1_000_000):
    total += i * 2 % 7
""",
    "calls": """
import math

def f(x):
    return math.sqrt(x) + 1

s = 0.0
for i in range(1_000_000):
    s += f(i)
""",
    "dict": """
i = 0
d = {}
while i < 1_000_000:
    d[i % 100] = i
    i += 1
""",
    "methods": """
class Counter:
    def __init__(self):
        self.n = 0

    def add(self, k):
        self.n += k

counter = Counter()
for i in range(1_000_000):
    counter.add(i)
""",
    "after a tensor": """
import tensorflow as tf

v = float(tf.constant(1.0) * 2.0)
n = 0.0
for j in range(1_000_000):
    n = n + 1.5
""",
}


@dataclass(frozen=True, slots=True)
class Work:
    """One row of the table.

    Attributes:
        name: How it is chosen on the command line.
        title: How the table calls it.
        setup: Runs once, plain.
        cell: What is measured.
        rounds: How often each way runs it.
        capture: The most that capture alone may cost, as a ratio to the plain cell.
        whole: The most that all of ``%%tape`` may cost: a ratio, and seconds on top.
        ways: What is measured besides the plain cell.
    """

    name: str
    title: str
    setup: str
    cell: str
    rounds: int
    capture: float | None = None
    whole: tuple[float, float] | None = None
    ways: tuple[str, ...] = ("floor", "capture", "whole")


PEERS = ("check_numerics", "dump_debug_info", "torchlens")

WORK: dict[str, Work] = {
    w.name: w
    for w in (
        Work(
            "mobilenet", "MobileNetV2 training step, batch 16, 96x96",
            _MOBILENET, _MOBILENET_STEP, 9, 1.10, (1.0, 1.0),
            ("floor", "capture", "whole", *PEERS[:2]),
        ),
        Work(
            "chain", "200 layers of 32x32 matmul and relu, loss and gradient",
            _CHAIN, _CHAIN_STEP, 21, 1.35, (1.0, 0.5),
            ("floor", "capture", "whole", *PEERS),
        ),
        Work(
            "function", "one tf.function training step, already traced",
            _FUNCTION, "loss = train(x, y)\n", 31, 1.05, (1.0, 0.5),
        ),
        Work(
            "loop", "1,000-turn training loop, about 100,000 ops",
            "WIDE, BATCH = 128, 256\n" + _LOOP, _LOOP_STEPS.format(turns=1000), 3, 1.35, (1.35, 3.0),
        ),
        Work(
            "quiet", "a healthy cell under --quiet: 5 steps of a convolutional net",
            _FUNCTION, _HEALTHY_STEPS, 15, None, (1.15, 0.0), ("capture", "quiet"),
        ),
        *(
            Work(
                f"python-{kind.split()[-1]}", f"a million turns of plain Python ({kind})", "", cell, 7,
                None, (1.5, 0.0), ("whole",),
            )
            for kind, cell in _PYTHON.items()
        ),
    )
}  # fmt: skip


def loop_of(ops: int) -> tuple[str, str]:
    """Setup and cell of a training loop of small tensors that runs about so many ops."""
    return "WIDE, BATCH = 16, 32\n" + _LOOP, _LOOP_STEPS.format(
        turns=max(1, round(ops / OPS_PER_TURN))
    )


OPS_PER_TURN = 108
"""About how many ops one turn of the training loop runs, forward and backward together."""
