"""Random programs with one known cut, and their healthy twins.

A program is drawn from a :class:`random.Random` (hypothesis supplies one that shrinks). Lines carry
tags while the text is built; they say which line is the culprit's, and are gone from the source.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field

TAG = re.compile(r"\s*#@(\w+)$")

UNARY = (
    "tf.tanh({a})",
    "tf.sin({a} * 0.3)",
    "tf.exp({a} * 0.1)",
    "tf.square({a})",
    "tf.nn.softplus({a})",
    "tf.sigmoid({a})",
    "{a} * 1.5",
    "{a} + 0.25",
    "2.0 - {a}",
    "-{a}",
    "{a} ** 2",
    "tf.sqrt(tf.square({a}) + 1.0)",
    "tf.reverse({a}, [0])",
    "tf.roll({a}, 1, axis=0)",
    "tf.cumsum({a})",
    "tf.reshape(tf.reshape({a}, [1, 3]), [3])",
    "tf.gather({a}, [2, 0, 1])",
    "tf.stack(tf.unstack({a}))",
    "tf.concat([{a}[:1], {a}[1:]], axis=0)",
    "tf.clip_by_value({a}, -500.0, 500.0)",
    "tf.where({a} > 0.0, {a}, 0.1 * {a})",
    "tf.linalg.matvec(tf.eye(3) * 0.5, {a})",
    "tf.einsum('i,j->i', {a}, tf.ones([2]))",
    "tf.math.log1p(tf.square({a}))",
    "{a} * tf.constant([1.0, 0.5, 2.0])",
    "tf.cast(tf.cast({a}, tf.float64), tf.float32)",
    "{a} / float({a}.shape[0])",
)
BINARY = (
    "{a} + {b}",
    "{a} * {b}",
    "{a} - 0.5 * {b}",
    "{a} / (1.5 + tf.square({b}))",
    "tf.add_n([{a}, {b}])",
    "tf.reduce_sum(tf.stack([{a}, {b}]), axis=0)",
    "tf.multiply({a}, tf.sigmoid({b}))",
    "tf.concat([{a}, {b}], axis=0)[:3] + {b}",
    "tf.tensordot({a}, {b}, 1) + {a} + {b}",
    "tf.math.atan2({a}, 2.0 + tf.square({b}))",
)
TARGETS = (
    "tf.reduce_sum({a})",
    "tf.reduce_mean(tf.square({a}))",
    "tf.reduce_mean({a}) + 0.5",
    "tf.norm({a} + 5.0)",
    "tf.reduce_sum({a} * [1.0, 2.0, 3.0])",
    "tf.math.reduce_logsumexp({a})",
)
NOISE = (
    "journal.append(float(tf.reduce_mean({a})))",
    "journal.append({a}.numpy())",
    "journal.append(np.mean({a}))",
    "journal.append(np.linalg.norm({a}.numpy()) / 2.0)",
    "print('now', {a}.numpy().round(2))",
    "print(f'{{float({a}[0]):.2f}}')",
    "peak = int(tf.argmax({a}))",
    "seen['top'] = max(seen.get('top', 0.0), float(tf.reduce_max({a})))",
    "frozen = tf.stop_gradient({a})",
    "whole = tf.round({a})",
    "kept.assign({a})",
    "clone = tf.Variable({a})",
    "mask = tf.cast({a} > 0.0, tf.int32)",
    "assert np.isfinite({a}.numpy()).all()",
    "rows = [float(z) for z in {a}]",
    "listed = {a}.numpy().tolist()",
    "seen['shape'] = tuple({a}.shape)",
    "tracker.update_state({a})",
    "text = str({a})",
    "average = sum(float(z) for z in {a}) / 3.0",
)
GRAPH_NOISE = (
    "whole = tf.round({a})",
    "frozen = tf.stop_gradient({a})",
    "mask = tf.cast({a} > 0.0, tf.int32)",
    "kept.assign({a})",
    "peak = tf.argmax({a})",
    "size = tf.shape({a})[0]",
)
NAMES = [
    "alpha",
    "bias",
    "coef",
    "decay",
    "embed",
    "factor",
    "gain",
    "hidden",
    "inlet",
    "joint",
    "kernel",
    "latent",
    "mass",
    "noise",
    "offset",
    "phase",
    "query_w",
    "rate",
    "scale",
    "theta",
    "unit",
    "vec",
    "weight",
    "xi",
    "yaw",
    "zeta",
]
LOCALS = [
    "acc",
    "blend",
    "cell",
    "drift",
    "edge",
    "feat",
    "grid",
    "hue",
    "item",
    "jet",
    "knot",
    "lane",
    "mid",
    "node",
    "out",
    "part",
    "quad",
    "rest",
    "seg",
    "temp",
    "upper",
    "val",
    "wave",
    "xs",
    "ys",
    "zs",
]


@dataclass
class Program:
    """A cell with what is true of it."""

    source: str
    victim: int | None  # position among the sources of the last call; None: healthy
    causes: tuple[str, ...]
    lines: tuple[int, ...]
    clean: tuple[int, ...]  # positions of sources of which nothing may be said
    kind: str
    prior: str = ""  # a cell that ran before; the lines are its lines then


@dataclass
class Cut:
    """How a value is lost between ``a`` and ``d``.

    Lines are templates; one of them ends in ``#@cut``. ``n`` names are fresh names.
    """

    causes: tuple[str, ...]
    lines: tuple[str, ...]
    graph: bool = False  # works inside tf.function
    setup: tuple[str, ...] = ()


LEFT = ("left-tensorflow",)
CUTS: dict[str, Cut] = {
    "np-call": Cut(LEFT, ("{d} = np.tanh({a})  #@cut",)),
    "np-mean": Cut(LEFT, ("{n} = np.mean({a}, axis=0)  #@cut", "{d} = {n} * {b}")),
    "np-sum-const": Cut(
        LEFT, ("{n} = np.sum({a})  #@cut", "{d} = tf.constant({n}, tf.float32) + {b}")
    ),
    "numpy-one": Cut(LEFT, ("{d} = tf.constant({a}.numpy() * 0.5)  #@cut",)),
    "numpy-two": Cut(LEFT, ("{n} = {a}.numpy()  #@cut", "{d} = tf.convert_to_tensor({n} + 1.0)")),
    "numpy-three": Cut(
        LEFT,
        (
            "{n} = {a}.numpy()  #@cut",
            "{m} = np.clip({n}, -3.0, 3.0)",
            "{d} = {b} * {m}",
        ),
    ),
    "asarray": Cut(LEFT, ("{n} = np.asarray({a})  #@cut", "{d} = {n} + {b}")),
    "array-inplace": Cut(
        LEFT, ("{n} = np.array({a})  #@cut", "{n} += 0.5", "{d} = tf.constant({n}) * {b}")
    ),
    "float": Cut(LEFT, ("{n} = float(tf.reduce_sum({a}))  #@cut", "{d} = {n} * {b}")),
    "float-item": Cut(LEFT, ("{n} = float({a}[1])  #@cut", "{d} = {b} + {n}")),
    "item": Cut(LEFT, ("{n} = {a}.numpy()[0].item()  #@cut", "{d} = tf.fill([3], {n}) + {b}")),
    "int": Cut(LEFT, ("{n} = int(tf.reduce_sum({a}) * 10.0)  #@cut", "{d} = {b} * float({n})")),
    "list": Cut(LEFT, ("{n} = [float(z) for z in {a}]  #@cut", "{d} = tf.constant({n}) + {b}")),
    "tolist": Cut(LEFT, ("{n} = {a}.numpy().tolist()  #@cut", "{d} = tf.constant({n})")),
    "math": Cut(LEFT, ("{n} = math.tanh(tf.reduce_mean({a}))  #@cut", "{d} = {b} * {n}")),
    "dict": Cut(LEFT, ("seen['{n}'] = {a}.numpy()  #@cut", "{d} = seen['{n}'] * {b}")),
    "list-store": Cut(
        LEFT, ("{n} = []", "{n}.append({a}.numpy())  #@cut", "{d} = tf.stack({n})[0] + {b}")
    ),
    "attribute": Cut(LEFT, ("box.value = {a}.numpy()  #@cut", "{d} = box.value - {b}")),
    "round-float": Cut(
        LEFT, ("{n} = round(float(tf.reduce_mean({a})), 3)  #@cut", "{d} = {b} * {n}")
    ),
    "stack-np": Cut(
        LEFT, ("{n} = np.stack([{a}, {a}])  #@cut", "{d} = tf.reduce_sum({n}, axis=0) + {b}")
    ),
    "where-np": Cut(LEFT, ("{n} = np.where({a} > 0.0, {a}, 0.0)  #@cut", "{d} = {b} + {n}")),
    "helper": Cut(
        LEFT,
        ("{d} = {b} * to_array_{n}({a})",),
        setup=(
            "def to_array_{n}(value):",
            "    made = value.numpy()  #@cut",
            "    return made * 2.0",
        ),
    ),
    "loop-sum": Cut(
        LEFT,
        (
            "{n} = 0.0",
            "for z in {a}:",
            "    {n} = {n} + float(z)  #@cut",
            "{d} = {b} * {n}",
        ),
    ),
    "loop-grow": Cut(
        LEFT,
        ("{n} = 0.0", "for z in {a}.numpy():  #@cut", "    {n} += z", "{d} = {b} * {n}"),
    ),
    "string": Cut(LEFT, ("{n} = float(f'{{tf.reduce_sum({a}):.4f}}')  #@cut", "{d} = {b} * {n}")),
    "comprehension-sum": Cut(
        LEFT, ("{n} = sum(float(z) ** 2 for z in {a})  #@cut", "{d} = {b} * {n}")
    ),
    "sorted": Cut(LEFT, ("{n} = sorted({a}.numpy())  #@cut", "{d} = tf.constant({n}) + {b}")),
    "max-py": Cut(LEFT, ("{n} = max({a}.numpy())  #@cut", "{d} = {b} * {n}")),
    "tuple-unpack": Cut(LEFT, ("{n}, {m} = {a}.numpy(), 2.0  #@cut", "{d} = {n} * {m} + {b}")),
    "unpack-three": Cut(LEFT, ("{n}, {m}, _ = {a}.numpy()  #@cut", "{d} = {b} * {n} + {m}")),
    "conditional": Cut(
        LEFT, ("{n} = {a}.numpy() if journal is not None else 0.0  #@cut", "{d} = {n} + {b}")
    ),
    "augmented": Cut(
        LEFT, ("{n} = 0.5", "{n} += float(tf.reduce_mean({a}))  #@cut", "{d} = {b} * {n}")
    ),
    "np-dot": Cut(LEFT, ("{n} = np.dot({a}, [1.0, 2.0, 0.5])  #@cut", "{d} = {b} + {n}")),
    "np-fill": Cut(
        LEFT,
        ("{n} = np.zeros(3, np.float32)", "{n}[:] = {a}  #@cut", "{d} = tf.constant({n}) + {b}"),
    ),
    "np-fill-each": Cut(
        LEFT,
        (
            "{n} = np.zeros(3, np.float32)",
            "for z in range(3):",
            "    {n}[z] = {a}[z]  #@cut",
            "{d} = {n} * {b}",
        ),
    ),
    "np-method": Cut(LEFT, ("{n} = {a}.numpy().mean()  #@cut", "{d} = {b} * {n}")),
    "operand-first": Cut(LEFT, ("{d} = np.exp({a} * 0.1) + {b}  #@cut",)),
    "argument": Cut(LEFT, ("{d} = tf.multiply({b}, {a}.numpy())  #@cut",)),
    "keyword": Cut(LEFT, ("{d} = tf.add(x={b}, y=np.square({a}))  #@cut",)),
    "nest-list": Cut(LEFT, ("{n} = [{a}.numpy(), 1.0]  #@cut", "{d} = {n}[0] * {n}[1] + {b}")),
    "dict-literal": Cut(
        LEFT, ("{n} = dict(mean={a}.numpy().mean())  #@cut", "{d} = {b} * {n}['mean']")
    ),
    "json": Cut(
        LEFT,
        (
            "{n} = json.dumps({a}.numpy().tolist())  #@cut",
            "{d} = tf.constant(json.loads({n})) + {b}",
        ),
    ),
    "namedtuple": Cut(LEFT, ("{n} = Pair({a}.numpy(), 1.0)  #@cut", "{d} = {n}.first * {b}")),
    "dataclass": Cut(LEFT, ("{n} = Held(value={a}.numpy())  #@cut", "{d} = {n}.value + {b}")),
    "lambda": Cut(
        LEFT,
        ("{n} = as_array({a})  #@cut", "{d} = {n} * {b}"),
        setup=("as_array = lambda value: value.numpy() * 2.0  #@cut",),
    ),
    "generator": Cut(
        LEFT,
        ("{n} = list(pieces_{n}({a}))", "{d} = tf.constant({n}) + {b}"),
        setup=(
            "def pieces_{n}(value):",
            "    for z in value:",
            "        yield float(z)  #@cut",
        ),
    ),
    "method-helper": Cut(
        LEFT,
        ("{d} = {b} + tool_{n}.squash({a})",),
        setup=(
            "class Tool_{n}:",
            "    def squash(self, value):",
            "        self.last = np.tanh(value)  #@cut",
            "        return self.last",
            "tool_{n} = Tool_{n}()",
        ),
    ),
    "two-helpers": Cut(
        LEFT,
        ("{d} = {b} * outer_{n}({a})",),
        setup=(
            "def deep_{n}(value):",
            "    return float(tf.reduce_sum(value))  #@cut",
            "def outer_{n}(value):",
            "    made = deep_{n}(value)",
            "    return made + 1.0",
        ),
    ),
    "round": Cut(("no-gradient-op",), ("{d} = tf.round({a} * 4.0)  #@cut",), graph=True),
    "floor": Cut(("no-gradient-op",), ("{d} = tf.floor({a})  #@cut",), graph=True),
    "ceil": Cut(
        ("no-gradient-op",), ("{n} = tf.math.ceil({a})  #@cut", "{d} = {n} * {b}"), graph=True
    ),
    "argmax": Cut(
        ("no-gradient-op",),
        ("{n} = tf.argmax({a})  #@cut", "{d} = tf.one_hot({n}, 3) * {b}"),
        graph=True,
    ),
    "argmax-cast": Cut(
        ("no-gradient-op",),
        ("{d} = {b} + tf.cast(tf.argmax({a}), tf.float32)  #@cut",),
        graph=True,
    ),
    "compare": Cut(
        ("no-gradient-op",),
        ("{n} = {a} > 0.1  #@cut", "{d} = tf.cast({n}, tf.float32) * {b}"),
        graph=True,
    ),
    "compare-cast": Cut(
        ("no-gradient-op",), ("{d} = tf.cast({a} >= 0.0, tf.float32) + {b}  #@cut",), graph=True
    ),
    "argsort": Cut(
        ("no-gradient-op",),
        ("{n} = tf.argsort({a})  #@cut", "{d} = tf.cast({n}, tf.float32) * {b}"),
        graph=True,
    ),
    "rint": Cut(
        ("no-gradient-op",), ("{n} = tf.math.rint({a})  #@cut", "{d} = {n} - {b}"), graph=True
    ),
    "floordiv": Cut(("no-gradient-op",), ("{d} = {b} + {a} // 0.5  #@cut",), graph=True),
    "equal": Cut(
        ("no-gradient-op",),
        ("{n} = tf.cast(tf.equal({a}, {b}), tf.float32)  #@cut", "{d} = {b} + {n}"),
        graph=True,
    ),
    "greater-mask": Cut(
        ("no-gradient-op", "non-differentiable-input"),
        ("{n} = tf.where({a} > 0.5, 1.0, 0.0)  #@cut", "{d} = {n} * {b}"),
        graph=True,
    ),
    "top-k": Cut(
        ("no-gradient-op",),
        (
            "_, {n} = tf.math.top_k({a}, k=3)  #@cut",
            "{d} = tf.gather({b}, {n})",
        ),
        graph=True,
    ),
    "argmin-gather": Cut(
        ("no-gradient-op",),
        ("{n} = tf.argmin({a})  #@cut", "{d} = {b} * tf.gather({b}, {n})"),
        graph=True,
    ),
    "bucketize": Cut(
        ("no-gradient-op",),
        (
            "{n} = tf.searchsorted([0.0, 0.5, 1.0], {a})  #@cut",
            "{d} = {b} * tf.cast({n}, tf.float32)",
        ),
        graph=True,
    ),
    "helper-round": Cut(
        ("no-gradient-op",),
        ("{d} = {b} * quantise_{n}({a})",),
        graph=True,
        setup=(
            "def quantise_{n}(value, levels=8.0):",
            "    return tf.round(value * levels) / levels  #@cut",
        ),
    ),
    "helper-stop": Cut(
        ("stop-gradient",),
        ("{d} = {b} * frozen_{n}({a})",),
        graph=True,
        setup=("def frozen_{n}(value):", "    return tf.stop_gradient(value) + 1.0  #@cut"),
    ),
    "keras-stop": Cut(
        ("stop-gradient",), ("{d} = tf.keras.ops.stop_gradient({a}) * {b}  #@cut",), graph=True
    ),
    "stop": Cut(("stop-gradient",), ("{d} = tf.stop_gradient({a})  #@cut",), graph=True),
    "stop-two": Cut(
        ("stop-gradient",),
        ("{n} = tf.stop_gradient({a} * 2.0)  #@cut", "{d} = {n} + {b}"),
        graph=True,
    ),
    "cast-int": Cut(
        ("non-float-dtype",),
        ("{n} = tf.cast({a} * 5.0, tf.int32)  #@cut", "{d} = tf.cast({n}, tf.float32) * {b}"),
        graph=True,
    ),
    "cast-one": Cut(
        ("non-float-dtype",),
        ("{d} = tf.cast(tf.cast({a} * 9.0, tf.int64), tf.float32)  #@cut",),
        graph=True,
    ),
    "saturate": Cut(
        ("non-float-dtype",),
        (
            "{n} = tf.saturate_cast({a} * 9.0, tf.uint8)  #@cut",
            "{d} = tf.cast({n}, tf.float32) + {b}",
        ),
        graph=True,
    ),
    "variable": Cut(("new-variable",), ("{n} = tf.Variable({a})  #@cut", "{d} = {n} * 2.0")),
    "variable-named": Cut(
        ("new-variable",),
        ("{n} = tf.Variable(initial_value={a} + 1.0, name='state')  #@cut", "{d} = {n} * {b}"),
    ),
    "assign": Cut(
        ("stateful-object",), ("store.assign({a})  #@cut", "{d} = store * {b}"), graph=True
    ),
    "assign-add": Cut(
        ("stateful-object",), ("store.assign_add({a})  #@cut", "{d} = store + {b}"), graph=True
    ),
    "assign-read": Cut(
        ("stateful-object",),
        ("store.assign({a})  #@cut", "{n} = store.read_value()", "{d} = {n} - {b}"),
        graph=True,
    ),
    "assign-scatter": Cut(
        ("stateful-object",),
        (
            "store.scatter_nd_update([[0], [2]], {a}[:2])  #@cut",
            "{d} = store * {b}",
        ),
    ),
    "assign-slice": Cut(("stateful-object",), ("store[:].assign({a})  #@cut", "{d} = store * {b}")),
    "assign-later": Cut(
        ("stateful-object",),
        ("store.assign({a})  #@cut", "{n} = {b} * 2.0", "{m} = tf.tanh({n})", "{d} = {m} * store"),
        graph=True,
    ),
    "metric": Cut(
        ("stateful-object",),
        ("gauge.update_state({a})  #@cut", "{d} = {b} * gauge.result()"),
    ),
    "state-helper": Cut(
        ("stateful-object",),
        ("remember_{n}({a})", "{d} = store + {b}"),
        graph=True,
        setup=("def remember_{n}(value):", "    store.assign(value)  #@cut"),
    ),
    "py-function": Cut(
        ("py-function", "zero-gradient"),
        (
            "{m} = tf.reduce_sum({a})",
            "{n} = tf.py_function(lambda value: np.tanh(value), [{m}], tf.float32)  #@cut",
            "{d} = {n} + {b}",
        ),
    ),
    "variable-helper": Cut(
        ("new-variable",),
        ("{d} = {b} * wrapped_{n}({a})",),
        setup=("def wrapped_{n}(value):", "    return tf.Variable(value)  #@cut"),
    ),
    "numpy-function": Cut(
        ("py-function",),
        (
            "{n} = tf.numpy_function(np.tanh, [{a}], tf.float32)  #@cut",
            "{d} = tf.ensure_shape({n}, [3]) + {b}",
        ),
        graph=True,
    ),
    "custom": Cut(
        ("custom-gradient",),
        ("{d} = opaque_{n}({a}) * {b}",),
        graph=True,
        setup=(
            "@tf.custom_gradient",
            "def opaque_{n}(value):",
            "    def grad(up):  #@cut",
            "        return None  #@cut",
            "    return value * 2.0, grad",
        ),
    ),
    "overwritten": Cut(("unconnected",), ("{d} = {a} * 2.0", "{d} = {b} * 3.0  #@cut"), graph=True),
}


@dataclass
class Writer:
    """Draws names and writes lines."""

    rng: random.Random
    rows: list[str] = field(default_factory=list)
    depth: int = 0
    used: set[str] = field(default_factory=set)

    def name(self, pool: list[str] = LOCALS) -> str:
        free = [n for n in pool if n not in self.used]
        if not free:
            free = [f"t{len(self.used)}"]
        made = self.rng.choice(free)
        self.used.add(made)
        return made

    def add(self, *rows: str) -> None:
        self.rows += ["    " * self.depth + row for row in rows]

    def finish(self) -> tuple[str, dict[str, list[int]]]:
        tags: dict[str, list[int]] = {}
        rows = []
        for number, row in enumerate(self.rows, 1):
            found = TAG.search(row)
            if found:
                tags.setdefault(found[1], []).append(number)
                row = TAG.sub("", row)
            rows.append(row)
        return "\n".join(rows) + "\n", tags


PREAMBLE = (
    "import collections, dataclasses, json, math",
    "import numpy as np",
    "import tensorflow as tf",
    "journal, seen = [], {}",
    "kept = tf.Variable(tf.zeros([3]), trainable=False)",
    "store = tf.Variable(tf.ones([3]), trainable=False)",
    "tracker = tf.keras.metrics.Mean()",
    "gauge = tf.keras.metrics.Mean()",
    "class Box: pass",
    "box = Box()",
    "Pair = collections.namedtuple('Pair', 'first second')",
    "@dataclasses.dataclass",
    "class Held:",
    "    value: object",
)
LAYOUTS = (
    "flat", "function", "method", "loop", "nested", "step", "graph",
    "closure", "params", "trainer", "layer", "cells",
)  # fmt: skip


class Plan:
    """Draws one program. ``cut`` is a name of :data:`CUTS`, of the special cuts, or None."""

    def __init__(
        self, rng: random.Random, layout: str, cut: str | None, noise: bool = True
    ) -> None:
        self.rng = rng
        self.layout = layout
        self.cut = CUTS.get(cut) if cut else None
        self.kind = cut
        self.noise = noise
        self.w = Writer(rng)
        self.prefix = ""

    def literal(self) -> str:
        return str([round(self.rng.uniform(0.2, 1.8), 2) for _ in range(3)])

    def unary(self, a: str) -> str:
        return self.rng.choice(UNARY).format(a=a)

    def sprinkle(self, a: str) -> None:
        if not self.noise or self.rng.random() > 0.4:
            return
        pool = GRAPH_NOISE if self.layout == "graph" else NOISE
        self.w.add(self.rng.choice(pool).format(a=a))

    def chain(self, start: str, length: int) -> str:
        at = start
        for _ in range(length):
            made = self.w.name()
            self.w.add(f"{made} = {self.unary(at)}")
            at = made
            self.sprinkle(at)
        return at

    def body(self, names: list[str], victim: int) -> str:
        """The computation; returns the name of the target."""
        rng, w = self.rng, self.w
        others = [n for i, n in enumerate(names) if i != victim]
        side = self.chain(others[0], rng.randint(1, 2))
        for other in others[1:]:
            made = w.name()
            w.add(f"{made} = {rng.choice(BINARY).format(a=side, b=other)}")
            side = made
        self.sprinkle(side)
        line = self.chain(names[victim], rng.randint(1, 3))
        after = w.name()
        if self.cut is not None:
            fresh = {"n": self.fresh, "m": w.name()}
            w.add(*(row.format(a=line, b=side, d=after, **fresh) for row in self.cut.lines))
        else:
            w.add(f"{after} = {self.unary(line)}")
        if rng.random() < 0.5:
            mixed = w.name()
            w.add(f"{mixed} = {rng.choice(BINARY).format(a=side, b=after)}")
        else:
            deeper = w.name()
            w.add(f"{deeper} = tf.tanh(tf.convert_to_tensor({after}) * 0.5)")
            mixed = w.name()
            w.add(f"{mixed} = {rng.choice(BINARY).format(a=deeper, b=side)}")
        self.sprinkle(mixed)
        end = self.chain(mixed, rng.randint(0, 2))
        target = w.name(["loss", "cost", "objective", "total", "energy", "penalty"])
        tag = "  #@target"
        w.add(f"{target} = {rng.choice(TARGETS).format(a=end)}{tag}")
        return target

    def ask(self, target: str, sources: list[str], tape: str) -> None:
        rng, w = self.rng, self.w
        form = rng.choice(("list", "tuple", "dict", "name"))
        if form == "dict":
            keys = [chr(97 + i) for i in range(len(sources))]
            text = "{" + ", ".join(f"'{k}': {s}" for k, s in zip(keys, sources, strict=True)) + "}"
        elif form == "tuple":
            text = "(" + ", ".join(sources) + ("," if len(sources) == 1 else "") + ")"
        elif form == "name":
            listed = w.name(["params", "wanted", "free", "trainables"])
            w.add(f"{listed} = [{', '.join(sources)}]")
            text = listed
        else:
            text = "[" + ", ".join(sources) + "]"
        w.add(f"grads = {tape}.gradient({target}, {text})  #@query")

    def program(self) -> Program:
        rng, w = self.rng, self.w
        w.add(*PREAMBLE)
        w.used |= {"journal", "seen", "kept", "store", "tracker", "box", "gauge"}
        count = rng.randint(2, 4)
        names = [w.name(NAMES) for _ in range(count)]
        victim = rng.randrange(count)
        self.fresh = w.name()
        if self.cut is not None:
            w.add(*(row.format(n=self.fresh) for row in self.cut.setup))
        tape = rng.choice(("tape", "t", "g", "recorder"))
        w.used |= {tape, "grads", "z", "made", "value"}
        getattr(self, f"_{self.layout}")(names, victim, tape)
        source, tags = w.finish()
        position = getattr(self, "position", victim)
        clean = tuple(i for i in range(count) if i != victim or self.kind is None)
        prior, _, rest = source.rpartition("#@@\n")
        if prior:
            source = rest
        lines = tuple(tags.get("cut", ()))
        if self.kind == "overwritten" and self.layout == "graph":
            lines += tuple(tags["target"])  # the graph knows no names: what made the target will do
        if self.kind is None:
            return Program(source, None, (), (), clean, f"healthy/{self.layout}", prior)
        return Program(
            source, position, self.cut.causes, lines, clean, f"{self.kind}/{self.layout}", prior
        )

    def variables(self, names: list[str], owner: str = "") -> None:
        for name in names:
            form = self.rng.choice(
                (
                    "{o}{n} = tf.Variable({v})",
                    "{o}{n} = tf.Variable({v}, name='{n}')",
                    "{o}{n} = tf.Variable(tf.constant({v}) * 1.0)",
                    "{o}{n} = tf.Variable(np.array({v}, dtype=np.float32))",
                )
            )
            self.w.add(form.format(o=owner, n=name, v=self.literal()))

    def _flat(self, names: list[str], victim: int, tape: str) -> None:
        w = self.w
        self.variables(names)
        w.add(f"with tf.GradientTape() as {tape}:  #@with")
        w.depth += 1
        target = self.body(names, victim)
        w.depth -= 1
        self.ask(target, names, tape)

    def _function(self, names: list[str], victim: int, tape: str) -> None:
        w = self.w
        self.variables(names)
        function = self.rng.choice(("forward", "compute", "energy_of", "evaluate"))
        given = [f"{n}_in" for n in names] if self.rng.random() < 0.5 else names
        parameters = ", ".join(given) if given != names or self.rng.random() < 0.5 else ""
        w.add(f"def {function}({parameters}):")
        w.depth += 1
        target = self.body(given, victim)
        w.add(f"return {target}")
        w.depth -= 1
        w.add(f"with tf.GradientTape() as {tape}:  #@with")
        w.add(f"    result = {function}({', '.join(names) if parameters else ''})")
        self.ask("result", names, tape)

    def _nested(self, names: list[str], victim: int, tape: str) -> None:
        """A function in a function, with the tape and query inside too."""
        w = self.w
        self.variables(names)
        w.add("def train_once():")
        w.depth += 1
        w.add("def compute_inner():")
        w.depth += 1
        target = self.body(names, victim)
        w.add(f"return {target}")
        w.depth -= 1
        w.add(f"with tf.GradientTape() as {tape}:  #@with")
        w.add("    result = compute_inner()")
        self.ask("result", names, tape)
        w.add("return grads")
        w.depth -= 1
        w.add("grads = train_once()")

    def _method(self, names: list[str], victim: int, tape: str) -> None:
        w = self.w
        w.add("class Model(tf.Module):")
        w.depth += 1
        w.add("def __init__(self):", "    super().__init__()")
        w.depth += 1
        self.variables(names, "self.")
        w.depth -= 1
        method = self.rng.choice(("__call__", "forward"))
        w.add(f"def {method}(self):")
        w.depth += 1
        target = self.body([f"self.{n}" for n in names], victim)
        w.add(f"return {target}")
        w.depth -= 2
        w.add("model = Model()")
        w.add(f"with tf.GradientTape() as {tape}:  #@with")
        w.add(f"    result = model{'' if method == '__call__' else '.' + method}()")
        self.ask("result", [f"model.{n}" for n in names], tape)

    def _loop(self, names: list[str], victim: int, tape: str) -> None:
        w = self.w
        self.variables(names)
        w.add(f"for step in range({self.rng.randint(2, 4)}):")
        w.depth += 1
        w.add(f"with tf.GradientTape() as {tape}:  #@with")
        w.depth += 1
        target = self.body(names, victim)
        w.depth -= 1
        self.ask(target, names, tape)
        other = names[0 if victim else 1]
        w.add(f"journal.append(float({target}))", f"{other}.assign_sub(0.01 * tf.ones([3]))")
        w.depth -= 1

    def _step(self, names: list[str], victim: int, tape: str) -> None:
        """A training step in a function that is called several times with an optimizer."""
        w = self.w
        self.variables(names)
        w.add("optimizer = tf.keras.optimizers.SGD(0.001)", "def train_step(params):")
        w.depth += 1
        w.add(f"with tf.GradientTape() as {tape}:  #@with")
        w.depth += 1
        target = self.body(names, victim)
        w.depth -= 1
        w.add(f"grads = {tape}.gradient({target}, params)  #@query")
        w.add(
            "optimizer.apply_gradients([(g_, v_) for g_, v_ in zip(grads, params) if g_ is not None])"
        )
        w.add(f"return {target}, grads")
        w.depth -= 1
        w.add("for epoch in range(2):")
        w.add(
            f"    value, grads = train_step([{', '.join(names)}])",
            "    journal.append(float(value))",
        )

    def _closure(self, names: list[str], victim: int, tape: str) -> None:
        """A factory makes the function that is differentiated."""
        w = self.w
        self.variables(names)
        w.add(f"def make_loss({', '.join(names)}):")
        w.depth += 1
        w.add("def loss_of(how_much=1.0):")
        w.depth += 1
        target = self.body(names, victim)
        w.add(f"return {target} * how_much")
        w.depth -= 1
        w.add("return loss_of")
        w.depth -= 1
        w.add(f"measure = make_loss({', '.join(names)})")
        w.add(f"with tf.GradientTape() as {tape}:  #@with", "    result = measure(how_much=2.0)")
        self.ask("result", names, tape)

    def _params(self, names: list[str], victim: int, tape: str) -> None:
        """Variables that live in a dict or list."""
        w = self.w
        listed = self.rng.random() < 0.5
        values = [f"tf.Variable({self.literal()})" for _ in names]
        if listed:
            w.add(f"weights = [{', '.join(values)}]")
            given = [f"weights[{n}]" for n in range(len(names))]
        else:
            pairs = zip(names, values, strict=True)
            w.add("weights = {" + ", ".join(f"'{n}': {v}" for n, v in pairs) + "}")
            given = [f"weights['{n}']" for n in names]
        w.add(f"with tf.GradientTape(persistent=True) as {tape}:  #@with")
        w.depth += 1
        target = self.body(given, victim)
        w.depth -= 1
        if listed and self.rng.random() < 0.5:
            w.add(f"grads = {tape}.gradient({target}, weights)  #@query")
        else:
            self.ask(target, given, tape)

    def _trainer(self, names: list[str], victim: int, tape: str) -> None:
        """A class with the tape and the query in one method, the computation in another."""
        w = self.w
        self.variables(names)
        w.add("class Trainer:")
        w.depth += 1
        w.add("def __init__(self, *parts):", "    self.parts = parts", "    self.seen = 0")
        w.add("@staticmethod", f"def cost({', '.join(names)}):")
        w.depth += 1
        target = self.body(names, victim)
        w.add(f"return {target}")
        w.depth -= 1
        w.add("def step(self):")
        w.depth += 1
        w.add(f"with tf.GradientTape() as {tape}:  #@with", "    result = self.cost(*self.parts)")
        w.add("self.seen += 1", f"return {tape}.gradient(result, self.parts)  #@query")
        w.depth -= 2
        w.add(f"trainer = Trainer({', '.join(names)})", "for epoch in range(2):")
        w.add("    grads = trainer.step()")

    def _layer(self, names: list[str], victim: int, tape: str) -> None:
        """A Keras layer with weights of its own."""
        w = self.w
        w.add("class Net(tf.keras.layers.Layer):")
        w.depth += 1
        w.add("def build(self, shape):")
        for name in names:
            first = f"lambda shape, dtype=None: tf.constant({self.literal()})"
            w.add(
                f"    self.{name} = self.add_weight(shape=(3,), name='{name}', initializer={first})"
            )
        w.add("def call(self, inputs):")
        w.depth += 1
        target = self.body([f"self.{n}" for n in names], victim)
        w.add(f"return {target} * tf.reduce_mean(inputs)")
        w.depth -= 2
        w.add("net = Net()", f"with tf.GradientTape() as {tape}:  #@with")
        w.add("    result = net(tf.ones([2, 2]))")
        if self.rng.random() < 0.5:
            w.add(f"grads = {tape}.gradient(result, net.trainable_variables)  #@query")
        else:
            self.ask("result", [f"net.{n}" for n in names], tape)

    def _cells(self, names: list[str], victim: int, tape: str) -> None:
        """The computation was defined in an earlier cell."""
        w = self.w
        self.variables(names)
        w.add(f"def forward({', '.join(names)}):")
        w.depth += 1
        target = self.body(names, victim)
        w.add(f"return {target}")
        w.depth -= 1
        w.add("#@@")
        w.add(f"with tf.GradientTape() as {tape}:  #@with")
        w.add(f"    result = forward({', '.join(names)})")
        self.ask("result", names, tape)

    def _graph(self, names: list[str], victim: int, tape: str) -> None:
        w = self.w
        self.variables(names)
        w.add("@tf.function")
        inside = self.rng.random() < 0.5
        w.add("def compute():")
        w.depth += 1
        if inside:
            w.add(f"with tf.GradientTape() as {tape}:  #@with")
            w.depth += 1
        target = self.body(names, victim)
        if inside:
            w.depth -= 1
            w.add(f"grads = {tape}.gradient({target}, [{', '.join(names)}])  #@query")
            w.add("return [tf.zeros([0]) if g is None else g for g in grads]")
            w.depth -= 1
            w.add("made = compute()")
        else:
            w.add(f"return {target}")
            w.depth -= 1
            w.add(f"with tf.GradientTape() as {tape}:  #@with")
            w.add("    result = compute()")
            self.ask("result", names, tape)


def fits(layout: str, cut: str | None) -> bool:
    """Whether a cut can stand in a layout."""
    return layout != "graph" or cut is None or CUTS[cut].graph


Draw = Callable[[random.Random], Program]


SPECIALS = {
    "before": ("outside-tape",),
    "after": ("outside-tape",),
    "stopped": ("outside-tape",),
    "reset": ("outside-tape",),
    "constant": ("unwatched-tensor",),
    "derived": ("unwatched-tensor",),
    "late": ("watched-too-late",),
    "frozen": ("non-trainable",),
    "auto-off": ("auto-watch-off",),
    "rebound-before": ("rebound-name",),
    "rebound-after": ("rebound-name",),
    "rebound-loop": ("rebound-name",),
    "copy-asked": ("different-object",),
    "copy-named": ("different-object",),
    "slice-asked": ("different-object",),
    "copy-before": ("different-object",),
    "unused": ("unconnected",),
    "integer": ("non-float-dtype",),
    "integer-watched": ("non-float-dtype",),
}
SPECIAL_LAYOUTS = ("flat", "function", "loop", "def")


class Special(Plan):
    """A program whose cut lies in how the source, the tape or the query was made."""

    def __init__(self, rng: random.Random, layout: str, special: str, noise: bool = True) -> None:
        super().__init__(rng, "flat", None, noise)
        self.layout, self.kind = layout, special

    def program(self) -> Program:
        rng, w, kind = self.rng, self.w, self.kind
        w.add(*PREAMBLE)
        w.used |= {"journal", "seen", "kept", "store", "tracker", "box", "gauge"}
        w.used |= {"grads", "z", "made", "value", "step", "epoch"}
        tape = rng.choice(("tape", "t", "g", "recorder"))
        w.used.add(tape)
        names = [w.name(NAMES) for _ in range(rng.randint(2, 4))]
        victim = rng.randrange(len(names))
        loop = self.layout == "loop" or kind == "rebound-loop"
        scoped = self.layout == "def" and kind not in ("rebound-loop",)
        if scoped:
            w.add("def experiment():")
            w.depth += 1
        for position, name in enumerate(names):
            if position == victim:
                self.source(name)
            else:
                self.variables([name])
        if loop:
            w.add(f"for step in range({rng.randint(2, 3)}):")
            w.depth += 1
        self.turn(names, victim, tape)
        if loop:
            w.depth -= 1
        if scoped:
            w.add("return grads")
            w.depth -= 1
            w.add("grads = experiment()")
        source, tags = w.finish()
        lines = tags.get(
            {"constant": "with", "derived": "with", "auto-off": "with"}.get(kind, "cut"), []
        )
        if kind == "unused":
            lines = tags["target"]
        if kind == "integer-watched" or kind == "integer":
            lines = tags["cut"]
        clean = tuple(i for i in range(len(names)) if i != victim)
        if kind in ("after", "reset"):
            clean = ()
        return Program(source, victim, SPECIALS[kind], tuple(lines), clean, f"{kind}/{self.layout}")

    def source(self, name: str) -> None:
        w, kind, value = self.w, self.kind, self.literal()
        forms = {
            "constant": "{n} = tf.constant({v})",
            "derived": "{n} = tf.Variable({v}) * 0.5",
            "late": "{n} = tf.constant({v})",
            "frozen": "{n} = tf.Variable({v}, trainable=False)  #@cut",
            "integer": "{n} = tf.Variable([1, 2, 3])  #@cut",
            "integer-watched": "{n} = tf.constant([1, 2, 3])  #@cut",
        }
        w.add(forms.get(kind, "{n} = tf.Variable({v})").format(n=name, v=value))

    def turn(self, names: list[str], victim: int, tape: str) -> None:
        rng, w, kind = self.rng, self.w, self.kind
        mine = names[victim]
        given = list(names)
        if kind == "rebound-before":
            w.add(f"{mine} = {self.unary(mine)}  #@cut")
        if kind == "before":
            given[victim] = w.name()
            w.add(f"{given[victim]} = {self.unary(mine)}  #@cut")
        if kind == "copy-before":
            asked = w.name()
            w.add(f"{asked} = {rng.choice(COPIES).format(a=mine)}  #@cut")
        options = []
        if kind == "auto-off":
            options.append("watch_accessed_variables=False")
        if rng.random() < 0.4:
            options.append("persistent=True")
        function = None
        if self.layout == "function" and kind not in ("stopped", "late", "reset"):
            function = rng.choice(("forward", "compute", "evaluate"))
            inner = [f"{n}_in" for n in given]
            w.add(f"def {function}({', '.join(inner)}):")
            w.depth += 1
            target = self.body_of(inner, victim, tape)
            w.add(f"return {target}")
            w.depth -= 1
        w.add(f"with tf.GradientTape({', '.join(options)}) as {tape}:  #@with")
        w.depth += 1
        if kind == "auto-off":
            others = [n for n in names if n != mine]
            w.add(*(f"{tape}.watch({n})" for n in others))
        if kind == "integer-watched":
            w.add(f"{tape}.watch({mine})")
        if function is not None:
            target = w.name(["result", "outcome", "answer"])
            w.add(f"{target} = {function}({', '.join(given)})")
        else:
            target = self.body_of(given, victim, tape)
        if kind == "rebound-after" and rng.random() < 0.5:
            w.add(f"{mine} = {self.unary(mine)}  #@cut")
            kind = "done"
        w.depth -= 1
        if kind == "after":
            final = w.name(["final", "scaled", "whole_loss"])
            w.add(f"{final} = {target} * 2.0 + 1.0  #@cut")
            target = final
        if kind == "rebound-after":
            w.add(f"{mine} = {self.unary(mine)}  #@cut")
        sources = list(names)
        if kind == "copy-named":
            asked = w.name()
            w.add(f"{asked} = {rng.choice(COPIES).format(a=mine)}  #@cut")
        if kind in ("copy-named", "copy-before"):
            sources[victim] = asked
        if kind in ("copy-asked", "slice-asked"):
            pool = COPIES[:3] if kind == "copy-asked" else ("{a}[:2]", "{a}[0]", "{a}[1:]")
            sources[victim] = rng.choice(pool).format(a=mine)
            w.add(f"grads = {tape}.gradient({target}, [{', '.join(sources)}])  #@cut")
        else:
            self.ask(target, sources, tape)
        if self.kind == "rebound-loop":
            w.add(f"{mine} = {rng.choice(('{a} - 0.01', '{a} * 0.9')).format(a=mine)}  #@cut")

    def body_of(self, given: list[str], victim: int, tape: str) -> str:
        rng, w, kind = self.rng, self.w, self.kind
        others = [n for i, n in enumerate(given) if i != victim]
        side = self.chain(others[0], rng.randint(1, 2))
        for other in others[1:]:
            made = w.name()
            w.add(f"{made} = {rng.choice(BINARY).format(a=side, b=other)}")
            side = made
        mine = given[victim]
        first = w.name()
        if kind == "unused":
            end = self.chain(side, rng.randint(1, 3))
            if rng.random() < 0.5:
                w.add(f"{first} = {self.unary(mine)}")
        else:
            if kind.startswith("integer"):
                w.add(f"{first} = tf.cast({mine}, tf.float32) * 0.3")
            elif kind == "stopped":
                w.add(f"with {tape}.stop_recording():", f"    {first} = {self.unary(mine)}  #@cut")
            else:
                w.add(f"{first} = {self.unary(mine)}")
            if kind == "late":
                w.add(f"{tape}.watch({mine})  #@cut")
            line = self.chain(first, rng.randint(0, 2))
            if kind == "reset":
                w.add(f"{tape}.reset()  #@cut")
            mixed = w.name()
            w.add(f"{mixed} = {rng.choice(BINARY).format(a=side, b=line)}")
            end = self.chain(mixed, rng.randint(0, 2))
        target = w.name(["loss", "cost", "objective", "total", "energy", "penalty"])
        w.add(f"{target} = {rng.choice(TARGETS).format(a=end)}  #@target")
        return target


COPIES = (
    "tf.identity({a})",
    "{a} * 1.0",
    "{a} + 0.0",
    "tf.convert_to_tensor({a})",
    "tf.reshape({a}, [3])",
    "{a}.value()",
    "tf.Variable({a})",
)
