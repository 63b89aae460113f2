"""For each cause cells in which it is true, and twins in which it is only nearly true.

``#: cause`` at the end of a line marks the culprit of the source that comes last in the last
query; a twin has no mark. Twins may have nothing said against any source.
"""

from __future__ import annotations

TRUE: dict[str, list[str]] = {
    "unconnected": [
        """
import tensorflow as tf
used, spare = tf.Variable(1.0), tf.Variable(2.0)
with tf.GradientTape() as tape:
    y = tf.exp(used)  #: unconnected
g = tape.gradient(y, [used, spare])
""",
        """
import tensorflow as tf
first, second = tf.Variable(1.0), tf.Variable(2.0)
with tf.GradientTape() as tape:
    h = tf.exp(second)
    h = tf.exp(first)  #: unconnected
    y = h * 2.0
g = tape.gradient(y, [first, second])
""",
        """
import tensorflow as tf
trunk = tf.keras.layers.Dense(2)
spare = tf.keras.layers.Dense(2)
x = tf.ones([3, 4])
with tf.GradientTape() as tape:
    a, b = trunk(x), spare(x)
    loss = tf.reduce_mean(a ** 2)  #: unconnected
g = tape.gradient(loss, [trunk.kernel, spare.kernel])
""",
    ],
    "unwatched-tensor": [
        """
import tensorflow as tf
x = tf.random.normal([3])
with tf.GradientTape() as tape:  #: unwatched-tensor
    y = tf.reduce_sum(x ** 2)
g = tape.gradient(y, x)
""",
        """
import tensorflow as tf
model = tf.keras.Sequential([tf.keras.layers.Dense(2)])
image = tf.convert_to_tensor([[0.5, 1.0]])
def saliency(inputs):
    with tf.GradientTape() as tape:  #: unwatched-tensor
        score = tf.reduce_max(model(inputs))
    return tape.gradient(score, inputs)
g = saliency(image)
""",
    ],
    "watched-too-late": [
        """
import tensorflow as tf
x = tf.constant([1.0, 2.0])
with tf.GradientTape() as tape:
    y = x ** 2
    tape.watch(x)  #: watched-too-late
    z = tf.reduce_sum(y)
g = tape.gradient(z, x)
""",
    ],
    "non-trainable": [
        """
import tensorflow as tf
class Scale(tf.keras.layers.Layer):
    def build(self, shape):
        self.s = self.add_weight(shape=(1,), trainable=False, initializer='ones')  #: non-trainable
    def call(self, x):
        return x * self.s
layer = Scale()
with tf.GradientTape() as tape:
    y = tf.reduce_sum(layer(tf.ones([2, 1])))
g = tape.gradient(y, layer.s)
""",
        """
import tensorflow as tf
count = tf.Variable(2.0, trainable=False)  #: non-trainable
with tf.GradientTape() as tape:
    y = count * count
g = tape.gradient(y, count)
""",
    ],
    "auto-watch-off": [
        """
import tensorflow as tf
w = tf.Variable(2.0)
with tf.GradientTape(watch_accessed_variables=False) as tape:  #: auto-watch-off
    y = w * w
g = tape.gradient(y, w)
""",
    ],
    "outside-tape": [
        """
import tensorflow as tf
w = tf.Variable([2.0])
features = tf.tanh(w)  #: outside-tape
with tf.GradientTape() as tape:
    y = tf.reduce_sum(features * 2.0)
g = tape.gradient(y, w)
""",
        """
import tensorflow as tf
w = tf.Variable([2.0])
with tf.GradientTape() as tape:
    h = tf.tanh(w)
y = tf.reduce_sum(h)  #: outside-tape
g = tape.gradient(y, w)
""",
        """
import tensorflow as tf
w = tf.Variable([2.0])
with tf.GradientTape() as first:
    h = tf.tanh(w)  #: outside-tape
with tf.GradientTape() as second:
    y = tf.reduce_sum(h * w[0] * 0.0 + h) if False else tf.reduce_sum(h)
g = second.gradient(y, w)
""",
    ],
    "rebound-name": [
        """
import tensorflow as tf
w = tf.Variable(2.0)
w = tf.clip_by_value(w, 0.0, 1.0)  #: rebound-name
with tf.GradientTape() as tape:
    y = w ** 2
g = tape.gradient(y, w)
""",
        """
import tensorflow as tf
w = tf.Variable(2.0)
for turn in range(3):
    with tf.GradientTape() as tape:
        y = w ** 2
    g = tape.gradient(y, w)
    if turn < 2:
        w = w - 0.1 * (g if g is not None else 1.0)  #: rebound-name
""",
    ],
    "different-object": [
        """
import tensorflow as tf
x = tf.Variable([1.0, 2.0])
with tf.GradientTape() as tape:
    y = tf.reduce_sum(x ** 2)
g = tape.gradient(y, x[0])  #: different-object
""",
        """
import tensorflow as tf
x = tf.Variable([1.0, 2.0])
snapshot = tf.identity(x)  #: different-object
with tf.GradientTape() as tape:
    y = tf.reduce_sum(x ** 2)
g = tape.gradient(y, snapshot)
""",
        """
import tensorflow as tf
x = tf.Variable([1.0, 2.0])
y = tf.Variable(x)  #: different-object
with tf.GradientTape() as tape:
    z = tf.reduce_sum(x ** 2)
g = tape.gradient(z, y)
""",
    ],
    "non-float-dtype": [
        """
import tensorflow as tf
k = tf.Variable([1, 2])  #: non-float-dtype
with tf.GradientTape() as tape:
    y = tf.reduce_sum(tf.cast(k, tf.float32))
g = tape.gradient(y, k)
""",
        """
import tensorflow as tf
x = tf.Variable([1.5, 2.5])
with tf.GradientTape() as tape:
    y = tf.reduce_sum(tf.cast(x, tf.int32)) * 2  #: non-float-dtype
g = tape.gradient(y, x)
""",
    ],
    "left-tensorflow": [
        """
import tensorflow as tf
x = tf.Variable(1.0)
with tf.GradientTape() as tape:
    y = (x * x).numpy()  #: left-tensorflow
g = tape.gradient(y, x)
""",
        """
import numpy as np
import tensorflow as tf
x = tf.Variable([1.5, 2.5])
with tf.GradientTape() as tape:
    h = tf.exp(x)
    top = np.max(h)  #: left-tensorflow
    y = tf.constant(top) * 2.0
g = tape.gradient(y, x)
""",
        """
import tensorflow as tf
model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(2)])
with tf.GradientTape() as tape:
    guess = model.predict(tf.ones([4, 3]), verbose=0)  #: left-tensorflow
    loss = tf.reduce_mean((guess - 1.0) ** 2)
g = tape.gradient(loss, model.trainable_variables[0])
""",
        """
import tensorflow as tf
x = tf.Variable(3.0)
class Net:
    def __init__(self):
        self.scale = None
    def prepare(self, value):
        self.scale = round(float(value), 1)  #: left-tensorflow
    def __call__(self, v):
        return v * self.scale
net = Net()
with tf.GradientTape() as tape:
    net.prepare(x * 2.0)
    y = net(tf.constant(2.0))
g = tape.gradient(y, x)
""",
    ],
    "py-function": [
        """
import numpy as np
import tensorflow as tf
x = tf.Variable([3.0])
with tf.GradientTape() as tape:
    h = tf.numpy_function(np.sqrt, [x], tf.float32)  #: py-function
    y = tf.reduce_sum(h)
g = tape.gradient(y, x)
""",
    ],
    "stateful-object": [
        """
import tensorflow as tf
x = tf.Variable(3.0)
log = tf.Variable([0.0, 0.0])
with tf.GradientTape() as tape:
    log[0].assign(x * 2.0)  #: stateful-object
    y = tf.reduce_sum(log)
g = tape.gradient(y, x)
""",
        """
import tensorflow as tf
x = tf.Variable([3.0, 1.0])
mean = tf.keras.metrics.Mean()
with tf.GradientTape() as tape:
    mean.update_state(x * x)  #: stateful-object
    y = mean.result()
g = tape.gradient(y, x)
""",
        """
import tensorflow as tf
x = tf.Variable(3.0)
state = tf.Variable(0.0, trainable=False)
@tf.function
def step():
    state.assign(x * 2.0)  #: stateful-object
    return state * 3.0
with tf.GradientTape() as tape:
    y = step()
g = tape.gradient(y, x)
""",
    ],
    "new-variable": [
        """
import tensorflow as tf
x = tf.Variable([3.0, 1.0])
with tf.GradientTape() as tape:
    fast = tf.Variable(x * 0.9)  #: new-variable
    y = tf.reduce_sum(fast ** 2)
g = tape.gradient(y, x)
""",
    ],
    "no-gradient-op": [
        """
import tensorflow as tf
x = tf.Variable([3.2, 1.4])
with tf.GradientTape() as tape:
    y = tf.reduce_sum(tf.round(x))  #: no-gradient-op
g = tape.gradient(y, x)
""",
        """
import tensorflow as tf
logits = tf.Variable([[3.2, 1.4]])
@tf.function
def accuracy():
    hit = tf.equal(tf.argmax(logits, axis=1), [0])  #: no-gradient-op
    return tf.reduce_mean(tf.cast(hit, tf.float32))
with tf.GradientTape() as tape:
    y = accuracy()
g = tape.gradient(y, logits)
""",
        """
import tensorflow as tf
logits = tf.Variable([[3.2, 1.4]])
with tf.GradientTape() as tape:
    drawn = tf.random.categorical(logits, 3)  #: no-gradient-op
    y = tf.reduce_sum(tf.cast(drawn, tf.float32))
g = tape.gradient(y, logits)
""",
    ],
    "non-differentiable-input": [
        """
import tensorflow as tf
picture = tf.Variable(tf.random.normal([1, 4, 4, 1]))
turn = tf.Variable([[1.0, 0.1, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]])
with tf.GradientTape() as tape:
    shown = tf.raw_ops.ImageProjectiveTransformV3(  #: non-differentiable-input
        images=picture, transforms=turn, output_shape=[4, 4], fill_value=0.0,
        interpolation='BILINEAR')
    y = tf.reduce_sum(shown ** 2)
g = tape.gradient(y, [picture, turn])
""",
    ],
    "stop-gradient": [
        """
import tensorflow as tf
x = tf.Variable([0.5, 1.5])
def target(v):
    return tf.stop_gradient(v * 2.0)  #: stop-gradient
with tf.GradientTape() as tape:
    y = tf.reduce_sum(target(x))
g = tape.gradient(y, x)
""",
    ],
    "custom-gradient": [
        """
import tensorflow as tf
@tf.custom_gradient
def flat(v):
    def grad(up):  #: custom-gradient
        return None  #: custom-gradient
    return v * 2.0, grad
x = tf.Variable([0.5, 1.5])
with tf.GradientTape() as tape:
    y = tf.reduce_sum(flat(x))
g = tape.gradient(y, x)
""",
    ],
    "nested-tape": [
        """
import tensorflow as tf
x = tf.Variable(0.5)
with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        y = tf.sin(x)
d = inner.gradient(y, x)  #: nested-tape
g = outer.gradient(d, x)
""",
    ],
    "constant-gradient": [
        """
import tensorflow as tf
x = tf.Variable([0.5, 1.0])
with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        y = tf.reduce_sum(3.0 * x + 1.0)  #: constant-gradient
    d = inner.gradient(y, x)
g = outer.gradient(d, x)
""",
    ],
    "missing-gradient": [
        """
import tensorflow as tf
x = tf.Variable([[[0.5, 1.0, 0.2]]])
with tf.GradientTape() as tape:
    y = tf.reduce_sum(tf.image.adjust_saturation(x * 1.0, 0.5))  #: missing-gradient
g = tape.gradient(y, x)
""",
    ],
    "tape-consumed": [
        """
import tensorflow as tf
x = tf.Variable(1.0)
with tf.GradientTape() as tape:
    y = x * x
    z = y * x
a = tape.gradient(y, x)
b = tape.gradient(z, x)  #: tape-consumed
""",
    ],
    "bad-argument": [
        """
import tensorflow as tf
x = tf.Variable(1.0)
with tf.GradientTape() as tape:
    y = [1.0, 2.0]  #: bad-argument
g = tape.gradient(y, x)  #: bad-argument
""",
        """
import tensorflow as tf
x = tf.Variable(1.0)
def loss():
    x * x  #: bad-argument
with tf.GradientTape() as tape:
    y = loss()  #: bad-argument
g = tape.gradient(y, x)  #: bad-argument
""",
    ],
    "masked-none": [
        """
import numpy as np
import tensorflow as tf
x = tf.Variable([1.0, 2.0])
with tf.GradientTape() as tape:
    y = tf.constant(np.sum(x))  #: masked-none
g = tape.gradient(y, x, unconnected_gradients='zero')
""",
    ],
    "zero-gradient": [
        # What comes back for the two elements is not zero, and its sum is.
        """
import tensorflow as tf
x = tf.Variable(0.0)
with tf.GradientTape() as tape:
    h = tf.constant([-1.0, 1.0]) + x  #: zero-gradient
    y = tf.reduce_sum(h * h)
g = tape.gradient(y, x)
""",
        """
import tensorflow as tf
x = tf.Variable([-1.0, -2.0])
with tf.GradientTape() as tape:
    y = tf.reduce_sum(tf.nn.relu(x))  #: zero-gradient
g = tape.gradient(y, x)
""",
        """
import tensorflow as tf
x = tf.Variable([120.0, 150.0])
with tf.GradientTape() as tape:
    p = tf.sigmoid(x)  #: zero-gradient
    y = tf.reduce_sum(p * [1.0, 3.0])
g = tape.gradient(y, x)
""",
        """
import tensorflow as tf
x = tf.Variable([12.0, 15.0])
with tf.GradientTape() as tape:
    h = tf.clip_by_value(x, 0.0, 1.0)  #: zero-gradient
    y = tf.reduce_sum(h * [1.0, 3.0])
g = tape.gradient(y, x)
""",
    ],
    "nan-gradient": [
        """
import tensorflow as tf
x = tf.Variable([0.0, 4.0])
with tf.GradientTape() as tape:
    y = tf.reduce_sum(tf.sqrt(x))  #: nan-gradient
g = tape.gradient(y, x)
""",
        """
import tensorflow as tf
x = tf.Variable([0.0, 4.0])
with tf.GradientTape() as tape:
    h = tf.where(x > 0.0, tf.math.log(x), 0.0)  #: nan-gradient
    y = tf.reduce_sum(h)
g = tape.gradient(y, x)
""",
        """
import tensorflow as tf
x = tf.Variable([0.0, 0.0])
with tf.GradientTape() as tape:
    y = tf.norm(x)  #: nan-gradient
g = tape.gradient(y, x)
""",
        # The product hands an Inf to the labels, too: they are not watched, so it was born in the log.
        """
import tensorflow as tf
p = tf.Variable(tf.one_hot([0] * 4, 3))
labels = tf.one_hot([1] * 4, 3)
with tf.GradientTape() as tape:
    logs = tf.math.log(p)  #: nan-gradient
    loss = -tf.reduce_sum(labels * logs)
g = tape.gradient(loss, p)
""",
    ],
}

TWINS: dict[str, str] = {
    "left-tensorflow: the mean is only printed": """
import numpy as np
import tensorflow as tf
x = tf.Variable([1.0, 2.0])
with tf.GradientTape() as tape:
    h = tf.exp(x)
    print(np.mean(h), float(h[0]), h.numpy().tolist())
    y = tf.reduce_sum(h)
g = tape.gradient(y, x)
""",
    "left-tensorflow: tensors and numbers kept in lists and dicts": """
import numpy as np
import tensorflow as tf
x = tf.Variable([1.0, 2.0])
history, stats, kept = [], {}, []
for step in range(4):
    with tf.GradientTape() as tape:
        h = tf.exp(x)
        history.append(float(tf.reduce_mean(h)))
        kept.append(h)
        stats['norm'] = np.linalg.norm(h.numpy())
        y = tf.reduce_sum(h)
    g = tape.gradient(y, x)
    x.assign_sub(0.01 * g)
    if history[-1] > 1e9 or stats['norm'] > 1e9:
        break
""",
    "left-tensorflow: an array that came from elsewhere": """
import numpy as np
import tensorflow as tf
x = tf.Variable([1.0, 2.0])
data = np.random.rand(2).astype('float32')
with tf.GradientTape() as tape:
    y = tf.reduce_sum(x * data + np.float32(3.0))
g = tape.gradient(y, x)
""",
    "left-tensorflow: equal values by chance": """
import numpy as np
import tensorflow as tf
x = tf.Variable([1.0, 2.0])
with tf.GradientTape() as tape:
    h = x * 1.0
    shown = h.numpy()
    y = tf.reduce_sum(h * np.array([1.0, 2.0], 'float32'))
g = tape.gradient(y, x)
""",
    "left-tensorflow: a small integer by chance": """
import tensorflow as tf
x = tf.Variable([1.0, 2.0])
with tf.GradientTape() as tape:
    best = int(tf.argmax(x))
    y = tf.reduce_sum(x ** 2) * 1
    print(best)
g = tape.gradient(y, x)
""",
    "left-tensorflow: the size of a batch": """
import tensorflow as tf
x = tf.Variable([1.0, 2.0])
with tf.GradientTape() as tape:
    n = int(tf.size(x))
    m = float(tf.shape(x)[0]) + len(x.shape)
    y = tf.reduce_sum(x ** 2) / n / m
g = tape.gradient(y, x)
""",
    "left-tensorflow: early stopping by value": """
import tensorflow as tf
x = tf.Variable([1.0, 2.0])
best = float('inf')
for step in range(5):
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(x ** 2)
    g = tape.gradient(y, x)
    value = y.numpy()
    best = min(best, value)
    rate = 0.1 if value > 1.0 else 0.01
    x.assign_sub(rate * g)
""",
    "left-tensorflow: predict used for a figure": """
import tensorflow as tf
model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(2)])
data = tf.ones([4, 3])
with tf.GradientTape() as tape:
    shown = model.predict(data, verbose=0)
    loss = tf.reduce_mean((model(data) - 1.0) ** 2)
g = tape.gradient(loss, model.trainable_variables)
print(shown.shape)
""",
    "watched-too-late: the op was recorded for another input": """
import tensorflow as tf
w = tf.Variable([[1.0], [2.0]])
x = tf.constant([[3.0, 4.0]])
with tf.GradientTape() as tape:
    y = tf.matmul(x, w)
    tape.watch(x)
    z = tf.reduce_sum(y ** 2)
g = tape.gradient(z, [x, w])
""",
    "watched-too-late: watched before its use, after others": """
import tensorflow as tf
w = tf.Variable(1.0)
x = tf.constant(3.0)
with tf.GradientTape() as tape:
    a = w * 2.0
    tape.watch(x)
    y = a * x
g = tape.gradient(y, [x, w])
""",
    "non-trainable: a layer frozen as a whole": """
import tensorflow as tf
layer = tf.keras.layers.Dense(2)
layer.build([None, 3])
layer.trainable = False
with tf.GradientTape() as tape:
    y = tf.reduce_sum(layer(tf.ones([1, 3])))
g = tape.gradient(y, layer.kernel)
""",
    "non-trainable: watched by hand": """
import tensorflow as tf
w = tf.Variable(2.0, trainable=False)
with tf.GradientTape() as tape:
    tape.watch(w)
    y = w ** 2
g = tape.gradient(y, w)
""",
    "auto-watch-off: watched by hand": """
import tensorflow as tf
w = tf.Variable(2.0)
with tf.GradientTape(watch_accessed_variables=False) as tape:
    tape.watch(w)
    y = w ** 2
g = tape.gradient(y, w)
""",
    "unwatched-tensor: an intermediate": """
import tensorflow as tf
w = tf.Variable(2.0)
with tf.GradientTape() as tape:
    h = w * 3.0
    y = h ** 2
g = tape.gradient(y, h)
""",
    "outside-tape: only bookkeeping is not recorded": """
import tensorflow as tf
w = tf.Variable([2.0, 3.0])
before = tf.reduce_mean(w)
with tf.GradientTape() as tape:
    h = tf.tanh(w)
    with tape.stop_recording():
        print(tf.reduce_max(h).numpy(), tf.norm(w).numpy())
    y = tf.reduce_sum(h)
after = y * 2.0 + before
g = tape.gradient(y, w)
""",
    "outside-tape: another tape in between": """
import tensorflow as tf
w = tf.Variable(2.0)
with tf.GradientTape() as one:
    a = w ** 2
with tf.GradientTape() as two:
    b = w ** 3
ga, gb = one.gradient(a, w), two.gradient(b, w)
""",
    "outside-tape: a reset before anything": """
import tensorflow as tf
w = tf.Variable(2.0)
with tf.GradientTape() as tape:
    trial = w * 5.0
    tape.reset()
    y = w ** 2
g = tape.gradient(y, w)
""",
    "rebound-name: another name for the same variable": """
import tensorflow as tf
w = tf.Variable(2.0)
v = w
w = v
with tf.GradientTape() as tape:
    y = w ** 2
g = tape.gradient(y, v)
""",
    "rebound-name: a name used twice for tensors": """
import tensorflow as tf
w = tf.Variable(2.0)
with tf.GradientTape() as tape:
    h = w * 2.0
    h = tf.tanh(h)
    h = h + 1.0
g = tape.gradient(h, w)
""",
    "rebound-name: rebound to a tensor inside, which is asked about": """
import tensorflow as tf
x = tf.Variable(2.0)
with tf.GradientTape() as tape:
    x = x * 2.0
    y = x ** 2
g = tape.gradient(y, x)
""",
    "different-object: a slice that was used": """
import tensorflow as tf
x = tf.Variable([1.0, 2.0])
with tf.GradientTape() as tape:
    first = x[0]
    y = first ** 2
g = tape.gradient(y, first)
""",
    "different-object: tf.constant of a tensor is the tensor": """
import tensorflow as tf
x = tf.constant([1.0, 2.0])
same = tf.convert_to_tensor(x)
with tf.GradientTape() as tape:
    tape.watch(same)
    y = tf.reduce_sum(tf.constant(x) ** 2)
g = tape.gradient(y, x)
""",
    "stateful-object: assigned after the query": """
import tensorflow as tf
x = tf.Variable(3.0)
state = tf.Variable(0.0)
for step in range(3):
    with tf.GradientTape() as tape:
        y = x ** 2 + state
    g = tape.gradient(y, [x, state])
    state.assign(x * 0.1)
    x.assign_sub(g[0])
""",
    "stateful-object: written, not read": """
import tensorflow as tf
x = tf.Variable([3.0, 1.0])
average = tf.Variable([0.0, 0.0], trainable=False)
metric = tf.keras.metrics.Mean()
with tf.GradientTape() as tape:
    h = x * 2.0
    average.assign(0.9 * average + 0.1 * h)
    metric.update_state(h)
    y = tf.reduce_sum(h)
print(metric.result().numpy())
g = tape.gradient(y, x)
""",
    "stateful-object: written in a function, not read": """
import tensorflow as tf
x = tf.Variable([3.0, 1.0])
seen = tf.Variable([0.0, 0.0], trainable=False)
@tf.function
def step():
    h = x * 2.0
    seen.assign(h)
    return tf.reduce_sum(h)
with tf.GradientTape() as tape:
    y = step()
g = tape.gradient(y, x)
""",
    "stateful-object: batch normalisation in training": """
import tensorflow as tf
layer = tf.keras.layers.BatchNormalization()
x = tf.random.normal([8, 3])
with tf.GradientTape() as tape:
    tape.watch(x)
    y = tf.reduce_sum(layer(x, training=True) ** 3)
g = tape.gradient(y, [layer.gamma, layer.beta, x])
""",
    "new-variable: made but not used": """
import tensorflow as tf
x = tf.Variable([3.0, 1.0])
with tf.GradientTape() as tape:
    h = x * 2.0
    backup = tf.Variable(h)
    y = tf.reduce_sum(h ** 2)
g = tape.gradient(y, x)
""",
    "new-variable: made, then trained itself": """
import tensorflow as tf
start = tf.Variable([3.0, 1.0])
x = tf.Variable(start * 0.5)
with tf.GradientTape() as tape:
    y = tf.reduce_sum(x ** 2)
g = tape.gradient(y, x)
""",
    "no-gradient-op: straight through": """
import tensorflow as tf
x = tf.Variable([0.4, 1.7])
with tf.GradientTape() as tape:
    hard = x + tf.stop_gradient(tf.round(x) - x)
    y = tf.reduce_sum(hard * 2.0)
g = tape.gradient(y, x)
""",
    "no-gradient-op: accuracy beside the loss": """
import tensorflow as tf
w = tf.Variable(tf.random.normal([4, 3]))
x, labels = tf.random.normal([8, 4]), tf.constant([0, 1, 2, 0, 1, 2, 0, 1])
with tf.GradientTape() as tape:
    logits = x @ w
    hits = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), labels)
    accuracy = tf.reduce_mean(tf.cast(hits, tf.float32))
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
g = tape.gradient(loss, w)
print(float(accuracy))
""",
    "no-gradient-op: sampling by reparametrisation": """
import tensorflow as tf
mean, scale = tf.Variable([0.5]), tf.Variable([0.2])
with tf.GradientTape() as tape:
    drawn = mean + tf.exp(scale) * tf.random.normal([1])
    y = tf.reduce_sum(drawn ** 2)
g = tape.gradient(y, [mean, scale])
""",
    "non-differentiable-input: indices and conditions of a value that is connected": """
import tensorflow as tf
x = tf.Variable([0.4, 1.7, -0.5])
with tf.GradientTape() as tape:
    order = tf.argsort(x)
    chosen = tf.gather(x, order)[:2]
    kept = tf.where(x > 0.0, x, 0.0)
    top = tf.math.top_k(x, 2).values
    masked = tf.boolean_mask(x, x > 0.0)
    y = tf.reduce_sum(chosen) + tf.reduce_sum(kept) + tf.reduce_sum(top) + tf.reduce_sum(masked)
g = tape.gradient(y, x)
""",
    "non-differentiable-input: a maximum over classes": """
import tensorflow as tf
q = tf.Variable([[0.4, 1.7], [2.0, 0.1]])
with tf.GradientTape() as tape:
    action = tf.argmax(q, axis=1)
    picked = tf.reduce_sum(q * tf.one_hot(action, 2), axis=1)
    y = tf.reduce_mean(picked ** 2)
g = tape.gradient(y, q)
""",
    "non-float-dtype: labels are integers": """
import tensorflow as tf
w = tf.Variable(2.0)
k = tf.constant(3)
with tf.GradientTape() as tape:
    y = w * tf.cast(k, tf.float32)
g = tape.gradient(y, w)
""",
    "non-float-dtype: lower precision on the way": """
import tensorflow as tf
w = tf.Variable([2.0, 3.0])
with tf.GradientTape() as tape:
    h = tf.cast(tf.cast(w, tf.float16), tf.float32)
    c = tf.math.real(tf.cast(w, tf.complex64) ** 2)
    y = tf.reduce_sum(h + c)
g = tape.gradient(y, w)
""",
    "stop-gradient: of what is not asked about": """
import tensorflow as tf
w, v = tf.Variable(2.0), tf.Variable(3.0)
with tf.GradientTape() as tape:
    y = w ** 2 * tf.stop_gradient(v * 2.0)
g = tape.gradient(y, w)
""",
    "custom-gradient: with a gradient": """
import tensorflow as tf
@tf.custom_gradient
def clip(x):
    return tf.identity(x), lambda up: tf.clip_by_value(up, -1.0, 1.0)
w = tf.Variable(2.0)
with tf.GradientTape() as tape:
    y = clip(w * 3.0) ** 2
g = tape.gradient(y, w)
""",
    "py-function: written with ops": """
import tensorflow as tf
w = tf.Variable([2.0])
with tf.GradientTape() as tape:
    y = tf.reduce_sum(tf.py_function(lambda v: tf.square(v), [w], tf.float32))
g = tape.gradient(y, w)
""",
    "nested-tape: inside": """
import tensorflow as tf
x = tf.Variable(0.5)
with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        y = tf.sin(x)
    d = inner.gradient(y, x)
g = outer.gradient(d, x)
""",
    "nested-tape: one persistent tape asked twice": """
import tensorflow as tf
x = tf.Variable(0.5)
with tf.GradientTape(persistent=True) as tape:
    y = tf.sin(x)
    d = tape.gradient(y, x)
g = tape.gradient(d, x)
""",
    "constant-gradient: not constant": """
import tensorflow as tf
x, k = tf.Variable(0.5), tf.Variable(2.0)
with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        y = k * x
    d = inner.gradient(y, x)
g = outer.gradient(d, k)
""",
    "missing-gradient: off the tape": """
import tensorflow as tf
x = tf.Variable([[[0.5, 1.0, 0.2]]])
shown = tf.image.adjust_saturation(tf.constant([[[0.5, 1.0, 0.2]]]), 0.5)
with tf.GradientTape() as tape:
    y = tf.reduce_sum(x * shown)
g = tape.gradient(y, x)
""",
    "tape-consumed: a new tape each time": """
import tensorflow as tf
x = tf.Variable(0.5)
for _ in range(2):
    with tf.GradientTape() as tape:
        y = x ** 2
    g = tape.gradient(y, x)
""",
    "tape-consumed: all at once": """
import tensorflow as tf
x = tf.Variable(0.5)
with tf.GradientTape() as tape:
    y, z = x ** 2, x ** 3
g = tape.gradient([y, z], x)
""",
    "masked-none: asked for zeros, and connected": """
import tensorflow as tf
x = tf.Variable(0.5)
with tf.GradientTape() as tape:
    y = x ** 2
g = tape.gradient(y, x, unconnected_gradients='zero')
""",
    "zero-gradient: zero in places": """
import tensorflow as tf
x = tf.Variable([-1.0, 2.0])
with tf.GradientTape() as tape:
    y = tf.reduce_sum(tf.nn.relu(x))
g = tape.gradient(y, x)
""",
    "nan-gradient: a safe where": """
import tensorflow as tf
x = tf.Variable([0.0, 4.0])
with tf.GradientTape() as tape:
    safe = tf.where(x > 0.0, x, 1.0)
    y = tf.reduce_sum(tf.where(x > 0.0, tf.math.log(safe), 0.0))
g = tape.gradient(y, x)
""",
    "bad-argument: a number from a tensor beside the tensor": """
import tensorflow as tf
x = tf.Variable(0.5)
with tf.GradientTape() as tape:
    y = x ** 2
    value = y.numpy()
g = tape.gradient(y, x)
""",
    "unconnected: used in a function, a comprehension and a closure": """
import tensorflow as tf
ws = [tf.Variable(float(i + 1)) for i in range(3)]
def penalty():
    return sum(tf.square(w) for w in ws)
with tf.GradientTape() as tape:
    y = penalty() + tf.add_n([w * 2.0 for w in ws])
g = tape.gradient(y, ws)
""",
    "unconnected: layers made before, models within models": """
import tensorflow as tf
inner = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(4, activation='tanh')])
inp = tf.keras.Input((3,))
model = tf.keras.Model(inp, tf.keras.layers.Dense(1)(tf.keras.layers.LayerNormalization()(inner(inp))))
x = tf.random.normal([5, 3])
with tf.GradientTape() as tape:
    loss = tf.reduce_mean((model(x, training=True) - 1.0) ** 2)
g = tape.gradient(loss, model.trainable_variables)
""",
    "unconnected: fit": """
import tensorflow as tf
model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(2)])
model.compile('sgd', 'mse', run_eagerly=True)
model.fit(tf.ones([4, 3]), tf.ones([4, 2]), epochs=2, batch_size=2, verbose=0)
""",
}

PARTIAL: dict[str, str] = {
    "watched after some of its uses": """
import tensorflow as tf
x = tf.constant(3.0)
with tf.GradientTape() as tape:
    y = x ** 2
    tape.watch(x)  #: watched-too-late
    z = y + x
g = tape.gradient(z, x)
""",
    "half of it went through NumPy": """
import numpy as np
import tensorflow as tf
x = tf.Variable([3.0, 1.0])
with tf.GradientTape() as tape:
    h = x ** 2
    centre = np.mean(h)  #: left-tensorflow
    y = tf.reduce_sum((h - centre) * x)
g = tape.gradient(y, x)
""",
    "half of it was stopped": """
import tensorflow as tf
x = tf.Variable([3.0, 1.0])
with tf.GradientTape() as tape:
    h = x ** 2
    y = tf.reduce_sum(h * tf.stop_gradient(h))  #: stop-gradient
g = tape.gradient(y, x)
""",
    "half of it was computed before": """
import tensorflow as tf
x = tf.Variable([3.0, 1.0])
half = x * 0.5  #: outside-tape
with tf.GradientTape() as tape:
    y = tf.reduce_sum(half * x)
g = tape.gradient(y, x)
""",
    "half of it was rounded": """
import tensorflow as tf
x = tf.Variable([3.2, 1.4])
with tf.GradientTape() as tape:
    whole = tf.floor(x)  #: no-gradient-op
    y = tf.reduce_sum(whole * x)
g = tape.gradient(y, x)
""",
    "half of it went through state": """
import tensorflow as tf
x = tf.Variable([3.2, 1.4])
state = tf.Variable([0.0, 0.0], trainable=False)
with tf.GradientTape() as tape:
    state.assign(x * 2.0)  #: stateful-object
    y = tf.reduce_sum(state * x)
g = tape.gradient(y, x)
""",
}
