"""A model to be saved and loaded: what is loaded has no Python lines."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


class Model(tf.Module):
    """A model whose second variable is cut."""

    def __init__(self) -> None:
        self.w = tf.Variable([1.0, 2.0])
        self.k = tf.Variable(3.0)

    @tf.function(input_signature=[tf.TensorSpec([2], tf.float32)])
    def __call__(self, x: Any) -> Any:
        return tf.reduce_sum(tf.round(x * self.k)) + tf.reduce_sum(x * self.w)


CELL = """import tensorflow as tf
model = tf.saved_model.load(path)
with tf.GradientTape() as tape:
    y = model(tf.constant([1.0, 2.0]))
g = tape.gradient(y, [model.w, model.k])
"""
