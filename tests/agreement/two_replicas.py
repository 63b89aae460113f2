"""Run as a script: two replicas on two logical devices, which must be made before all else."""

from __future__ import annotations

import json
import sys

CELLS = {
    "eager": """
import tensorflow as tf
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    w, u = tf.Variable([1.0, 2.0]), tf.Variable(3.0)
def step(x):
    with tf.GradientTape() as tape:
        h = w * x
        if tf.distribute.get_replica_context().replica_id_in_sync_group == 1:
            h = tf.constant(h.numpy())
        loss = tf.reduce_sum(h * h)
    return tape.gradient(loss, [w, u])
given = strategy.experimental_distribute_values_from_function(
    lambda c: tf.constant([1.0, 2.0]) * float(c.replica_id_in_sync_group + 1))
out = strategy.run(step, args=(given,))
""",
    "function": """
import tensorflow as tf
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    w, u = tf.Variable([1.0, 2.0]), tf.Variable(3.0)
@tf.function
def step(x):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.round(w) * x) + tf.reduce_sum(u * x)
    return tape.gradient(loss, [w, u])
out = strategy.run(step, args=(tf.constant([1.0, 2.0]),))
""",
    "keras": """
import keras, numpy as np, tensorflow as tf
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="memory"),
        keras.layers.Dense(1)])
    optimizer = keras.optimizers.SGD(0.1)
def step(x):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(x) ** 2)
    grads = tape.gradient(loss, model.trainable_variables)
    return loss, grads
loss, grads = strategy.run(step, args=(tf.ones([4, 3]),))
""",
}


def main() -> None:
    """Print what the reports say, as JSON."""
    import tensorflow as tf

    device = tf.config.list_physical_devices("CPU")[0]
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(device, two)
    from tapemagic.api import run_cell

    found = {}
    for name, cell in CELLS.items():
        names = {"__name__": "__main__"}
        report = run_cell(cell, names)
        found[name] = {
            **report.to_dict(),
            "notes": report.notes,
            "scopes": sorted({op.scope for op in report.trace.ops if op.recorded}),
            "text": str(report),
        }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
