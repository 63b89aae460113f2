"""Roots, logs, norms and quotients whose derivative stays finite."""

from __future__ import annotations

import ast
import itertools

from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import dotted
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical
from tapemagic.traces.model import Op, Site

EPS = "1e-12"
_LOGS = ("log",)
_ROOTS = ("sqrt", "rsqrt")
_EDGES = ("acos", "asin", "arccos", "arcsin", "acosh", "atanh")


@mechanical
def finite(case: Case, op: Op, at: Site | None, exact: bool = False) -> str | None:
    """The cell with the op where the first NaN or Inf was born made safe.

    Args:
        case: The source and its way.
        op: The op.
        at: Where it was called.
        exact: Only a form with the true derivative will do, no epsilon.
    """
    if at is None or not at.here:
        return None
    rw = Rewriter(case.here)
    statement = case.here.statement_at(at.line)
    whole = case.node(at) or statement
    if whole is None:
        return None
    return Finite(case, rw, op, exact).mended(whole, statement or whole)


class Finite:
    """Finds the expression that an op came from and chooses its safe form.

    Args:
        case: The source and its way.
        rw: Where the new texts go.
        op: Where the first NaN or Inf was born.
        exact: Only stable functions will do, no epsilon.
    """

    def __init__(self, case: Case, rw: Rewriter, op: Op, exact: bool = False) -> None:
        self.case, self.rw, self.op, self.exact = case, rw, op, exact

    def mended(self, whole: ast.AST, statement: ast.AST) -> str | None:
        """Try the safe forms from the most specific to the most general."""
        tree = self.rw.text.tree
        assert tree is not None
        places = [whole, statement] + ([tree] if self.op.type == "Exp" else [])
        for place in places:
            for node in ast.walk(place):
                if isinstance(node, ast.expr) and self._known_form(node):
                    self._others(statement)
                    return self.rw.source()
            for fits in () if self.exact else (self._norms, self._by_type, self._factors):
                found = fits(place)
                for node in found:
                    self._safe(node)
                if found:
                    self._others(statement)
                    return self.rw.source()
        return None

    def _others(self, statement: ast.AST) -> None:
        """The other logs of the statement meet the same values: log(p) and log(1 - p)."""
        if self.op.type not in ("Log", "Mul", "Sum", "AddV2"):
            return
        for node in self._calls(statement, _LOGS):
            held = [node, *ast.walk(node), *self.rw.above(node)]
            if not any(self.rw.changed(n) for n in held) and not self._known_form(node):
                if self.exact:
                    raise NoRepair
                self._safe(node)

    # -- which expression

    def _calls(self, place: ast.AST, names: tuple[str, ...]) -> list[ast.expr]:
        return [
            n for n in ast.walk(place)
            if isinstance(n, ast.Call) and dotted(n.func).rsplit(".", 1)[-1] in names
            and dotted(n.func).split(".", maxsplit=1)[0] not in ("math", "np", "numpy")
            and n.args and not isinstance(n.args[0], ast.Constant)
        ]  # fmt: skip

    def _norms(self, place: ast.AST) -> list[ast.expr]:
        if self.op.type not in ("Sqrt", "EuclideanNorm", "Rsqrt", "RealDiv", "Mul", "Pow"):
            return []
        return self._calls(place, ("norm", "reduce_euclidean_norm", "reduce_std"))

    def _by_type(self, place: ast.AST) -> list[ast.expr]:
        kind = self.op.type
        if kind in ("Log", "Xlogy"):
            return self._calls(place, _LOGS)
        if kind == "Log1p":
            return self._calls(place, ("log1p",))
        if kind in ("Sqrt", "Rsqrt"):
            return self._calls(place, _ROOTS)
        if kind == "Pow":
            return self._powers(place) or self._calls(place, ("pow",))
        if kind in ("RealDiv", "Div"):
            return self._quotients(place) or self._calls(place, ("divide", "truediv"))
        if kind in ("Reciprocal", "Inv"):
            return self._calls(place, ("reciprocal",)) or self._quotients(place)
        if kind in ("Acos", "Asin", "Acosh", "Atanh"):
            return self._calls(place, _EDGES)
        if kind == "Atan2":
            return self._calls(place, ("atan2", "arctan2"))
        return []

    def _factors(self, place: ast.AST) -> list[ast.expr]:
        """A product whose other factor is infinite: ``p * log(p)``."""
        if self.op.type not in ("Mul", "Sum", "AddV2", "Sub", "Neg", "SelectV2"):
            return []
        logs = self._calls(place, _LOGS)
        return logs or self._bound(place, _LOGS) or self._quotients(place)

    def _bound(self, place: ast.AST, names: tuple[str, ...]) -> list[ast.expr]:
        """Calls that were bound to a name which the expression reads."""
        read = {n.id for n in ast.walk(place) if isinstance(n, ast.Name)}
        tree = self.rw.text.tree
        assert tree is not None
        return [
            call for n in ast.walk(tree) if isinstance(n, ast.Assign)
            and any(isinstance(t, ast.Name) and t.id in read for t in n.targets)
            for call in self._calls(n.value, names)
        ]  # fmt: skip

    def _powers(self, place: ast.AST) -> list[ast.expr]:
        return [
            n for n in ast.walk(place) if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Pow)
        ]

    def _quotients(self, place: ast.AST) -> list[ast.expr]:
        found = [
            n for n in ast.walk(place) if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Div)
        ]
        return [n for n in found if not isinstance(n.right, ast.Constant)]

    # -- its safe form

    def _known_form(self, node: ast.expr) -> bool:
        """Forms that TensorFlow has a stable function for."""
        rw, tf = self.rw, self.rw.tf
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            one, other = node.left, node.right
            inner = _argument(self._value_of(one), "exp")
            other = self._value_of(other)
            total = _argument(other, "reduce_sum")
            if inner is None or total is None or ast.dump(total) != ast.dump(one):
                return False
            axis = _named(other, "axis")
            more = f", axis={rw.out(axis)}" if axis is not None else ""
            logits = inner
            rw.put(node, lambda: f"{tf}.nn.softmax({rw.out(logits)}{more})")
            return True
        inside, plus = _argument(node, "log"), False
        if inside is None:
            inside, plus = _argument(node, "log1p"), True
        if inside is None or self.op.type not in ("Log", "Log1p", "Mul", "Exp", "Softmax", "Neg"):
            return False
        value = self._value_of(inside)
        exp = _argument(value, "exp") if plus else _one_plus_exp(value)
        if exp is not None:
            grown = exp
            rw.put(node, lambda: f"{tf}.nn.softplus({rw.out(grown)})")
            return True
        if plus:
            return False
        total = _argument(value, "reduce_sum")
        exp = _argument(self._value_of(total), "exp") if total is not None else None
        if exp is not None and isinstance(value, ast.Call):
            rest = "".join(f", {rw.out(a)}" for a in value.args[1:])
            rest += "".join(f", {k.arg}={rw.out(k.value)}" for k in value.keywords)
            rw.put(node, lambda: f"{tf}.reduce_logsumexp({rw.out(exp)}{rest})")
            return True
        soft = _argument(value, "softmax")
        if soft is not None and isinstance(value, ast.Call):
            axis = _named(value, "axis")
            more = f", axis={rw.out(axis)}" if axis is not None else ""
            rw.put(node, lambda: f"{tf}.nn.log_softmax({rw.out(soft)}{more})")
            return True
        return self._log_sigmoid(node, value)

    def _log_sigmoid(self, node: ast.expr, value: ast.expr) -> bool:
        rw, tf = self.rw, self.rw.tf
        logit = _argument(value, "sigmoid")
        sign = ""
        if logit is None and isinstance(value, ast.BinOp) and isinstance(value.op, ast.Sub):
            one = value.left
            if isinstance(one, ast.Constant) and one.value == 1:
                logit, sign = _argument(self._value_of(value.right), "sigmoid"), "-"
        if logit is None:
            return False
        kept = logit
        text = rw.operand if sign else rw.out
        rw.put(node, lambda: f"{tf}.math.log_sigmoid({sign}{text(kept)})")
        return True

    def _value_of(self, node: ast.expr) -> ast.expr:
        """What a name was bound to, if it was bound once and in the same scope."""
        tree = self.rw.text.tree
        assert tree is not None
        if not isinstance(node, ast.Name):
            return node
        scopes = (ast.FunctionDef, ast.Module, ast.Lambda)
        mine = next((n for n in self.rw.above(node) if isinstance(n, scopes)), tree)
        made = [
            n for n in ast.walk(tree) if isinstance(n, ast.Assign)
            and any(isinstance(t, ast.Name) and t.id == node.id for t in n.targets)
        ]  # fmt: skip
        if len(made) != 1:
            return node
        home = next((n for n in self.rw.above(made[0]) if isinstance(n, scopes)), tree)
        return made[0].value if home is mine else node

    def _safe(self, node: ast.expr) -> None:
        rw, tf = self.rw, self.rw.tf
        if isinstance(node, ast.BinOp):
            if isinstance(node.op, ast.Pow):
                self._shifted(node.left)
            else:
                self._quotient(node, node.left, node.right)
            return
        assert isinstance(node, ast.Call)
        name = dotted(node.func).rsplit(".", 1)[-1]
        if not node.args:
            raise NoRepair
        first = node.args[0]
        if name in ("norm", "reduce_euclidean_norm"):
            more = self._axes(node)
            rw.put(
                node,
                lambda: f"{tf}.sqrt({tf}.reduce_sum({tf}.square({rw.out(first)}){more}) + {EPS})",
            )
        elif name == "reduce_std":
            more = self._axes(node)
            rw.put(
                node, lambda: f"{tf}.sqrt({tf}.math.reduce_variance({rw.out(first)}{more}) + {EPS})"
            )
        elif name in ("divide", "truediv") and len(node.args) == 2:
            rw.put(node.func, lambda: f"{tf}.math.divide_no_nan")
        elif name == "reciprocal":
            rw.put(node, lambda: f"{tf}.math.divide_no_nan(1.0, {rw.out(first)})")
        elif name in _EDGES:
            if name in ("acosh", "atanh"):
                raise NoRepair
            low, high = "-1.0 + 1e-6", "1.0 - 1e-6"
            rw.put(first, lambda: f"{tf}.clip_by_value({rw.inside(first)}, {low}, {high})")
        elif name in ("atan2", "arctan2"):
            rw.put(node.args[1], lambda: f"{rw.inside(node.args[1])} + {EPS}")
        else:
            self._shifted(first)

    def _axes(self, node: ast.Call) -> str:
        named = {k.arg: k.value for k in node.keywords}
        rest = node.args[1:]
        if dotted(node.func).endswith("norm") and not dotted(node.func).endswith("euclidean_norm"):
            order = rest[0] if rest else named.pop("ord", None)
            if order is not None and not (
                isinstance(order, ast.Constant) and order.value in (2, "euclidean")
            ):
                raise NoRepair
            rest = rest[1:]
        if len(rest) > 1 or set(named) - {"axis", "keepdims"}:
            raise NoRepair
        made = "".join(f", axis={self.rw.out(a)}" for a in rest)
        return made + "".join(f", {k}={self.rw.out(v)}" for k, v in named.items())

    def _shifted(self, value: ast.expr) -> None:
        """An argument kept off zero; inside a ``tf.where`` the branch gets a harmless one."""
        rw, tf = self.rw, self.rw.tf
        chosen = self._condition(value)
        if chosen is not None:
            condition, first = chosen
            sides = "{v}, 1.0" if first else "1.0, {v}"
            rw.put(
                value,
                lambda: f"{tf}.where({rw.out(condition)}, {sides.format(v=rw.inside(value))})",
            )
            return
        if self._below_zero():
            rw.put(value, lambda: f"{tf}.maximum({rw.inside(value)}, {EPS})")
        else:
            rw.put(value, lambda: f"{rw.inside(value)} + {EPS}")

    def _condition(self, value: ast.expr) -> tuple[ast.expr, bool] | None:
        """The condition under which a branch is chosen, and whether it is the first branch."""
        above = [value, *self.rw.above(value)]
        for inner, outer in itertools.pairwise(above):
            if isinstance(outer, ast.Call) and dotted(outer.func).rsplit(".", 1)[-1] == "where":
                if len(outer.args) == 3 and inner in outer.args[1:]:
                    return outer.args[0], inner is outer.args[1]
        return self._later_condition(value)

    def _later_condition(self, value: ast.expr) -> tuple[ast.expr, bool] | None:
        """The same for a branch that was bound to a name before the ``tf.where``."""
        bound = next((n for n in self.rw.above(value) if isinstance(n, ast.Assign)), None)
        tree = self.rw.text.tree
        assert tree is not None
        if bound is None or not isinstance(bound.targets[0], ast.Name):
            return None
        name = bound.targets[0].id
        for call in self._calls(tree, ("where",)):
            assert isinstance(call, ast.Call)
            if len(call.args) != 3 or call.lineno < bound.lineno:
                continue
            names = [isinstance(a, ast.Name) and a.id == name for a in call.args[1:]]
            known = {n.id for n in ast.walk(call.args[0]) if isinstance(n, ast.Name)}
            inside = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)} | {self.rw.tf}
            if any(names) and known <= inside:
                return call.args[0], names[0]
        return None

    def _below_zero(self) -> bool:
        """Whether an input of the op is known to be negative, or not known."""
        trace = self.case.view.trace
        for tensor in self.op.inputs[:1]:
            facts = trace.tensors.get(tensor)
            if facts is None or facts.value is None:
                return self.op.type in ("Log", "Sqrt", "Rsqrt")
            return any(isinstance(v, (int, float)) and v < 0 for v in _flat(facts.value))
        return False

    def _quotient(self, node: ast.expr, one: ast.expr, other: ast.expr) -> None:
        rw, tf = self.rw, self.rw.tf
        whole = isinstance(one, ast.Constant) and isinstance(one.value, int)
        dot = ".0" if whole else ""
        rw.put(node, lambda: f"{tf}.math.divide_no_nan({rw.out(one)}{dot}, {rw.out(other)})")


def _argument(node: ast.expr, name: str) -> ast.expr | None:
    """The first argument of a call of a function with that last name."""
    if isinstance(node, ast.Call) and node.args and dotted(node.func).rsplit(".", 1)[-1] == name:
        return node.args[0]
    return None


def _named(node: ast.expr, name: str) -> ast.expr | None:
    if not isinstance(node, ast.Call):
        return None
    found = [k.value for k in node.keywords if k.arg == name] or node.args[1:2]
    return found[0] if found else None


def _one_plus_exp(node: ast.expr) -> ast.expr | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(one, ast.Constant) and one.value == 1:
                return _argument(other, "exp")
    return None


def _flat(value: object) -> list[object]:
    return [v for part in value for v in _flat(part)] if isinstance(value, list) else [value]
