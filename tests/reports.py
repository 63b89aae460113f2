"""Reports and traces made by hand, so that views are tested without TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tapemagic.report.model import Call, Failure, Report, Source, Step, Target, Why
from tapemagic.traces.model import (
    Argument,
    BackwardStep,
    Body,
    Entry,
    Gradient,
    Mark,
    Op,
    Query,
    Site,
    Tape,
    TapeEvent,
    Tensor,
    Trace,
)


@dataclass
class Maker:
    """Writes down a trace as if a cell had run."""

    trace: Trace = field(default_factory=Trace)
    last: int = 100

    def tensor(self, name: str | None = None, value: Any = None, **facts: Any) -> int:
        self.last += 1
        facts.setdefault("dtype", "float32")
        facts.setdefault("shape", ())
        self.trace.tensors[self.last] = Tensor(self.last, name=name, value=value, **facts)
        return self.last

    def variable(self, name: str, value: Any, line: int, **facts: Any) -> int:
        return self.tensor(
            name, value, kind="variable", trainable=True, made_at=Site(line), nbytes=4, **facts
        )

    def constant(self, value: Any, **facts: Any) -> int:
        return self.tensor(None, value, kind="constant", **facts)

    def op(
        self,
        kind: str,
        inputs: tuple[int, ...],
        line: int,
        name: str | None = None,
        value: Any = None,
        recorded: bool = True,
        at: Site | None = None,
        **facts: Any,
    ) -> int:
        index = len(self.trace.ops)
        shape = facts.pop("shape", ())
        tensor = self.tensor(name, value, op=index, shape=shape, nbytes=4)
        self.trace.ops.append(
            Op(index, kind, inputs, (tensor,), at or Site(line), recorded=recorded, **facts)
        )
        return tensor

    def read(self, variable: int, line: int) -> int:
        return self.op("ReadVariableOp", (variable,), line)

    def tape(self, line: int, persistent: bool = False) -> int:
        number = len(self.trace.tapes) + 1
        event = TapeEvent(len(self.trace.ops), "enter", at=Site(line))
        self.trace.tapes[number] = Tape(
            number, persistent, True, name="tape", at=Site(line), events=[event]
        )
        return number

    def query(
        self, target: int, sources: list[int], line: int, steps: list[BackwardStep], **facts: Any
    ) -> int:
        number = len(self.trace.queries)
        now = len(self.trace.ops)
        self.trace.queries.append(
            Query(
                number,
                "gradient",
                1,
                now,
                now,
                [self._argument(target)],
                [self._argument(source) for source in sources],
                Site(line),
                steps=steps,
                **facts,
            )
        )
        return number

    def _argument(self, tensor: int) -> Argument:
        known = self.trace.tensors[tensor]
        kind = "variable" if known.kind == "variable" else "tensor"
        return Argument(known.name or "?", tensor, kind, known.dtype, known.shape)


def scalar(value: float) -> Gradient:
    return Gradient((), "float32", abs(value), value, value, zero=value == 0, value=value)


def back(
    op: int, *values: float | str | None, skip: tuple[int, ...] = (), **facts: Any
) -> BackwardStep:
    return BackwardStep(op, tuple(v is None for v in values), skip, values=values, **facts)


SQUARE = """import tensorflow as tf

x = tf.Variable(3.0, name="x")
with tf.GradientTape() as tape:
    y = x * x
    z = tf.sin(y) + 2.0
dz = tape.gradient(z, x)
"""


def square() -> Report:
    """One variable, one target, everything connected, all values small."""
    m = Maker(Trace(source=SQUARE))
    x = m.variable("x", 3.0, 3)
    m.tape(4)
    a, b = m.read(x, 5), m.read(x, 5)
    y = m.op("Mul", (a, b), 5, "y", 9.0)
    s = m.op("Sin", (y,), 6, value=0.4121)
    two = m.constant(2.0)
    z = m.op("AddV2", (s, two), 6, "z", 2.4121)
    g = -0.91113
    steps = [
        back(4, 1.0, None, skip=(1,)),
        back(3, g),
        back(2, 3 * g, 3 * g),
        back(1, 3 * g),
        back(0, 3 * g),
    ]
    m.query(z, [x], 7, steps, gradients=[scalar(6 * g)])
    source = Source("x", "variable", "float32", (), "connected", scalar(6 * g), tensor=x)
    target = Target("z", "float32", (), z)
    call = Call("gradient", Site(7), "tape", [target], [source])
    return Report(SQUARE, None, 5, 5, 6, 0, [call], trace=m.trace)


DETOUR = """import numpy as np
import tensorflow as tf

x = tf.Variable([1.0, 2.0, 3.0])
w = tf.Variable(2.0)
with tf.GradientTape() as tape:
    x2 = x ** 2
    # the mean of the squares
    m = np.mean(x2)
    y = w * m
    loss = y + 1.0
grads = tape.gradient(loss, [x, w])
"""


def detour_why() -> Why:
    """The reason of :func:`detour`, tensor ids as made there."""
    return Why(
        "left-tensorflow",
        "warning",
        "x2 left TensorFlow at np.mean(x2): m is a NumPy float, and the tape can't follow it.",
        Site(9, expr=(9, 8, 9, 19)),
        (7, 9, 10),
        fix="Compute the mean with tf.reduce_mean instead of np.mean.",
        fixed_source=DETOUR.replace("np.mean(x2)", "tf.reduce_mean(x2)"),
        fix_verified=True,
        fix_result="x now gets [1.333, 2.667, 4.0]",
        story=(
            Step("source", "x", Site(4), 101),
            Step("op", "x2", Site(7), 104),
            Step("left", "np.mean(x2)", Site(9)),
            Step("back", "a constant in w * m", Site(10), 106),
            Step("op", "y", Site(10), 107),
            Step("target", "loss", Site(11), 109),
        ),
        cut=(104, 106),
    )


def detour() -> Report:
    """One source lost on a detour through NumPy, one connected."""
    m = Maker(Trace(source=DETOUR))
    x = m.variable("x", [1.0, 2.0, 3.0], 4, shape=(3,))  # 101
    w = m.variable("w", 2.0, 5)  # 102
    m.tape(6)
    read = m.read(x, 7)  # 103
    x2 = m.op("Square", (read,), 7, "x2", [1.0, 4.0, 9.0], shape=(3,))  # 104
    weight = m.read(w, 10)  # 105
    mean = m.constant(4.667)  # 106
    y = m.op("Mul", (weight, mean), 10, "y", 9.333)  # 107
    one = m.constant(1.0)  # 108
    loss = m.op("AddV2", (y, one), 11, "loss", 10.33)  # 109
    m.trace.marks[1] = Mark(1, 2, "np.mean(x2)", "float32", Site(9), (x2,), name="m")
    m.trace.entries.append(Entry(mean, (1,), Site(10), 3))
    steps = [
        back(4, 1.0, None, skip=(1,)),
        back(3, 4.667, None, skip=(1,)),
        back(2, 4.667),
    ]
    m.query(loss, [x, w], 12, steps, gradients=[None, scalar(4.667)])
    sources = [
        Source("x", "variable", "float32", (3,), "none", None, detour_why(), tensor=x),
        Source("w", "variable", "float32", (), "connected", scalar(4.667), tensor=w),
    ]
    call = Call("gradient", Site(12), "tape", [Target("loss", "float32", (), loss)], sources)
    return Report(DETOUR, None, 5, 5, 7, 0, [call], trace=m.trace)


OUTSIDE = """import tensorflow as tf

a = tf.Variable(2.0)
b = tf.Variable(3.0)
s = a + b
q = s * s
with tf.GradientTape() as tape:
    y = q * 4.0
grads = tape.gradient(y, {"a": a, "b": b})
"""


def outside() -> Report:
    """Two sources that share one reason: the linking ops ran before the tape."""
    m = Maker(Trace(source=OUTSIDE))
    a = m.variable("a", 2.0, 3)
    b = m.variable("b", 3.0, 4)
    ra, rb = m.read(a, 5), m.read(b, 5)
    s = m.op("AddV2", (ra, rb), 5, "s", 5.0, recorded=False)
    q = m.op("Mul", (s, s), 6, "q", 25.0, recorded=False)
    m.tape(7)
    y = m.op("Mul", (q, m.constant(4.0)), 8, "y", 100.0, recorded=False)
    m.query(y, [a, b], 9, [], gradients=[None, None])
    fixed = OUTSIDE.replace("s = a + b\nq = s * s\nwith tf.GradientTape() as tape:\n", "")
    fixed = fixed.replace(
        "    y = q", "with tf.GradientTape() as tape:\n    s = a + b\n    q = s * s\n    y = q"
    )
    why = Why(
        "outside-tape",
        "error",
        "s was computed before the tape began to record, so a and b are not linked to y.",
        Site(5, expr=(5, 4, 5, 9)),
        (5, 6, 8),
        fix="Move lines 5 and 6 into the with block.",
        fixed_source=fixed,
        story=(
            Step("source", "a", Site(3), a),
            Step("cut", "s, before the tape", Site(5), s),
            Step("op", "q", Site(6), q),
            Step("target", "y", Site(8), y),
        ),
        cut=(a, s),
    )
    sources = [
        Source("a", "variable", "float32", (), "none", None, why, tensor=a),
        Source("b", "variable", "float32", (), "none", None, why, tensor=b),
    ]
    call = Call("gradient", Site(9), "tape", [Target("y", "float32", (), y)], sources)
    return Report(OUTSIDE, None, 3, 0, 3, 0, [call], trace=m.trace)


def nan() -> Report:
    """A root at 0: the gradient is NaN from there back to the source, and fine before it."""
    source = "x = tf.Variable(0.0)\nwith tf.GradientTape() as tape:\n    s = x * 3.0\n"
    source += "    y = tf.sqrt(s) + 1.0\ndy = tape.gradient(y, x)\n"
    m = Maker(Trace(source=source))
    x = m.variable("x", 0.0, 1)
    m.tape(2)
    s = m.op("Mul", (m.read(x, 3), m.constant(3.0)), 3, "s", 0.0)
    root = m.op("Sqrt", (s,), 4, value=0.0)
    y = m.op("AddV2", (root, m.constant(1.0)), 4, "y", 1.0)
    steps = [
        back(3, 1.0, None, codes=b"\2\0"),
        back(2, "inf", codes=b"\3", finite=False),
        back(1, "inf", None, codes=b"\3\0", finite=False, upstream_finite=False),
        back(0, "inf", codes=b"\3", finite=False, upstream_finite=False),
    ]
    m.query(y, [x], 5, steps, gradients=[Gradient((), "float32", nonfinite=1, value="inf")])
    told = "The gradient of a root at 0 is infinite."
    why = Why("nan-gradient", "error", told, Site(4), (1, 3, 4))
    asked = Source("x", "variable", "float32", (), "inf", m.trace.queries[0].gradients[0], why)
    asked.tensor = x
    call = Call("gradient", Site(5), "tape", [Target("y", "float32", (), y)], [asked])
    return Report(source, None, 4, 4, 4, 0, [call], trace=m.trace)


def raised() -> Report:
    """A query that raised, explained."""
    source = "with tf.GradientTape() as t:\n    y = x * x\nt.gradient(y, x)\nt.gradient(y, x)\n"
    why = Why(
        "tape-consumed",
        "error",
        "t is not persistent, and line 3 has already used it.",
        Site(4),
        (3, 4),
        fix="Make the tape with persistent=True.",
        fixed_source=source.replace("GradientTape()", "GradientTape(persistent=True)"),
        fix_verified=False,
        fix_result="the changed cell raised NameError",
    )
    failure = Failure("RuntimeError", "A non-persistent GradientTape can only be used once", 4, why)
    asked = Source("x", "variable", "float32", (), "error")
    call = Call("gradient", Site(4), "t", [Target("y", "float32", ())], [asked], error=failure)
    return Report(source, failure, 1, 1, 0, 0, [call])


def training_step(
    layers: int = 6, turns: int = 1, width: int = 3, *, carry: bool = False
) -> Report:
    """A Keras-like step: a chain of layers with kernels and biases; the first bias is lost.

    With ``carry``, each turn goes on with the last one's result, as in a recurrent network.
    """
    source = "for step in range(turns):\n    with tf.GradientTape() as tape:\n"
    source += "        loss = loss_fn(model(x))\n    grads = tape.gradient(loss, model.weights)\n"
    m = Maker(Trace(source=source))
    variables = []
    for layer in range(layers):
        for name, shape in (("kernel", (64, 64)), ("bias", (64,))):
            variables.append(m.variable(f"dense_{layer}.{name}", None, 1, shape=shape, label=name))
    loss = h = 0
    for turn in range(turns):
        if turn == 0 or not carry:
            h = m.tensor("x", None, shape=(32, 64), kind="constant")
        for layer in range(layers):
            scope = ("model", f"dense_{layer}")
            kernel = m.read(variables[2 * layer], 3)
            h = m.op("MatMul", (h, kernel), 3, shape=(32, 64), scope=scope)
            bias = m.read(variables[2 * layer + 1], 3)
            h = m.op("BiasAdd", (h, bias), 3, shape=(32, 64), scope=scope)
            for _ in range(width):
                h = m.op("Relu", (h,), 3, shape=(32, 64), scope=scope)
        h = m.op("SquaredDifference", (h, m.constant(None, shape=(32, 64))), 3, shape=(32, 64))
        loss = m.op("Mean", (h, m.constant([0, 1], dtype="int32", shape=(2,))), 3, "loss", 0.731)
    m.tape(2)
    m.query(loss, variables, 4, [])
    why = Why(
        "unconnected",
        "warning",
        "dense_0.bias was not used for loss.",
        Site(3, expr=(3, 23, 3, 31)),
        (3,),
        cut=(variables[1], None),
    )
    sources = []
    for position, variable in enumerate(variables):
        known = m.trace.tensors[variable]
        lost = position == 1
        gradient = Gradient(known.shape, "float32", 0.0311 * (position + 1), -0.02, 0.013)
        sources.append(
            Source(
                f"model.weights[{position}]",
                "variable",
                "float32",
                known.shape,
                "none" if lost else "connected",
                None if lost else gradient,
                why if lost else None,
                tensor=variable,
            )
        )
    call = Call(
        "gradient", Site(4), "tape", [Target("loss", "float32", (), loss)], sources, times=turns
    )
    ops = len(m.trace.ops)
    return Report(source, None, ops, ops, 2 * ops, 0, [call], trace=m.trace)


def hostile(name: str) -> Report:
    """A report in which every text is ``name``."""
    report = detour()
    assert report.trace is not None
    report.source = f"x = 1\n{name}\n" + DETOUR
    report.notes = [name]
    for tensor in report.trace.tensors.values():
        tensor.name = tensor.label = name
        if tensor.kind == "constant":
            tensor.value = name
    report.trace.marks[1].what = name
    report.trace.ops[1].type = name
    report.trace.ops[1].scope = (name,)
    call = report.calls[0]
    call.tape = name
    call.targets[0].name = name
    why = call.sources[0].why
    assert why is not None
    why.message = why.fix = why.fix_result = why.fixed_source = name
    why.story = tuple(Step(step.kind, name, step.at, step.tensor) for step in why.story)
    for source in call.sources:
        source.name = source.dtype = name
    call.error = report.error = Failure(name, name, 2, why)
    return report


ALL = {"square": square, "detour": detour, "outside": outside, "raised": raised}


CALLED = """import tensorflow as tf

w = tf.Variable(2.0)
u = tf.Variable(3.0)
@tf.function
def inner(v):
    return tf.round(v)
@tf.function
def step(a, b):
    return inner(tf.sin(a)) * b
with tf.GradientTape() as tape:
    y = step(w, u)
grads = tape.gradient(y, [w, u])
"""


def _body(
    name: str, inputs: list[int], output: int, ops: list[tuple[Any, ...]], first: int
) -> Body:
    """A body of scalars: ops are (type, inputs, output, line, what is handed on, bodies)."""
    made = [Op(0, "Placeholder", (), (tensor,)) for tensor in inputs]
    for kind, given, result, line, passes, inner in ops:
        made.append(
            Op(0, kind, given, (result,), Site(line), graph=name, passes=passes, inner=inner)
        )
    for index, op in enumerate(made):
        op.index = index
    tensors = {number: Tensor(number, "float32", ()) for number in range(first, first + 9)}
    return Body(f"{name}#1", name, made, tuple(inputs), (output,), tensors)


def called() -> Report:
    """A function in a function: the inner one cuts the first source."""
    m = Maker(Trace(source=CALLED))
    w = m.variable("w", 2.0, 3)
    u = m.variable("u", 3.0, 4)
    m.tape(11)
    y = m.op("__forward_step_1", (w, u), 12, "y", 3.0, rule="function", body="step#1")
    m.trace.ops[0].inner = (("step#1", 0),)
    inner = _body("inner", [310], 312, [("Round", (310,), 312, 7, (False,), ())], 310)
    outer = _body(
        "step",
        [300, 301],
        304,
        [
            ("Sin", (300,), 302, 10, (True,), ()),
            ("PartitionedCall", (302,), 303, 10, None, (("inner#1", 0),)),
            ("Mul", (303, 301), 304, 10, (True, True), ()),
        ],
        300,
    )
    m.trace.bodies = {"step#1": outer, "inner#1": inner}
    m.query(y, [w, u], 13, [back(0, None, 1.0)], gradients=[None, scalar(1.0)])
    why = Why(
        "no-gradient-op",
        "warning",
        "`tf.round(v)` on line 7 runs Round, which has no gradient: its result only steps.",
        Site(7),
        (3, 7, 12),
        story=(Step("source", "w", Site(3), w), Step("target", "y", Site(12), y)),
        cut=(w, y),
        inside=("inner#1", 1, 0),
    )
    lost = Source("w", "variable", "float32", (), "none", why=why, tensor=w)
    found = Source("u", "variable", "float32", (), "connected", scalar(1.0), tensor=u)
    call = Call("gradient", Site(13), "tape", [Target("y", "float32", (), y)], [lost, found])
    return Report(CALLED, None, 1, 1, 1, 0, [call], trace=m.trace)
