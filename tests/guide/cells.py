"""The situations of TensorFlow's guide on automatic differentiation, in cells of our own words.

Each value is a cell; a comment at the end of a query says what is true of it, per source in the
order of ``tf.nest``: ``#: connected`` or ``#: none CAUSE LINE``.
"""

from __future__ import annotations

CELLS = {
    "a scalar": """
import tensorflow as tf
side = tf.Variable(5.0)
with tf.GradientTape() as tape:
    area = side * side
slope = tape.gradient(area, side)  #: connected
assert slope.numpy() == 10.0
""",
    "a matrix and a list of sources": """
import tensorflow as tf
kernel = tf.Variable(tf.random.normal((4, 3)), name='kernel')
shift = tf.Variable(tf.ones(3), name='shift')
rows = [[0.5, 1.0, 1.5, 2.0]]
with tf.GradientTape(persistent=True) as tape:
    out = rows @ kernel + shift
    cost = tf.reduce_mean(out ** 2)
[d_kernel, d_shift] = tape.gradient(cost, [kernel, shift])  #: connected, connected
assert d_kernel.shape == kernel.shape
""",
    "a dict of sources": """
import tensorflow as tf
kernel = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
shift = tf.Variable([0.5, 0.5])
with tf.GradientTape() as tape:
    cost = tf.reduce_sum(tf.tanh([[1.0, -1.0]] @ kernel + shift))
held = {'w': kernel, 'b': shift}
grads = tape.gradient(cost, held)  #: connected, connected
assert grads['b'].shape == (2,)
""",
    "a tuple and a nest of sources": """
import tensorflow as tf
p, q, r = tf.Variable(1.0), tf.Variable(2.0), tf.Variable(3.0)
with tf.GradientTape(persistent=True) as tape:
    product = p * q * r
one = tape.gradient(product, (p, q))  #: connected, connected
two = tape.gradient(product, {'deep': [p, (q, {'last': r})]})  #: connected, connected, connected
""",
    "the variables of a layer": """
import tensorflow as tf
layer = tf.keras.layers.Dense(3, activation='softplus')
rows = tf.constant([[0.1, 0.2]])
with tf.GradientTape() as tape:
    cost = tf.reduce_mean(layer(rows) ** 2)
grads = tape.gradient(cost, layer.trainable_variables)  #: connected, connected
""",
    "the variables of a module": """
import tensorflow as tf
class Line(tf.Module):
    def __init__(self):
        super().__init__()
        self.slope = tf.Variable(2.0)
        self.start = tf.Variable(1.0)
    def __call__(self, at):
        return self.slope * at + self.start
line = Line()
with tf.GradientTape() as tape:
    miss = tf.square(line(3.0) - 4.0)
grads = tape.gradient(miss, line.trainable_variables)  #: connected, connected
""",
    "what the tape watches": """
import tensorflow as tf
free = tf.Variable(2.0, name='free')
fixed = tf.Variable(2.0, name='fixed', trainable=False)
summed = tf.Variable(1.0, name='start') + 1.0
number = tf.constant(2.0)
with tf.GradientTape() as tape:
    out = free ** 2 + fixed ** 2 + summed ** 2
grads = tape.gradient(out, [free, fixed, summed, number])  #: connected, none non-trainable 3, none unwatched-tensor 6, none unconnected 7
assert [v.name for v in tape.watched_variables()] == ['free:0']
""",
    "a constant that was used but not watched": """
import tensorflow as tf
number = tf.constant(2.0)
with tf.GradientTape() as tape:
    out = number ** 2
grad = tape.gradient(out, number)  #: none unwatched-tensor 3
""",
    "watch": """
import tensorflow as tf
number = tf.constant(2.0)
with tf.GradientTape() as tape:
    tape.watch(number)
    out = number ** 2
grad = tape.gradient(out, number)  #: connected
""",
    "watch_accessed_variables off": """
import tensorflow as tf
left = tf.Variable(1.0)
right = tf.Variable(10.0)
with tf.GradientTape(watch_accessed_variables=False) as tape:
    tape.watch(right)
    out = tf.reduce_sum(tf.math.sin(left) + tf.nn.softplus(right))
grads = tape.gradient(out, {'left': left, 'right': right})  #: none auto-watch-off 4, connected
""",
    "an intermediate": """
import tensorflow as tf
start = tf.constant(3.0)
with tf.GradientTape() as tape:
    tape.watch(start)
    square = start * start
    fourth = square * square
grad = tape.gradient(fourth, square)  #: connected
assert grad.numpy() == 18.0
""",
    "a persistent tape asked twice": """
import tensorflow as tf
start = tf.constant([1.0, 3.0])
with tf.GradientTape(persistent=True) as tape:
    tape.watch(start)
    square = start * start
    fourth = square * square
a = tape.gradient(fourth, start)  #: connected
b = tape.gradient(square, start)  #: connected
del tape
""",
    "several targets": """
import tensorflow as tf
at = tf.Variable(2.0)
with tf.GradientTape(persistent=True) as tape:
    up = at ** 2
    down = 1 / at
grad = tape.gradient({'up': up, 'down': down}, at)  #: connected
assert grad.numpy() == 3.75
pair = tape.gradient([up, down], at)  #: connected
""",
    "a target that is not a scalar": """
import tensorflow as tf
at = tf.Variable(2.0)
with tf.GradientTape() as tape:
    many = at * [3.0, 4.0]
grad = tape.gradient(many, at)  #: connected
assert grad.numpy() == 7.0
""",
    "elementwise over 201 points": """
import tensorflow as tf
points = tf.linspace(-10.0, 10.0, 200 + 1)
with tf.GradientTape() as tape:
    tape.watch(points)
    curve = tf.nn.sigmoid(points)
grad = tape.gradient(curve, points)  #: connected
assert grad.shape == (201,)
""",
    "control flow with if": """
import tensorflow as tf
switch = tf.constant(1.0)
first = tf.Variable(2.0)
second = tf.Variable(2.0)
with tf.GradientTape(persistent=True) as tape:
    tape.watch(switch)
    if switch > 0.0:
        result = first
    else:
        result = second ** 2
a, b = tape.gradient(result, [first, second])  #: connected, none unconnected *
c = tape.gradient(result, switch)  #: none unconnected,non-differentiable-input *
""",
    "control flow with while": """
import tensorflow as tf
factor = tf.Variable(1.5)
with tf.GradientTape() as tape:
    grown = factor * 1.0
    while grown < 4.0:
        grown = grown * factor
grad = tape.gradient(grown, factor)  #: connected
""",
    "control flow in a function of TensorFlow": """
import tensorflow as tf
factor = tf.Variable(1.5)
@tf.function
def grow(value):
    while value < 4.0:
        value = value * factor
    return value
with tf.GradientTape() as tape:
    grown = grow(factor * 1.0)
grad = tape.gradient(grown, factor)  #: connected
""",
    "not connected": """
import tensorflow as tf
here = tf.Variable(2.0)
there = tf.Variable(3.0)
with tf.GradientTape() as tape:
    out = there * there
grad = tape.gradient(out, here)  #: none unconnected 5
""",
    "a name that was bound to a tensor": """
import tensorflow as tf
at = tf.Variable(2.0)
for epoch in range(2):
    with tf.GradientTape() as tape:
        out = at + 1
    grad = tape.gradient(out, at)  #: none rebound-name 7
    at = at + 1
""",
    "a detour through NumPy": """
import numpy as np
import tensorflow as tf
grid = tf.Variable([[1.0, 2.0], [3.0, 4.0]], dtype=tf.float32)
with tf.GradientTape() as tape:
    squares = grid ** 2
    middle = np.mean(squares, axis=0)
    out = tf.reduce_mean(middle, axis=0)
grad = tape.gradient(out, grid)  #: none left-tensorflow 6
""",
    "an integer": """
import tensorflow as tf
count = tf.constant(10)
with tf.GradientTape() as tape:
    tape.watch(count)
    out = count * count
grad = tape.gradient(out, count)  #: none non-float-dtype 2
""",
    "a string": """
import tensorflow as tf
word = tf.constant('7.5')
with tf.GradientTape() as tape:
    tape.watch(word)
    out = tf.strings.to_number(word) * 2.0
grad = tape.gradient(out, word)  #: none non-float-dtype 2
""",
    "a stateful object": """
import tensorflow as tf
source = tf.Variable(3.0)
state = tf.Variable(0.0)
with tf.GradientTape() as tape:
    state.assign_add(source)
    out = state ** 2
grad = tape.gradient(out, source)  #: none stateful-object 5
""",
    "no gradient registered": """
import tensorflow as tf
picture = tf.Variable([[[0.5, 0.25, 0.125]]])
change = tf.Variable(0.1)
with tf.GradientTape() as tape:
    shown = tf.image.adjust_contrast(picture, change)
try:
    grad = tape.gradient(shown, [picture, change])  #: error missing-gradient 5, error missing-gradient 5
    raise AssertionError('this was to raise')
except LookupError as error:
    print(error)
""",
    "zeros instead of None": """
import tensorflow as tf
here = tf.Variable([2.0, 2.0])
there = tf.Variable(3.0)
with tf.GradientTape() as tape:
    out = there ** 2
grad = tape.gradient(out, here, unconnected_gradients=tf.UnconnectedGradients.ZERO)  #: masked masked-none 5
""",
    "nested tapes": """
import tensorflow as tf
at = tf.Variable(1.0)
with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        cube = at * at * at
    slope = inner.gradient(cube, at)  #: connected
bend = outer.gradient(slope, at)  #: connected
assert bend.numpy() == 6.0
""",
    "an inner query outside of the outer tape": """
import tensorflow as tf
at = tf.Variable(1.0)
with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        cube = at * at * at
slope = inner.gradient(cube, at)  #: connected
bend = outer.gradient(slope, at)  #: none nested-tape 6
""",
    "the second derivative of a line": """
import tensorflow as tf
at = tf.Variable(1.0)
with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        line = at * 3.0
    slope = inner.gradient(line, at)  #: connected
bend = outer.gradient(slope, at)  #: none constant-gradient 5
""",
    "a gradient penalty": """
import tensorflow as tf
rows = tf.random.normal([7, 5])
layer = tf.keras.layers.Dense(4, activation='softplus')
with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        inner.watch(rows)
        out = layer(rows)
        cost = tf.reduce_sum(out ** 2)
    of_rows = inner.gradient(cost, rows)  #: connected
    size = tf.norm(of_rows)
grads = outer.gradient(size, layer.trainable_variables)  #: connected, connected
""",
    "a jacobian of a scalar source": """
import tensorflow as tf
points = tf.linspace(-3.0, 3.0, 21)
delta = tf.Variable(0.0)
with tf.GradientTape() as tape:
    curve = tf.nn.sigmoid(points + delta)
slopes = tape.jacobian(curve, delta)  #: connected
assert slopes.shape == (21,)
""",
    "a jacobian of a layer": """
import tensorflow as tf
rows = tf.random.normal([3, 2])
layer = tf.keras.layers.Dense(4, activation='tanh')
with tf.GradientTape(persistent=True) as tape:
    out = layer(rows)
all_of = tape.jacobian(out, layer.kernel)  #: connected
both = tape.jacobian(out, layer.trainable_variables)  #: connected, connected
""",
    "a jacobian that is None": """
import tensorflow as tf
here, there = tf.Variable([1.0, 2.0]), tf.Variable([3.0, 4.0])
with tf.GradientTape() as tape:
    out = tf.square(there)
grad = tape.jacobian(out, here)  #: none unconnected 4
""",
    "a hessian": """
import tensorflow as tf
at = tf.Variable([1.0, 2.0])
with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        value = tf.reduce_sum(at ** 3)
    slope = inner.gradient(value, at)  #: connected
hessian = outer.jacobian(slope, at)  #: connected
assert hessian.shape == (2, 2)
""",
    "a batch jacobian": """
import tensorflow as tf
rows = tf.random.normal([5, 3])
layer = tf.keras.layers.Dense(2, activation='elu')
with tf.GradientTape() as tape:
    tape.watch(rows)
    out = layer(rows)
grad = tape.batch_jacobian(out, rows)  #: connected
assert grad.shape == (5, 2, 3)
""",
    "a batch jacobian of what was not watched": """
import tensorflow as tf
rows = tf.random.normal([5, 3])
with tf.GradientTape() as tape:
    out = tf.tanh(rows)
grad = tape.batch_jacobian(out, rows)  #: zero unwatched-tensor 3
""",
    "a tape in a function": """
import tensorflow as tf
def slope_of(function, at):
    with tf.GradientTape() as tape:
        tape.watch(at)
        value = function(at)
    return tape.gradient(value, at)  #: connected
here = slope_of(tf.sin, tf.constant(0.5))
""",
    "a tape in a function that forgot to watch": """
import tensorflow as tf
def slope_of(function, at):
    with tf.GradientTape() as tape:
        value = function(at)
    return tape.gradient(value, at)  #: none unwatched-tensor 3
here = slope_of(tf.sin, tf.constant(0.5))
""",
    "a tape in a loop": """
import tensorflow as tf
weight = tf.Variable(4.0)
for step in range(5):
    with tf.GradientTape() as tape:
        cost = (weight - 1.0) ** 2
    grad = tape.gradient(cost, weight)  #: connected
    weight.assign_sub(0.1 * grad)
""",
    "stop_recording around what is not differentiated": """
import tensorflow as tf
x, y = tf.Variable(2.0), tf.Variable(5.0)
with tf.GradientTape() as tape:
    part = x * x
    with tape.stop_recording():
        other = y * y
    out = part + other
grads = tape.gradient(out, {'x': x, 'y': y})  #: connected, none outside-tape 6
""",
    "reset": """
import tensorflow as tf
x, y = tf.Variable(2.0), tf.Variable(5.0)
reset = True
with tf.GradientTape() as tape:
    part = y * y
    if reset:
        tape.reset()
    out = x * x + part
grads = tape.gradient(out, {'x': x, 'y': y})  #: connected, none outside-tape 7
""",
    "stop_gradient": """
import tensorflow as tf
x, y = tf.Variable(2.0), tf.Variable(3.0)
with tf.GradientTape() as tape:
    held = tf.stop_gradient(y * y)
    out = x * x + held
grads = tape.gradient(out, {'x': x, 'y': y})  #: connected, none stop-gradient 4
""",
    "a custom gradient": """
import tensorflow as tf
@tf.custom_gradient
def clipped(value):
    def backward(up):
        return tf.clip_by_norm(up, 0.5)
    return value, backward
v = tf.Variable(2.0)
with tf.GradientTape() as tape:
    out = clipped(v * v)
grad = tape.gradient(out, v)  #: connected
""",
    "two tapes at once": """
import tensorflow as tf
a, b = tf.constant(0.5), tf.constant(2.0)
with tf.GradientTape() as one, tf.GradientTape() as two:
    one.watch(a)
    two.watch(b)
    first = tf.sin(a)
    second = tf.nn.sigmoid(b)
x = one.gradient(first, a)  #: connected
y = two.gradient(second, b)  #: connected
""",
    "a tape that is asked twice": """
import tensorflow as tf
x = tf.Variable(2.0)
with tf.GradientTape() as tape:
    y = x * x
tape.gradient(y, x)  #: connected
tape.gradient(y, x)  #: error tape-consumed 6
""",
    "sparse gradients": """
import tensorflow as tf
table = tf.Variable(tf.random.normal([6, 2]))
with tf.GradientTape() as tape:
    cost = tf.reduce_sum(tf.gather(table, [1, 4]) ** 2)
grad = tape.gradient(cost, table)  #: connected
""",
    "output_gradients": """
import tensorflow as tf
x = tf.Variable([1.0, 2.0])
with tf.GradientTape() as tape:
    y = x ** 2
grad = tape.gradient(y, x, output_gradients=tf.constant([1.0, 0.5]))  #: connected
""",
    "a training step": """
import tensorflow as tf
model = tf.keras.Sequential([tf.keras.layers.Dense(4, activation='tanh'), tf.keras.layers.Dense(1)])
optimizer = tf.keras.optimizers.Adam(0.01)
rows, wanted = tf.random.normal([8, 3]), tf.random.normal([8, 1])
for step in range(3):
    with tf.GradientTape() as tape:
        cost = tf.reduce_mean((model(rows) - wanted) ** 2)
    grads = tape.gradient(cost, model.trainable_variables)  #: connected, connected, connected, connected
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
""",
}
