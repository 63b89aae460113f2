"""Stand-ins that have a gradient for what only steps.

Rounding, signs and one-hot choices keep their value and borrow a gradient (straight through).
Comparisons, ranks and counts become smooth: the usual stand-in, and a change that the report's
words speak of.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import dotted
from tapemagic.diagnosis.repairs.once import once_per_cut
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical
from tapemagic.diagnosis.repairs.steps import ORDERS, Step, steps
from tapemagic.diagnosis.repairs.watching import watch_source

ROUNDS = frozenset(["round", "floor", "ceil", "rint", "trunc"])
_PLAIN = frozenset(
    [
        "reduce_sum",
        "reduce_mean",
        "sum",
        "mean",
        "reduce_max",
        "reduce_min",
        "add",
        "subtract",
        "multiply",
        "divide",
        "abs",
        "square",
        "reshape",
        "squeeze",
        "expand_dims",
        "transpose",
        "identity",
        "negative",
        "stack",
    ]
)
_STEEP = "10.0"
_REFERRED = {"Round": "round", "Sign": "sign", "Floor": "floor", "Ceil": "ceil", "Rint": "rint"}


@once_per_cut
@mechanical
def softened(case: Case) -> str | None:
    """The cell with every step of the way replaced by its stand-in."""
    rw = Rewriter(case.here)
    found = steps(case)
    soft = Soft(case, rw, found)
    for position, step in enumerate(found):
        soft.change(position, step)
    if not found:
        return None
    watch_source(case, rw.edits)
    return rw.source()


class Soft:
    """Chooses the stand-in of each step.

    Args:
        case: The source and its way.
        rw: Where the new texts go.
        found: All steps, in the order of the way.
    """

    def __init__(self, case: Case, rw: Rewriter, found: list[Step]) -> None:
        self.rw = rw
        self.found = found
        dtype = case.source.dtype
        self.dtype = f"{rw.tf}.{dtype if dtype.startswith(('float', 'bfloat')) else 'float32'}"

    def change(self, position: int, step: Step) -> None:
        """Give one step its stand-in.

        Raises:
            NoRepair: If there is none.
        """
        node, name, rw = step.node, step.name, self.rw
        if rw.changed(node):
            return
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            self._compared(step, node.left, node.comparators[0], type(node.ops[0]).__name__)
        elif name in ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal"):
            one, other = _arguments(node, 2)
            kind = {"equal": "Eq", "not_equal": "NotEq"}.get(name, "Gt" if "gr" in name else "Lt")
            self._compared(step, one, other, kind)
        elif name == "where" and step.position == 0:
            c, x, y = _arguments(node, 3)
            self._chosen(node, c, x, y)
        elif name == "where":
            self._whole_branches(node)
        elif name in ("cast", "Cast"):
            self._cast(position, step)
        elif name in ROUNDS or name == "sign":
            straight_through(rw, node, _arguments(node, 1)[0])
        elif name in ("floordiv", "floor_div", "floor_divide", "truncatediv"):
            one, other = _arguments(node, 2)
            self._floor_division(node, one, other)
        elif isinstance(node, ast.BinOp):
            self._operator(step, node)
        elif isinstance(node, ast.Subscript):
            return  # it picks elements, of whatever dtype
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
            rw.put(node, lambda: f"1.0 - {rw.operand(node.operand)}")
        elif name == "logical_not":
            rw.put(node, lambda: f"1.0 - {rw.operand(_arguments(node, 1)[0])}")
        elif name in ("logical_and", "logical_or"):
            one, other = _arguments(node, 2)
            self._joined(node, one, other, name == "logical_and")
        elif name in ("reduce_any", "reduce_all", "any", "all") and isinstance(node, ast.Call):
            self._renamed(node, "reduce_max" if "any" in name else "reduce_min")
        elif name == "count_nonzero" and isinstance(node, ast.Call):
            self._counted(position, node)
        elif name == "shuffle" and isinstance(node, ast.Call) and len(node.args) == 1:
            tf = rw.tf
            rw.put(node, lambda: let(rw, node.args[0], lambda v: (
                f"{tf}.gather({v}, {tf}.random.shuffle({tf}.range({tf}.shape({v})[0])))"
            )))  # fmt: skip
        elif name in ("argmax", "argmin"):
            self._argmax(position, step)
        elif name == "argsort":
            self._argsort(position, step)
        elif name == "categorical" and isinstance(node, ast.Call):
            self._sampled(position, step)
        elif name == "searchsorted" and isinstance(node, ast.Call):
            self._searched(position, node)
        elif name == "histogram_fixed_width" and isinstance(node, ast.Call):
            self.histogram(node)
        elif name == "range" and isinstance(node, ast.Call):
            self._spaced(node, step)
        elif name == "sequence_mask" and isinstance(node, ast.Call):
            self._masked(node)
        elif name in ("one_hot", "gather") and position and self.found[position - 1].name.startswith(
            "arg"
        ):  # fmt: skip
            return  # changed together with the argmax before it
        elif name in _PLAIN and isinstance(node, ast.Call):
            self._floats(node)
        elif step.op.type in _REFERRED:
            self._reference(_REFERRED[step.op.type])
        else:
            raise NoRepair

    def _reference(self, name: str) -> None:
        """A function that is handed to a layer: one that passes the gradient takes its place."""
        rw = self.rw
        assert rw.text.tree is not None
        handed = [
            n for n in ast.walk(rw.text.tree)
            if isinstance(n, ast.Attribute) and n.attr == name and dotted(n)
            and not _is_called(rw, n)
        ]  # fmt: skip
        if len(handed) != 1:
            raise NoRepair
        func = handed[0]
        stop = f"{rw.tf}.stop_gradient"
        rw.put(func, lambda: f"lambda v: v + {stop}({rw.inside(func)}(v) - v)")

    # -- yes or no

    def _compared(self, step: Step, one: ast.expr, other: ast.expr, kind: str) -> None:
        rw = self.rw
        cast = step.whole()

        def text(node: ast.expr) -> str:
            if cast and not isinstance(node, ast.Constant) and not rw.changed(node):
                return f"{rw.tf}.cast({rw.out(node)}, {self.dtype})"
            return rw.operand(node)

        def make() -> str:
            if kind in ("Eq", "NotEq"):
                same = f"{rw.tf}.exp(-{rw.tf}.square({text(one)} - {text(other)}))"
                return same if kind == "Eq" else f"1.0 - {same}"
            high, low = (one, other) if kind.startswith("Gt") else (other, one)
            return f"{rw.tf}.sigmoid({_STEEP} * ({text(high)} - {text(low)}))"

        if step.op.type not in ORDERS | {"Equal", "NotEqual"}:
            raise NoRepair
        rw.put(step.node, make)

    def _chosen(self, node: ast.expr, c: ast.expr, x: ast.expr, y: ast.expr) -> None:
        """``tf.where(c, x, y)`` with a smooth weight for the condition."""
        rw = self.rw
        one, other = _number(x), _number(y)

        def make() -> str:
            if (one, other) == (1.0, 0.0):
                return rw.out(c)
            if (one, other) == (0.0, 1.0):
                return f"1.0 - {rw.operand(c)}"
            if one is not None and other is not None:
                return f"{other} + {one - other} * {rw.operand(c)}"
            if isinstance(y, (ast.Name, ast.Constant)):
                return f"{rw.operand(y)} + ({rw.out(x)} - {rw.operand(y)}) * {rw.operand(c)}"
            return f"(lambda c: c * {rw.operand(x)} + (1.0 - c) * {rw.operand(y)})({rw.out(c)})"

        rw.put(node, make)

    def _whole_branches(self, node: ast.expr) -> None:
        """Whole numbers on either side of a ``where`` become floats."""
        for side in _arguments(node, 3)[1:]:
            number = _number(side)
            if number is not None:
                self.rw.put(side, lambda number=number: str(number))  # type: ignore[misc]

    def _joined(self, node: ast.expr, one: ast.expr, other: ast.expr, both: bool) -> None:
        rw = self.rw

        def text(side: ast.expr) -> str:
            if rw.changed(side) or self._soften_compare(side):
                return rw.operand(side)
            return f"{rw.tf}.cast({rw.out(side)}, {self.dtype})"

        def make() -> str:
            a, b = text(one), text(other)
            return f"{a} * {b}" if both else f"{rw.tf}.maximum({a}, {b})"

        rw.put(node, make)

    def _soften_compare(self, side: ast.expr) -> bool:
        """Two comparisons of one value are both softened."""
        if not isinstance(side, ast.Compare) or len(side.ops) != 1:
            return False
        kind = type(side.ops[0]).__name__
        if not kind.startswith(("Gt", "Lt")):
            return False
        rw, one, other = self.rw, side.left, side.comparators[0]
        high, low = (one, other) if kind.startswith("Gt") else (other, one)
        rw.put(
            side, lambda: f"{rw.tf}.sigmoid({_STEEP} * ({rw.operand(high)} - {rw.operand(low)}))"
        )
        return True

    # -- numbers

    def _cast(self, position: int, step: Step) -> None:
        node = step.node
        if not isinstance(node, ast.Call):
            raise NoRepair
        out = step.tensors.get(step.op.outputs[0])
        if out is None or out.dtype == "bool":
            raise NoRepair
        if step.op.type == "Cast" and out.dtype.startswith(("float", "bfloat")):
            return
        after = self.found[position + 1] if position + 1 < len(self.found) else None
        if after is not None and after.name == "cast" and not self.rw.changed(node.args[0]):
            if self._there_and_back(node, after.node):
                return
        places = [k.value for k in node.keywords if k.arg == "dtype"] or node.args[1:2]
        if len(places) != 1:
            raise NoRepair
        self.rw.put(places[0], lambda: self.dtype)

    def _there_and_back(self, node: ast.Call, back: ast.expr) -> bool:
        """A cast to whole numbers and back keeps what it gives, with the gradient passed by it."""
        rw = self.rw
        value = node.args[0]
        inner = _arguments(back, 1)[0]
        stop = f"{rw.tf}.stop_gradient"
        if inner is node:
            place = rw.inside(back)
            lead, tail = place.split(rw.inside(value), 1)
            rw.put(back, lambda: let(rw, value, lambda v: f"{v} + {stop}({lead}{v}{tail} - {v})"))
            return True
        bound = rw.parents.get(id(node))
        named = isinstance(bound, ast.Assign) and isinstance(bound.targets[0], ast.Name)
        if not named or not isinstance(inner, ast.Name) or not _pure(value):
            return False
        if inner.id != bound.targets[0].id:  # type: ignore[union-attr]
            return False
        v = rw.operand(value)
        rw.put(back, lambda: f"{v} + {stop}({rw.inside(back)} - {v})")
        return True

    def _operator(self, step: Step, node: ast.BinOp) -> None:
        rw = self.rw
        if isinstance(node.op, ast.FloorDiv):
            self._floor_division(node, node.left, node.right)
        elif isinstance(node.op, (ast.BitAnd, ast.BitOr)):
            self._joined(node, node.left, node.right, isinstance(node.op, ast.BitAnd))
        elif isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)) and step.whole():
            # The other operand is a whole number too; a literal adapts by itself.
            other = node.left if step.position else node.right
            if not isinstance(other, ast.Constant) and not rw.changed(other):
                rw.put(other, lambda: f"{rw.tf}.cast({rw.inside(other)}, {self.dtype})")
        else:
            raise NoRepair

    def _floor_division(self, node: ast.expr, one: ast.expr, other: ast.expr) -> None:
        rw = self.rw

        def make() -> str:
            exact = f"{rw.operand(one)} / {rw.operand(other)}"
            return f"{exact} + {rw.tf}.stop_gradient({rw.inside(node)} - {exact})"

        rw.put(node, make)

    def _floats(self, node: ast.Call) -> None:
        for argument in node.args[1:]:
            if dotted(node.func).rsplit(".", 1)[-1] in ("add", "subtract", "multiply", "divide"):
                raise NoRepair
            del argument

    def _renamed(self, node: ast.Call, name: str) -> None:
        rw = self.rw
        rw.put(node.func, lambda: f"{rw.tf}.{name}")

    def _counted(self, position: int, node: ast.Call) -> None:
        """``count_nonzero`` of a condition is the sum of its smooth weights."""
        first = node.args[0] if node.args else None
        known = [k for k in node.keywords if k.arg == "dtype"]
        if first is None or known or len(node.args) > 1 or position == 0:
            raise NoRepair
        self._renamed(node, "reduce_sum")

    # -- choices and ranks

    def _argmax(self, position: int, step: Step) -> None:
        node, rw = step.node, self.rw
        if not isinstance(node, ast.Call) or not node.args or not _last_axis(node, step):
            raise NoRepair
        values = node.args[0]
        sign = "-" if step.name == "argmin" else ""
        after = self.found[position + 1] if position + 1 < len(self.found) else None
        if after is not None and after.name == "one_hot":
            self._one_hot(node, values, after.node, sign)
        elif after is not None and after.name == "gather":
            self._weighted(values, after, sign)
        else:
            tf = rw.tf
            rw.put(node, lambda: let(rw, values, lambda v: (
                f"{tf}.reduce_sum({tf}.nn.softmax({sign}{_STEEP} * {v}) * "
                f"{tf}.cast({tf}.range({tf}.shape({v})[-1]), {self.dtype}), -1)"
            )))  # fmt: skip

    def _one_hot(self, node: ast.Call, values: ast.expr, hot: ast.expr, sign: str) -> None:
        """The choice as it is, with the gradient of the probabilities it was made from."""
        rw = self.rw
        known = dotted(values.func) if isinstance(values, ast.Call) else ""
        given = known.rsplit(".", 1)[-1] == "softmax" and not sign
        stop = f"{rw.tf}.stop_gradient"

        def chosen(v: str, whole: str) -> str:
            weights = v if given else f"{rw.tf}.nn.softmax({sign}{v})"
            return f"{whole} + {weights} - {stop}({weights})"

        if _pure(values) or (given and not any(n is node for n in ast.walk(hot))):
            v = rw.operand(values)
            rw.put(hot, lambda: chosen(v, rw.inside(hot)))
        elif any(n is node for n in ast.walk(hot)):
            lead, tail = rw.inside(hot).split(rw.inside(values), 1)
            rw.put(hot, lambda: let(rw, values, lambda v: chosen(v, f"{lead}{v}{tail}")))
        else:
            raise NoRepair

    def _sampled(self, position: int, step: Step) -> None:
        """A one-hot sample as it is, with the gradient of the probabilities it was drawn from."""
        rw, values = self.rw, _arguments(step.node, 1)[0]
        hot = next((s for s in self.found[position + 1 :] if s.name == "one_hot"), None)
        if hot is None or not _pure(values) or not self._still(step.node, hot.node, values):
            raise NoRepair
        logits = step.tensors.get(step.op.inputs[0])
        chosen = hot.tensors.get(hot.op.outputs[0])
        if logits is None or chosen is None or logits.shape != chosen.shape:
            raise NoRepair
        weights = f"{rw.tf}.nn.softmax({rw.out(values)})"
        stop = f"{rw.tf}.stop_gradient"
        rw.put(hot.node, lambda: f"{rw.inside(hot.node)} + {weights} - {stop}({weights})")

    def _still(self, node: ast.expr, later: ast.expr, values: ast.expr) -> bool:
        """Whether an expression means the same at a later place of the same function."""
        rw = self.rw
        scopes = [
            next((n for n in rw.above(one) if isinstance(n, (ast.FunctionDef, ast.Lambda))), rw.text.tree)
            for one in (node, later)
        ]  # fmt: skip
        if scopes[0] is not scopes[1] or scopes[0] is None:
            return False
        read = {n.id for n in ast.walk(values) if isinstance(n, ast.Name)}
        return not any(
            isinstance(n, ast.Name) and n.id in read and not isinstance(n.ctx, ast.Load)
            and span(node)[2:] <= span(n)[:2] <= span(later)[:2]
            for n in ast.walk(scopes[0])
        )  # fmt: skip

    def _searched(self, position: int, node: ast.Call) -> None:
        """How many of the sorted values lie below each value: a sum of smooth comparisons."""
        rw = self.rw
        if any(s.name in ("gather", "one_hot", "gather_nd") for s in self.found[position + 1 :]):
            raise NoRepair  # a place, not a count
        named = {k.arg: k.value for k in node.keywords}
        if set(named) - {"sorted_sequence", "values", "side", "name"} or len(node.args) > 3:
            raise NoRepair
        given = dict(zip(("sorted_sequence", "values"), node.args, strict=False)) | named

        def make() -> str:
            low, high = rw.operand(given["sorted_sequence"]), rw.operand(given["values"])
            below = f"{high}[..., :, None] - {low}[..., None, :]"
            return f"{rw.tf}.reduce_sum({rw.tf}.sigmoid({_STEEP} * ({below})), -1)"

        rw.put(node, make)

    def _weighted(self, values: ast.expr, after: Step, sign: str) -> None:
        """What an argmax picks from a table is a weighted sum over the table."""
        rw, call = self.rw, after.node
        if not isinstance(call, ast.Call) or call.keywords or len(call.args) != 2:
            raise NoRepair
        if not _pure(values):
            raise NoRepair
        weights = f"{rw.tf}.nn.softmax({sign}{_STEEP} * {rw.operand(values)})"
        table = call.args[0]
        rw.put(call, lambda: f"{rw.tf}.tensordot({weights}, {rw.out(table)}, 1)")

    def _argsort(self, position: int, step: Step) -> None:
        """Ranks, which a double argsort gives, are sums of smooth comparisons."""
        node, rw = step.node, self.rw
        if not isinstance(node, ast.Call) or not node.args:
            raise NoRepair
        if position and self.found[position - 1].name == "argsort":
            rw.put(node, lambda: rw.out(node.args[0]))
            return
        named = {k.arg: k.value for k in node.keywords}
        if set(named) - {"direction", "axis"} or len(node.args) > 1 or not _last_axis(node, step):
            raise NoRepair
        down = "direction" in named and "DESC" in ast.unparse(named["direction"])

        def ranks(v: str) -> str:
            one, other = f"{v}[..., :, None]", f"{v}[..., None, :]"
            one, other = (other, one) if down else (one, other)
            return f"{rw.tf}.reduce_sum({rw.tf}.sigmoid({_STEEP} * ({one} - {other})), -1)"

        rw.put(node, lambda: let(rw, node.args[0], ranks))

    def _spaced(self, node: ast.Call, step: Step) -> None:
        """As many points as ``tf.range`` gives, which move with its limits or its step."""
        rw, tf, whole = self.rw, self.rw.tf, self.rw.inside(node)
        if any(k.arg not in ("delta", "dtype") for k in node.keywords):
            raise NoRepair
        limits = [ast.Constant(0), *node.args] if len(node.args) == 1 else node.args
        begin, end = (
            str(float(ast.literal_eval(n))) if isinstance(n, ast.Constant) else rw.out(n)
            for n in limits[:2]
        )
        count = f"{tf}.size({whole})"
        if step.position < 2:
            rw.put(node, lambda: f"{tf}.linspace({begin}, {end}, {count} + 1)[:-1]")
            return
        width = next(iter([*node.args[2:], *(k.value for k in node.keywords if k.arg == "delta")]))
        turns = f"{tf}.cast({tf}.range({count}), {self.dtype})"
        rw.put(node, lambda: f"{begin} + {turns} * {rw.operand(width)}")

    def _masked(self, node: ast.Call) -> None:
        """A mask whose edge moves smoothly with the length."""
        rw, tf = self.rw, self.rw.tf
        given = dict(zip(("lengths", "maxlen", "dtype"), node.args, strict=False))
        given |= {str(k.arg): k.value for k in node.keywords}
        if not {"lengths", "maxlen", "dtype"} <= set(given) or "float" not in ast.unparse(
            given["dtype"]
        ):
            raise NoRepair

        def make() -> str:
            places = f"{tf}.range({rw.out(given['maxlen'])}, dtype={rw.out(given['dtype'])})"
            ends = f"{tf}.expand_dims({rw.out(given['lengths'])}, -1)"
            return f"{tf}.sigmoid({_STEEP} * ({ends} - {places} - 0.5))"

        rw.put(node, make)

    def histogram(self, node: ast.Call) -> None:
        """Each value is shared among the bins near it, so that the counts change smoothly."""
        rw, tf = self.rw, self.rw.tf
        named = {k.arg: k.value for k in node.keywords}
        parts = dict(zip(("values", "value_range", "nbins"), node.args, strict=False)) | named
        values, span, bins = parts["values"], parts["value_range"], parts.get("nbins")

        def make() -> str:
            if isinstance(span, (ast.List, ast.Tuple)):
                low, high = (rw.operand(e) for e in span.elts)
            else:
                low, high = f"{rw.operand(span)}[0]", f"{rw.operand(span)}[1]"
            n = "100" if bins is None else rw.operand(bins)
            place = f"({tf}.reshape({rw.out(values)}, [-1, 1]) - {low}) / ({high} - {low}) * {n}"
            centres = f"({tf}.range({n}, dtype={self.dtype}) + 0.5)"
            return f"{tf}.reduce_sum({tf}.nn.softmax(-{tf}.square({place} - {centres})), 0)"

        rw.put(node, make)


def let(rw: Rewriter, value: ast.expr, make: Callable[[str], str]) -> str:
    """A text that needs a value several times, and computes it once."""
    if _simple(value):
        return make(rw.operand(value))
    return f"(lambda v: {make('v')})({rw.out(value)})"


def straight_through(rw: Rewriter, node: ast.expr, value: ast.expr) -> None:
    """Keep what a step gives and pass the gradient by it."""
    if not isinstance(node, ast.Call):
        raise NoRepair
    func = rw.inside(node.func)
    more = "".join(f", {rw.out(a)}" for a in node.args[1:])
    more += "".join(f", {k.arg}={rw.out(k.value)}" for k in node.keywords if k.arg != "x")
    stop = f"{rw.tf}.stop_gradient"
    rw.put(
        node,
        lambda: let(rw, value, lambda v: f"{v} + {stop}({func}({v}{more}) - {v})"),
    )


def _arguments(node: ast.expr, count: int) -> tuple[ast.expr, ...]:
    """The first arguments of a call, by place or by their usual names.

    Raises:
        NoRepair: If there are fewer.
    """
    if not isinstance(node, ast.Call):
        raise NoRepair
    found = [*node.args, *(k.value for k in node.keywords if k.arg not in ("name", "axis"))]
    if len(found) < count or any(isinstance(a, ast.Starred) for a in found):
        raise NoRepair
    return tuple(found[:count])


def _is_called(rw: Rewriter, node: ast.expr) -> bool:
    parent = rw.parents.get(id(node))
    return isinstance(parent, ast.Call) and parent.func is node


def _pure(node: ast.expr) -> bool:
    """Whether an expression may be computed once more."""
    return not any(isinstance(n, (ast.Call, ast.Await, ast.Yield)) for n in ast.walk(node))


def _simple(node: ast.expr) -> bool:
    return all(
        isinstance(n, (ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.Slice, ast.Tuple,
                       ast.UnaryOp, ast.USub, ast.expr_context))
        for n in ast.walk(node)
    )  # fmt: skip


def _number(node: ast.expr) -> float | None:
    """The value of a literal number or of a constant tensor of one."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.Call) and dotted(node.func).endswith(".constant") and node.args:
        return _number(node.args[0])
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return float(node.value)
    return None


def _last_axis(node: ast.Call, step: Step) -> bool:
    """Whether an argmax or argsort goes along the last axis."""
    given = [k.value for k in node.keywords if k.arg == "axis"] or node.args[1:2]
    axis = _number(given[0]) if given else (-1.0 if step.name == "argsort" else 0.0)
    return axis == -1 or (step.rank() is not None and axis == (step.rank() or 0) - 1)
