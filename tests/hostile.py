"""Names that try to break out of every language that a view writes."""

NAMES = {
    "script": "<script>alert(1)</script>",
    "quotes": "a\"b'c`d",
    "backslash": "a\\nb\\\\ c\\",
    "newline": "a\nb\r\nc",
    "unicode": "λ→日本語🙂é\u202eabc",
    "control": "\x1b[31mred\x00\x07",
    "entities": "&lt;&amp;&#39;",
    "dot": 'x];"{a|b}<c>[label="',
    "markdown": "|*_[x](y)~~`<!--",
    "attribute": '" onload="alert(1)',
    "long": "x" * 10_000,
}


def cell(text: str) -> str:
    """A cell that puts a text wherever a person's own words can come from.

    The name of a tf.function, of a custom gradient, a layer, a variable and a scope; keys of the
    sources and the targets; a string constant, a value that left TensorFlow, and an error.
    """
    layer = text.replace("/", "|")  # the only letter that Keras refuses
    return f"""
import numpy as np
import tensorflow as tf
TEXT = {text!r}
def body(v):
    return tf.round(v)
body.__name__ = body.__qualname__ = TEXT
body = tf.function(body, autograph=False)
def scaled(v):
    return v * 2.0, lambda up: None
scaled.__name__ = TEXT
scaled = tf.custom_gradient(scaled)
layer = tf.keras.layers.Dense(1, name={layer!r})
table = {{TEXT: tf.Variable([1.0, 2.0], name=TEXT), "plain": tf.constant([1.0, 2.0])}}
word = tf.constant(TEXT)
words = np.array([TEXT])
with tf.GradientTape(persistent=True) as tape:
    tape.watch(table["plain"])
    hidden = body(table[TEXT]) + scaled(table["plain"])
    joined = tf.strings.length(tf.strings.join([word, tf.constant(words)[0]]))
    left = {{TEXT: (layer.name, float(len(word.numpy())))}}
    out = layer(hidden[None])[0] * tf.cast(joined, tf.float32) * left[TEXT][1]
    found = {{TEXT: tf.reduce_sum(out)}}
grads = tape.gradient(found, [table, layer.trainable_variables, word])
tape.jacobian(found[TEXT], table[TEXT])
raise ValueError(TEXT)
"""
