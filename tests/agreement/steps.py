"""Training steps of real architectures, as cells, on small made-up data."""

from __future__ import annotations

HEAD = """import keras
import numpy as np
import tensorflow as tf
from keras import layers
keras.utils.set_random_seed(3)
"""
STEP = """
optimizer = keras.optimizers.Adam()
for _ in range(2):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(x, training=True) - 1.0))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
"""

BY_HAND = {
    "lstm": """
model = keras.Sequential([keras.Input((5, 3)), layers.LSTM(4, name="memory"), layers.Dense(1)])
x = tf.random.normal([2, 5, 3])
"""
    + STEP,
    "gru both ways": """
model = keras.Sequential([keras.Input((4, 3)),
    layers.Bidirectional(layers.GRU(4, return_sequences=True, name="gate"), name="both"),
    layers.SimpleRNN(3), layers.Dense(1)])
x = tf.random.normal([2, 4, 3])
"""
    + STEP,
    "lstm by hand": """
class Cell(layers.Layer):
    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1] + 4, 16), name="w")
        self.b = self.add_weight(shape=(16,), initializer="zeros", name="b")
    def call(self, v):
        h = c = tf.zeros([2, 4])
        for t in range(3):
            i, f, o, g = tf.split(tf.concat([v[:, t], h], 1) @ self.w + self.b, 4, 1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
            h = tf.sigmoid(o) * tf.tanh(c)
        return h
model = Cell(name="memory")
x = tf.random.normal([2, 3, 3])
"""
    + STEP,
    "transformer": """
tokens = keras.Input((6,))
e = layers.Embedding(10, 8, name="words")(tokens)
e = layers.LayerNormalization()(e + layers.MultiHeadAttention(2, 4, name="attention")(e, e))
e = layers.LayerNormalization()(e + layers.Dense(8, activation="gelu", name="memory")(e))
e = layers.Dropout(0.3)(layers.GlobalAveragePooling1D()(e))
model = keras.Model(tokens, layers.Dense(1)(e))
x = tf.constant(np.random.randint(0, 10, (3, 6)))
"""
    + STEP,
    "transformer by hand": """
embed = tf.Variable(tf.random.normal([10, 8]) * 0.3)
position = tf.Variable(tf.random.normal([6, 8]) * 0.3)
qkv = tf.Variable(tf.random.normal([8, 24]) * 0.3)
out = tf.Variable(tf.random.normal([8, 10]) * 0.3)
scale, shift = tf.Variable(tf.ones([8])), tf.Variable(tf.zeros([8]))
ids = tf.constant(np.random.randint(0, 10, (2, 6)))
mask = tf.linalg.band_part(tf.ones([6, 6]), -1, 0)
with tf.GradientTape() as tape:
    h = tf.gather(embed, ids) + position
    mean, var = tf.nn.moments(h, -1, keepdims=True)
    h = (h - mean) * tf.math.rsqrt(var + 1e-5) * scale + shift
    q, k, v = tf.split(tf.einsum("btd,de->bte", h, qkv), 3, -1)
    q, k, v = (tf.transpose(tf.reshape(z, [2, 6, 2, 4]), [0, 2, 1, 3]) for z in (q, k, v))
    score = tf.matmul(q, k, transpose_b=True) / 2.0 - 1e9 * (1.0 - mask)
    h = h + tf.reshape(tf.transpose(tf.nn.softmax(score) @ v, [0, 2, 1, 3]), [2, 6, 8])
    logits = h[:, :-1] @ out
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(ids[:, 1:], logits))
grads = tape.gradient(loss, [embed, position, qkv, out, scale, shift])
""",
    "gan with a gradient penalty": """
maker = keras.Sequential([keras.Input((2,)), layers.Dense(3)], name="maker")
critic = keras.Sequential([keras.Input((3,)), layers.Dense(4, activation="tanh", name="memory"),
    layers.Dense(1)], name="critic")
bce = keras.losses.BinaryCrossentropy(from_logits=True)
real = tf.random.normal([4, 3])
with tf.GradientTape() as maker_tape, tf.GradientTape() as critic_tape:
    fake = maker(tf.random.normal([4, 2]))
    on_real, on_fake = critic(real), critic(fake)
    with tf.GradientTape() as penalty_tape:
        penalty_tape.watch(fake)
        score = critic(fake)
    slope = penalty_tape.gradient(score, fake)
    penalty = tf.reduce_mean((tf.norm(slope, axis=1) - 1.0) ** 2)
    maker_loss = bce(tf.ones_like(on_fake), on_fake)
    critic_loss = bce(tf.ones_like(on_real), on_real) + bce(tf.zeros_like(on_fake), on_fake) + penalty
a = maker_tape.gradient(maker_loss, maker.trainable_variables)
b = critic_tape.gradient(critic_loss, critic.trainable_variables)
""",
    "vae": """
encoder, decoder, x = layers.Dense(4, name="memory"), layers.Dense(3), tf.random.normal([5, 3])
with tf.GradientTape() as tape:
    mean, spread = tf.split(encoder(x), 2, axis=1)
    code = mean + tf.exp(0.5 * spread) * tf.random.normal(tf.shape(mean))
    far = tf.reduce_mean((decoder(code) - x) ** 2)
    loss = far - 0.5 * tf.reduce_mean(1.0 + spread - mean**2 - tf.exp(spread))
grads = tape.gradient(loss, encoder.trainable_variables + decoder.trainable_variables)
""",
    "graph network": """
w = tf.Variable(tf.random.normal([3, 4]))
nodes, source, target = tf.random.normal([5, 3]), tf.constant([0, 1, 2, 3]), tf.constant([1, 2, 3, 4])
near = tf.SparseTensor([[0, 1], [1, 2]], [1.0, 1.0], [5, 5])
with tf.GradientTape() as tape:
    h = nodes @ w
    message = tf.gather(h, source)
    gathered = tf.math.unsorted_segment_sum(message, target, 5)
    out = tf.nn.softmax(tf.scatter_nd(target[:, None], message, [5, 4]) + gathered)
    out = out + tf.sparse.sparse_dense_matmul(near, h)
    loss = tf.reduce_sum(out[:, 0] * tf.math.log(tf.square(out[:, 1]) + 1e-3))
grads = tape.gradient(loss, w)
""",
    "actor and critic": """
actor = keras.Sequential([keras.Input((3,)), layers.Dense(4, activation="relu", name="memory"),
    layers.Dense(2)], name="actor")
critic = keras.Sequential([keras.Input((3,)), layers.Dense(1)], name="critic")
states = tf.random.normal([6, 3])
with tf.GradientTape(persistent=True) as tape:
    logits = actor(states)
    action = tf.random.categorical(logits, 1)[:, 0]
    chosen = tf.reduce_sum(tf.one_hot(action, 2) * tf.nn.log_softmax(logits), 1)
    value = critic(states)[:, 0]
    actor_loss = -tf.reduce_mean(chosen * tf.stop_gradient(1.0 - value))
    critic_loss = tf.reduce_mean((1.0 - value) ** 2)
a = tape.gradient(actor_loss, actor.trainable_variables)
b = tape.gradient(critic_loss, critic.trainable_variables)
""",
    "convolutions": """
model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3, padding="same", name="memory"),
    layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D(), layers.DepthwiseConv2D(3),
    layers.Conv2DTranspose(2, 3), layers.UpSampling2D(), layers.Flatten(),
    layers.Dense(1, kernel_regularizer="l2")])
x = tf.random.normal([2, 8, 8, 3])
"""
    + STEP,
    "shared layers, nested models": """
shared = layers.Dense(4, activation="tanh", name="memory")
inner = keras.Sequential([keras.Input((4,)), shared, layers.Dropout(0.2)], name="inner")
class Outer(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner, self.last = inner, layers.Dense(1)
        self.moving = keras.Variable(tf.zeros([4]), trainable=False)
    def call(self, v, training=False):
        h = self.inner(shared(v), training=training)
        self.moving.assign(0.9 * self.moving + 0.1 * tf.reduce_mean(h, 0))
        return self.last(h + shared(v))
model = Outer()
x = tf.random.normal([3, 4])
"""
    + STEP,
    "mixed precision with loss scaling": """
keras.mixed_precision.set_global_policy("mixed_float16")
try:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="relu", name="memory"),
        layers.Dense(1, dtype="float32")])
finally:
    keras.mixed_precision.set_global_policy("float32")
optimizer = keras.mixed_precision.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=8.0)
x = tf.random.normal([3, 4])
with tf.GradientTape() as tape:
    loss = tf.reduce_mean(tf.square(model(x) - 1.0))
    scaled = optimizer.scale_loss(loss)
grads = tape.gradient(scaled, model.trainable_variables)
optimizer.apply_gradients(zip(grads, model.trainable_variables))
""",
    "fit, eagerly": """
model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="relu", name="memory"),
    layers.Dropout(0.5), layers.Dense(1)])
model.compile("adam", "mse", run_eagerly=True, metrics=["mae"])
model.fit(np.ones((8, 4), "f4"), np.ones((8, 1), "f4"), verbose=0, epochs=2, batch_size=4)
""",
    "fit with a step of one's own": """
class Mine(keras.Model):
    def __init__(self):
        super().__init__()
        self.first = layers.Dense(3, name="memory")
        self.last = layers.Dense(1)
    def call(self, v):
        return self.last(tf.nn.relu(self.first(v)))
    def train_step(self, data):
        v, wanted = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self(v) - wanted) ** 2)
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        return {"loss": loss}
model = Mine()
model.compile("adam", run_eagerly=True)
model.fit(np.ones((8, 4), "f4"), np.ones((8, 1), "f4"), verbose=0, epochs=2, batch_size=4)
""",
    "higher order": """
x = tf.Variable([1.0, 2.0, 3.0])
layer = layers.Dense(2, activation="tanh", name="memory")
with tf.GradientTape(persistent=True) as outer:
    with tf.GradientTape() as inner:
        loss = tf.reduce_sum(layer(tf.ones([1, 3]) * x) ** 2)
    grad = inner.gradient(loss, layer.trainable_variables[0])
    rows = tf.reshape(tf.sin(x), [3, 1])
a = outer.jacobian(grad, x)
b = outer.jacobian(grad, x, experimental_use_pfor=False)
c = outer.batch_jacobian(rows, rows)
""",
    "functions": """
model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="relu", name="memory"),
    layers.Dense(1)])
@tf.function
def forward(v):
    total = tf.constant(0.0)
    for i in tf.range(3):
        total += tf.reduce_sum(model(v)) * tf.cast(i, tf.float32)
    if total > 0.0:
        total = total * 2.0
    return total
@tf.function
def step(v):
    with tf.GradientTape() as tape:
        loss = forward(v)
    return tape.gradient(loss, model.trainable_variables)
x = tf.ones([2, 4])
for _ in range(2):
    with tf.GradientTape() as tape:
        loss = forward(x)
    grads = tape.gradient(loss, model.trainable_variables)
step(x)
model(x)
""",
}

# Name: what the constructor is given. All with random weights.
APPLICATIONS = {
    "MobileNetV2": "input_shape=(32, 32, 3), alpha=0.35",
    "MobileNet": "input_shape=(32, 32, 3), alpha=0.25",
    "EfficientNetB0": "input_shape=(32, 32, 3)",
    "MobileNetV3Small": "input_shape=(32, 32, 3)",
    "VGG16": "input_shape=(32, 32, 3)",
    "VGG19": "input_shape=(32, 32, 3)",
    "ResNet50": "input_shape=(32, 32, 3)",
    "ResNet50V2": "input_shape=(32, 32, 3)",
    "DenseNet121": "input_shape=(32, 32, 3)",
    "Xception": "input_shape=(71, 71, 3)",
    "InceptionV3": "input_shape=(75, 75, 3)",
    "InceptionResNetV2": "input_shape=(75, 75, 3)",
    "NASNetMobile": "input_shape=(32, 32, 3)",
    "ConvNeXtTiny": "input_shape=(32, 32, 3)",
    "EfficientNetV2B0": "input_shape=(32, 32, 3)",
}
SMALL = ("MobileNetV2", "MobileNet", "VGG16")


def application(name: str) -> str:
    """One training step of an architecture."""
    given = APPLICATIONS[name]
    side = given.split("(")[1].split(",")[0]
    return f"""{HEAD}
model = keras.applications.{name}(weights=None, include_top=False, pooling="avg", {given})
x = tf.random.normal([2, {side}, {side}, 3])
with tf.GradientTape() as tape:
    loss = tf.reduce_mean(tf.square(model(x, training=True)))
grads = tape.gradient(loss, model.trainable_variables)
"""
