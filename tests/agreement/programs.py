"""Random programs over a wide pool of operations: tapes, functions, control flow, dtypes.

A program is drawn from a :class:`random.Random` (hypothesis supplies one that shrinks). Nothing is
known of it beforehand: what it must do is what it does without tapemagic.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from tests.agreement.pool import COMPILED, POOL, RAISING, Template, by_arguments

HEAD = """import numpy as np
import tensorflow as tf
tf.random.set_seed(5)
v = tf.Variable([0.5, -1.25, 2.0], name="v")
m = tf.Variable([[1.0, 0.2, -0.4], [0.3, 1.5, 0.1], [-0.2, 0.4, 0.8]])
s = tf.Variable(0.75)
table = tf.Variable(tf.reshape(tf.range(12.0) * 0.1, [4, 3]))
frozen = tf.Variable([1.0, 2.0, 3.0], trainable=False)
state = tf.Variable([0.1, 0.2, 0.3])
count = tf.Variable([0, 2, 1])
z = tf.Variable(tf.complex([1.0, 0.5, 0.2], [0.3, -0.2, 0.1]))
k = tf.keras.Variable([0.3, 0.6, 0.9])
x = tf.constant([0.2, 0.4, -0.6])
y = tf.constant([[0.2, 0.1, 0.5], [0.4, 0.3, 0.2], [0.1, 0.6, 0.4]])
"""
GIVEN = {
    "v": "V",
    "m": "M",
    "s": "S",
    "frozen": "V",
    "state": "V",
    "z": "C",
    "x": "V",
    "y": "M",
    "k": "V",
    "table[:3]": "M",
    "tf.nn.embedding_lookup(table, [1, 3, 1])": "M",
    "tf.gather(table, [0, 2, 2])": "M",
    "count.read_value()": "I",
    "v.value()": "V",
}
SOURCES = ("v", "m", "s", "table", "z", "x", "y", "k.value", "frozen", "state")
PLAIN = {"V": "[1.0, 2.0, 3.0]", "S": "0.5", "M": "tf.eye(3)"}
FLOATS = ("V", "S", "M", "T", "D", "H", "K", "C", "E")
DECORATORS = (
    "@tf.function",
    "@tf.function",
    "@tf.function(autograph=False)",
    "@tf.function(reduce_retracing=True)",
    "@tf.function(jit_compile=True)",
    "@tf.recompute_grad",
    "",
    "",
)
RULES = (
    "[{ups}]",
    "[u * 2.0 for u in [{ups}]]",
    "[None] + [{ups}][1:]",
    "[tf.zeros_like(u) for u in [{ups}]]",
    "[tf.sin(u) for u in [{ups}]]",
)


@dataclass
class Scope:
    """Where statements stand: the names that can be used, by sort."""

    names: dict[str, str]  # expression -> sort
    graph: bool = False
    compiled: bool = False
    shape_only: bool = False  # inside loops of a graph, sorts must stay
    indent: int = 0

    def inner(self, **changes: object) -> Scope:
        """A scope inside this one; what is bound there stays there."""
        values = {**vars(self), "names": dict(self.names), "indent": self.indent + 1, **changes}
        return Scope(**values)  # type: ignore[arg-type]


@dataclass
class Program:
    """A cell, and its queries: the name of each result by its line.

    Where ``split`` is set, the lines from there on are a second cell.
    """

    source: str
    queries: dict[int, str]
    split: int | None = None

    def cells(self) -> list[tuple[str, dict[int, str]]]:
        """The cells, each with its own queries."""
        if self.split is None:
            return [(self.source, self.queries)]
        lines = self.source.splitlines(keepends=True)
        first, second = lines[: self.split], lines[self.split :]
        later = {n - self.split: name for n, name in self.queries.items() if n > self.split}
        return [
            ("".join(first), {n: name for n, name in self.queries.items() if n <= self.split}),
            ("".join(second), later),
        ]


@dataclass
class Writer:
    """Writes one program.

    Args:
        rng: Where choices come from.
        size: About how many operations.
    """

    rng: random.Random
    size: int = 8
    lines: list[str] = field(default_factory=list)
    functions: list[tuple[str, tuple[str, ...], str, bool]] = field(default_factory=list)
    queries: dict[int, str] = field(default_factory=dict)
    split: int | None = None
    fresh: int = 0

    def __post_init__(self) -> None:
        self.lines += HEAD.splitlines()
        self.pool, self.compiled = by_arguments(POOL), by_arguments(COMPILED)

    # -- small things

    def name(self, letter: str = "a") -> str:
        """A name that is not used yet."""
        self.fresh += 1
        return f"{letter}{self.fresh}"

    def say(self, scope: Scope, line: str) -> None:
        """One line."""
        self.lines.append("    " * scope.indent + line)

    def chance(self, share: float) -> bool:
        """True in that share of cases."""
        return self.rng.random() < share

    def one(self, scope: Scope, sort: str) -> str:
        """An expression of a sort; the newest names more often."""
        fits = [n for n, kind in scope.names.items() if kind == sort]
        if not fits:
            return PLAIN[sort]
        if len(fits) > 2 and self.chance(0.6):
            return self.rng.choice(fits[-3:])
        return self.rng.choice(fits)

    # -- statements

    def statements(self, scope: Scope, count: int) -> None:
        """Some statements."""
        for _ in range(count):
            kind = self.rng.random()
            if kind < 0.72 or scope.compiled:
                self.operation(scope)
            elif kind < 0.80:
                self.call(scope)
            elif kind < 0.86:
                self.branch(scope)
            elif kind < 0.91:
                self.loop(scope)
            elif kind < 0.94:
                self.array(scope)
            elif kind < 0.96:
                self.write(scope)
            elif not scope.graph:
                self.inner_tape(scope)
            else:
                self.operation(scope)

    def operation(self, scope: Scope, takes: str | None = None) -> str:
        """``name = one of the pool``; the name."""
        pool = self.compiled if scope.compiled else self.pool
        have = set(scope.names.values()) | set(PLAIN)
        keys = [k for k in pool if set(k) <= have and (takes is None or takes in k)]
        fits: list[Template] = []
        while not fits:
            fits = [t for t in pool[self.rng.choice(keys)] if t.in_graphs or not scope.graph]
        template = self.rng.choice(fits)
        given = {n: self.one(scope, t) for n, t in zip("abc", template.takes, strict=False)}
        made = self.name()
        text = template.text
        for slot, value in given.items():
            text = text.replace("{" + slot + "}", value)
        self.say(scope, f"{made} = {text}")
        scope.names[made] = template.makes
        return made

    def call(self, scope: Scope) -> None:
        """A call of one of the program's functions."""
        fits = [f for f in self.functions if not (scope.graph and f[3])]
        if not fits:
            self.operation(scope)
            return
        function, takes, makes, _ = self.rng.choice(fits)
        made = self.name()
        given = ", ".join(f"tf.convert_to_tensor({self.one(scope, t)})" for t in takes)
        self.say(scope, f"{made} = {function}({given})")
        scope.names[made] = makes

    def branch(self, scope: Scope) -> None:
        """An ``if``: plain Python in eager code, autograph in a function."""
        value = self.one(scope, "V")
        made = self.name()
        self.say(scope, f"if tf.reduce_sum({value}) > {self.rng.choice(('0.0', '1.0'))}:")
        for part in (0, 1):
            inner = scope.inner()
            self.operation(inner, "V")
            self.say(inner, f"{made} = {self.one(inner, 'V')} * {part + 1}.0")
            if not part:
                self.say(scope, "else:")
        scope.names[made] = "V"

    def loop(self, scope: Scope) -> None:
        """A loop that carries a vector on."""
        made = self.name()
        self.say(scope, f"{made} = tf.identity({self.one(scope, 'V')})")
        over = self.rng.choice(("range(2)", "tf.range(2)", "tf.unstack(x[:2])"))
        self.say(scope, f"for i in {over}:")
        inner = scope.inner()
        inner.names[made] = "V"
        self.operation(inner, "V")
        last = self.one(inner, "V")
        self.say(inner, f"{made} = {made} * 0.5 + tf.reshape({last}, [3])")
        if self.chance(0.2):
            self.say(inner, f"if tf.reduce_max({made}) > 100.0:")
            self.say(inner, "    break")
        scope.names[made] = "V"

    def array(self, scope: Scope) -> None:
        """A TensorArray, written in a loop and stacked."""
        array, made = self.name("ta"), self.name()
        self.say(scope, f"{array} = tf.TensorArray(tf.float32, size=2)")
        self.say(scope, "for i in range(2):")
        self.say(scope, f"    {array} = {array}.write(i, {self.one(scope, 'V')} * float(i + 1))")
        how = self.rng.choice(("stack()[0]", "stack()[1]", "read(1)", "concat()[1:4]"))
        self.say(scope, f"{made} = {array}.{how}")
        scope.names[made] = "V"

    def write(self, scope: Scope) -> None:
        """A write into a variable."""
        how = self.rng.choice(
            (
                "state.assign({a})",
                "state.assign_add({a})",
                "state.scatter_nd_update([[0]], {a}[:1])",
                "state[1].assign({a}[0])",
            )
        )
        self.say(scope, how.replace("{a}", self.one(scope, "V")))

    def inner_tape(self, scope: Scope) -> None:
        """A derivative inside the program: nested where a tape is open around it."""
        tape, made, over = self.name("tape"), self.name(), self.one(scope, "V")
        at = self.name()
        self.say(scope, f"{at} = tf.identity({over})")
        persistent = self.rng.choice(("", "persistent=True"))
        self.say(scope, f"with tf.GradientTape({persistent}) as {tape}:")
        inner = scope.inner()
        inner.names[at] = "V"
        self.say(inner, f"{tape}.watch({at})")
        self.operation(inner, "V")
        self.operation(inner)
        target = self.one(inner, self.rng.choice(("V", "S")))
        self.say(inner, f"{made} = tf.reduce_sum(tf.sin({at}) * {target})")
        self.say(scope, f"{made} = {tape}.gradient({made}, {at})")
        self.say(scope, f"{made} = x if {made} is None else tf.convert_to_tensor({made})")
        scope.names[made] = "V"

    # -- functions

    def function(self) -> None:
        """One function of the program."""
        takes = tuple(self.rng.choice(("V", "V", "M", "S")) for _ in range(self.rng.choice((1, 2))))
        kind = self.rng.random()
        function = self.name("f")
        arguments = [self.name("p") for _ in takes]
        if kind < 0.2:
            self.custom(function, takes, arguments)
            return
        decorator = self.rng.choice(DECORATORS)
        compiled = "jit_compile" in decorator
        graph = decorator.startswith("@tf.function")
        if decorator:
            self.say(Scope({}), decorator)
        self.say(Scope({}), f"def {function}({', '.join(arguments)}):")
        outside = {} if "recompute" in decorator else {"v": "V", "m": "M", "s": "S", "x": "V"}
        names = {**outside, **dict(zip(arguments, takes, strict=True))}
        scope = Scope(names, graph=graph or "recompute" in decorator, compiled=compiled, indent=1)
        if "autograph=False" in decorator or "recompute" in decorator:
            for _ in range(3):
                self.operation(scope)
        else:
            self.statements(scope, self.rng.randint(2, 5))
        makes = self.rng.choice(("V", "S"))
        result = f"tf.convert_to_tensor({self.one(scope, makes)})"
        kept = [n for n in scope.names if scope.names[n] in "VSM" and n not in GIVEN]
        if makes == "V" and kept:
            result += f" + tf.reduce_sum({self.rng.choice(kept)})"
        self.say(scope, f"return {result}")
        self.functions.append((function, takes, makes, False))

    def custom(self, function: str, takes: tuple[str, ...], arguments: list[str]) -> None:
        """A function with a gradient of its own."""
        scope = Scope({**dict(zip(arguments, takes, strict=True))}, indent=1)
        self.say(Scope({}), "@tf.custom_gradient")
        self.say(Scope({}), f"def {function}({', '.join(arguments)}):")
        scope.graph = True
        made = self.operation(scope)
        rule = self.rng.choice(RULES)
        ups = ", ".join(f"tf.reduce_mean(up) * tf.ones_like({a})" for a in arguments)
        self.say(scope, "def grad(up):")
        self.say(scope, f"    return {rule.replace('{ups}', ups)}")
        last = made if scope.names[made] == "V" else f"{arguments[0]} * 1.0"
        self.say(scope, f"return tf.ones([3]) * tf.reduce_sum({last}), grad")
        self.functions.append((function, takes, "V", False))

    # -- the whole

    def program(self) -> Program:
        """The program."""
        for _ in range(self.rng.choice((0, 0, 1, 1, 2, 3))):
            self.function()
        scope = Scope(dict(GIVEN))
        if self.chance(0.3):
            self.statements(scope, 2)
        if self.chance(0.03):  # forward over reverse
            primals = self.rng.sample(("v", "m", "s", "x"), self.rng.randint(1, 3))
            tangents = ", ".join(f"tf.ones_like({name})" for name in primals)
            self.say(
                scope,
                f"with tf.autodiff.ForwardAccumulator([{', '.join(primals)}], [{tangents}]) as outer:",
            )
            scope = scope.inner()
        self.block(scope)
        return Program("\n".join(self.lines) + "\n", self.queries, self.split)

    def block(self, scope: Scope) -> None:
        """The tapes, what they record, and what they are asked."""
        tapes = ["tape"] + (["other"] if self.chance(0.3) else [])
        options = {}
        for tape in tapes:
            chosen = []
            if self.chance(0.5):
                chosen.append("persistent=True")
            if self.chance(0.15):
                chosen.append("watch_accessed_variables=False")
            options[tape] = ", ".join(chosen)
        opened = ", ".join(f"tf.GradientTape({options[t]}) as {t}" for t in tapes)
        if self.chance(0.06):
            opened += ", tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as forward"
        self.say(scope, f"with {opened}:")
        inside = Scope(scope.names, indent=scope.indent + 1)
        for tape in tapes:
            for watched in self.rng.sample(("x", "y", "frozen", "v", "z"), self.rng.randint(0, 3)):
                self.say(inside, f"{tape}.watch({watched})")
        parts = self.rng.randint(1, 3)
        for part in range(parts):
            self.statements(inside, max(1, self.size // parts))
            if part < parts - 1:
                self.interruption(inside, tapes)
        target = self.target(inside)
        if self.chance(0.1):
            self.say(scope, f"with {tapes[0]}:")
            again = Scope(scope.names, indent=scope.indent + 1)
            self.statements(again, 2)
        if self.chance(0.15) and not scope.indent:
            self.split = len(self.lines)  # the tapes outlive their cell
        if "forward" in opened and self.chance(0.7):
            self.say(scope, f"jvp = forward.jvp({target})")
        for tape in tapes:
            for _ in range(2 if "persistent" in options[tape] and self.chance(0.4) else 1):
                self.query(scope, tape, target, "persistent" in options[tape])
        if self.chance(0.15):
            self.say(scope, "tf.keras.optimizers.SGD(0.1).apply_gradients([(v * 1.0, v)])")

    def interruption(self, scope: Scope, tapes: list[str]) -> None:
        """Something in the life of a tape, between operations."""
        kind = self.rng.random()
        tape = self.rng.choice(tapes)
        if kind < 0.2:
            self.say(scope, f"with {tape}.stop_recording():")
            inner = Scope(scope.names, indent=scope.indent + 1)
            self.statements(inner, 2)
        elif kind < 0.27:
            self.say(scope, f"{tape}.reset()")
        elif kind < 0.35:
            self.say(scope, f"{tape}.watch({self.one(scope, 'V')})")

    def target(self, scope: Scope) -> str:
        """What the tapes are asked about, bound inside the block."""
        parts = []
        sorts = [s for s in FLOATS if s in scope.names.values()]
        for _ in range(self.rng.randint(1, 3)):
            sort = self.rng.choice(sorts)
            text = self.one(scope, sort)
            if sort == "C":
                text = f"tf.abs({text})"
            if sort in "DHKC":
                text = f"tf.cast({text}, tf.float32)"
            parts.append(f"tf.reduce_sum({text})")
        made = self.name("t")
        how = self.rng.random()
        if how < 0.6:
            self.say(scope, f"{made} = {' + '.join(parts)}")
        elif how < 0.8:
            self.say(scope, f"{made} = tf.convert_to_tensor({self.one(scope, 'V')})")
        elif how < 0.9:
            self.say(scope, f"{made} = [{', '.join(parts)}]")
        else:
            self.say(scope, f"{made} = {{'one': {parts[0]}, 'all': {' * '.join(parts)}}}")
        return made

    def query(self, scope: Scope, tape: str, target: str, persistent: bool) -> None:
        """One question to a tape."""
        made = self.name("g")
        sources = self.rng.sample(SOURCES, self.rng.randint(1, 5))
        named = [n for n, kind in scope.names.items() if n[0] == "a" and kind in FLOATS]
        if named and self.chance(0.3):
            sources.append(self.rng.choice(named))
        asked = f"[{', '.join(sources)}]"
        kind = self.rng.random()
        if kind < 0.12:
            text = f"{tape}.jacobian({self.flat(target)}, {asked}"
            if persistent and self.chance(0.5):
                text += ", experimental_use_pfor=False"
        elif kind < 0.16:
            text = f"{tape}.batch_jacobian(m @ m, m"
        else:
            text = f"{tape}.gradient({target}, {asked}"
            how = self.rng.random()
            if how < 0.12:
                text += ", unconnected_gradients=tf.UnconnectedGradients.ZERO"
            elif how < 0.2 and self.is_single(target):
                text += f", output_gradients=tf.ones_like({target}) * 0.5"
        self.say(scope, f"{made} = {text})")
        self.queries[len(self.lines)] = made

    def is_single(self, target: str) -> bool:
        """Whether a target is one tensor."""
        line = next(text for text in self.lines if text.strip().startswith(f"{target} = "))
        return not line.split(" = ")[1].startswith(("[", "{"))

    def flat(self, target: str) -> str:
        """A target as one tensor."""
        if self.is_single(target):
            return target
        return f"tf.nest.flatten({target})[0]"


def every_operation() -> list[tuple[str, Program]]:
    """For each template of the pool a program of its own."""
    made = []
    for template in (*POOL, *RAISING):
        rng = random.Random(template.text)
        writer = Writer(rng)
        scope = Scope(dict(GIVEN), indent=1)
        writer.say(Scope({}), "with tf.GradientTape() as tape:")
        writer.say(scope, "tape.watch(x)")
        makers = {t.makes: t for t in reversed(POOL) if t.takes in (("V",), ("M",), ("V", "V"))}
        given = []
        for sort in template.takes:
            if sort in ("V", "M", "S"):
                text = {"V": "x * v", "M": "tf.sin(m)", "S": "s * 1.0"}[sort]
            else:
                text = makers[sort].text.replace(
                    "{a}", "v" if makers[sort].takes[0] == "V" else "m"
                )
                text = text.replace("{b}", "x")
            name = writer.name()
            writer.say(scope, f"{name} = {text}")
            given.append(name)
        text = template.text
        for slot, name in zip("abc", given, strict=False):
            text = text.replace("{" + slot + "}", name)
        writer.say(scope, f"out = {text}")
        asked = [
            n + ".values" if t == "P" else n for n, t in zip(given, template.takes, strict=True)
        ]
        ends = {
            "C": "tf.abs(out)", "I": "tf.cast(out, tf.float32)", "B": "tf.cast(out, tf.float32)",
            "R": "out.flat_values", "P": "out.values",
        }  # fmt: skip
        writer.say(
            scope, f"out = tf.cast(tf.reduce_sum({ends.get(template.makes, 'out')}), tf.float32)"
        )
        writer.say(Scope({}), f"g = tape.gradient(out, [v, m, s, x, {', '.join(asked)}])")
        title = f"{','.join(template.takes)} {template.makes} {template.text}"
        made.append((title, Program("\n".join(writer.lines) + "\n", {len(writer.lines): "g"})))
    return made
