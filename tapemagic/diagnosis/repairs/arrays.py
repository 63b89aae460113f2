"""Expressions over arrays and numbers, rewritten with TensorFlow ops."""

from __future__ import annotations

import ast
from collections.abc import Callable

from tapemagic.diagnosis.edits import dotted, module_alias
from tapemagic.diagnosis.repairs.counterparts import (
    LEAVES,
    MATH,
    METHODS,
    OPS,
    REDUCTIONS,
    SAME,
    SPECIAL,
)
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter

_PREDICTS = ("predict", "predict_on_batch")
_HARMLESS = frozenset(
    [
        "len",
        "abs",
        "sum",
        "list",
        "tuple",
        "zip",
        "enumerate",
        "sorted",
        "reversed",
        "range",
        "print",
    ]
)
_OUT = frozenset(["convert_to_numpy", "eval", "get_value", "get_static_value"])


class Arrays:
    """Puts TensorFlow in the place of NumPy and plain Python, one expression at a time.

    Args:
        rw: Where the new texts go.
        was_array: Whether an expression's value was an array or number, and is a tensor now.
    """

    def __init__(self, rw: Rewriter, was_array: Callable[[ast.expr], bool]) -> None:
        self.rw = rw
        self.was_array = was_array
        self.np = module_alias(rw.text, "numpy", "np")
        self.ops = ops_alias(rw)
        tree = rw.text.tree
        assert tree is not None
        kinds = (ast.FunctionDef, ast.ClassDef)
        self.local = {n.name for n in ast.walk(tree) if isinstance(n, kinds)}
        self.local |= {
            t.id for n in ast.walk(tree) if isinstance(n, ast.Assign) and isinstance(n.value, ast.Lambda)
            for t in n.targets if isinstance(t, ast.Name)
        }  # fmt: skip

    def change(self, node: ast.expr) -> None:
        """Give one expression its new text, if it needs one.

        Raises:
            NoRepair: If it has no counterpart.
        """
        if self.rw.changed(node):
            return
        if isinstance(node, ast.Call):
            self._call(node)
        elif isinstance(node, ast.Attribute):
            self._attribute(node)
        elif isinstance(node, ast.Subscript):
            self._subscript(node)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            out = self.rw.out
            self.rw.put(node, lambda: f"{self.ops}.matmul({out(node.left)}, {out(node.right)})")
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv):
            raise NoRepair

    # -- calls

    def _call(self, node: ast.Call) -> None:
        func, rw = node.func, self.rw
        name = dotted(func)
        root, _, rest = name.partition(".")
        if root == self.np and rest:
            return self._numpy(node, rest)
        if name.rsplit(".", 1)[-1] == "img_to_array" and len(node.args) == 1 and not node.keywords:
            rw.put(node, lambda: f"{rw.tf}.cast({rw.out(node.args[0])}, {rw.tf}.float32)")
            return None
        if root == "math" and rest in MATH:
            return self._renamed(node, MATH[rest])
        if root in ("scipy", "special") and rest.rsplit(".", 1)[-1] in SPECIAL:
            return self._renamed(node, SPECIAL[rest.rsplit(".", 1)[-1]])
        if isinstance(func, ast.Name):
            return self._builtin(node, func.id)
        if not isinstance(func, ast.Attribute):
            return None
        if func.attr in _OUT and len(node.args) == 1 and not self.was_array(func.value):
            return self._only(node, node.args[0])
        if root == rw.tf or root in ("keras", "ops", "K", "layers", "losses"):
            return self._tensorflow(node, rest.rsplit(".", 1)[-1])
        if func.attr in _PREDICTS and node.args:
            rw.put(node, lambda: f"{rw.operand(func.value)}({rw.out(node.args[0])})")
            return None
        if func.attr == "get_weights" and not node.args:
            rw.put(node, lambda: f"{rw.operand(func.value)}.weights")
            return None
        if func.attr in METHODS:
            return self._method(node, func)
        if func.attr in self.local or func.attr in ("append", "extend", "get", "setdefault"):
            return None
        raise NoRepair

    def _padded(self, node: ast.Call) -> None:
        """The mode of ``np.pad``, if TensorFlow has it; one more of the edge is what symmetric gives.

        Raises:
            NoRepair: If it has not.
        """
        mode = next((k.value for k in node.keywords if k.arg == "mode"), None) or (
            node.args[2] if len(node.args) > 2 else None
        )
        name = (
            mode.value if isinstance(mode, ast.Constant) else "constant" if mode is None else None
        )
        inside = [
            n for n in ast.walk(node.args[1]) if not isinstance(n, (ast.Tuple, ast.List, ast.Load))
        ]
        once = all(isinstance(n, ast.Constant) and n.value in (0, 1) for n in inside)
        if name == "edge" and mode is not None and once:
            self.rw.put(mode, lambda: '"symmetric"')
        elif name not in ("constant", "reflect", "symmetric"):
            raise NoRepair

    def _numpy(self, node: ast.Call, name: str) -> None:
        rw = self.rw
        named = {k.arg for k in node.keywords}
        if name in ("array", "asarray", "asanyarray", "ascontiguousarray", "stack") and node.args:
            return self._made(node)
        if name in ("float32", "float64", "float16", "float_", "double") and len(node.args) == 1:
            dtype = "float16" if name == "float16" else "float32"
            rw.put(node, lambda: f"{rw.tf}.cast({rw.out(node.args[0])}, {rw.tf}.{dtype})")
            return None
        if name == "corrcoef" and len(node.args) == 2 and not node.keywords:
            pair = node.args
            rw.put(
                node,
                lambda: f"{self.ops}.corrcoef({rw.tf}.stack([{', '.join(map(rw.out, pair))}]))",
            )
            return None
        if name == "pad":
            self._padded(node)
        if name in ("squeeze", "copy") and len(node.args) == 1 and not node.keywords:
            if name == "copy":
                return self._only(node, node.args[0])
            return self._renamed(node, "squeeze")
        if name == "linalg.norm":
            if len(node.args) > 1 or named - {"axis", "keepdims"}:
                raise NoRepair
            return self._renamed(node, "norm")
        if name == "concatenate":
            if len(node.args) == 1 and "axis" not in named:
                rw.put(node, lambda: f"{rw.tf}.concat({rw.out(node.args[0])}, 0)")
                return None
            return self._renamed(node, "concat")
        if name == "clip" and len(node.args) == 3:
            low, high = node.args[1:]
            for bound, other in ((low, "minimum"), (high, "maximum")):
                if isinstance(bound, ast.Constant) and bound.value is None:
                    kept = high if bound is low else low
                    rw.put(
                        node,
                        lambda other=other, kept=kept: (  # type: ignore[misc]
                            f"{rw.tf}.{other}({rw.out(node.args[0])}, {rw.out(kept)})"
                        ),
                    )
                    return None
            return self._renamed(node, "clip_by_value")
        if name == "where" and len(node.args) == 3:
            return self._renamed(node, "where")
        if name == "transpose" and len(node.args) == 1 and not named:
            return self._renamed(node, "transpose")
        if name in REDUCTIONS:
            if named - {"axis", "keepdims"} or len(node.args) > 2:
                raise NoRepair
            return self._renamed(node, REDUCTIONS[name])
        if name in SAME:
            if named - {"axis"}:
                raise NoRepair
            return self._renamed(node, SAME[name])
        if name in OPS:
            first = node.args[0] if node.args else None
            if isinstance(first, (ast.Name, ast.Attribute)) and not name.endswith("stack"):
                # A variable has not all attributes of an array.
                rw.put(first, lambda: f"{rw.tf}.convert_to_tensor({rw.inside(first)})")
            rw.put(node, lambda: f"{self.ops}.{name}{self._brackets(node)}")
            return None
        raise NoRepair

    def _made(self, node: ast.Call) -> None:
        """An array made of values: their stack, or the value itself."""
        rw, first = self.rw, node.args[0]
        dtype = next((k.value for k in node.keywords if k.arg == "dtype"), None)
        axis = next((k for k in node.keywords if k.arg == "axis"), None)
        if dtype is None and len(node.args) > 1 and dotted(node.func).endswith("array"):
            dtype = node.args[1]
        if {k.arg for k in node.keywords} - {"dtype", "axis", "copy"}:
            raise NoRepair
        many = self.is_list(first) or dotted(node.func).endswith("stack")

        def make() -> str:
            if not many:
                made = rw.out(first)
            else:
                more = f", axis={rw.out(axis.value)}" if axis is not None else ""
                made = f"{rw.tf}.stack({rw.out(first)}{more})"
            return f"{rw.tf}.cast({made}, {self._dtype(dtype)})" if dtype is not None else made

        if not many and dtype is None:
            rw.put(node, lambda: f"{rw.tf}.convert_to_tensor({rw.out(first)})")
        else:
            rw.put(node, make)

    def _builtin(self, node: ast.Call, name: str) -> None:
        if name == "float" and len(node.args) == 1:
            return self._only(node, node.args[0])
        if name in ("max", "min") and node.args and not node.keywords:
            many = "imum" if len(node.args) == 2 else ""
            if len(node.args) > 2:
                raise NoRepair
            other = f"{name}{many}" if many else f"reduce_{name}"
            return self._renamed(node, other)
        if name == "pow" and len(node.args) == 2:
            return self._renamed(node, "pow")
        if name in SPECIAL and name not in self.local:
            return self._renamed(node, SPECIAL[name])
        if name in MATH and name not in self.local:
            return self._renamed(node, MATH[name])
        if name in _HARMLESS or name in self.local or (name[:1].isupper()):
            return None
        if name in ("int", "round", "bool", "str", "repr"):
            raise NoRepair
        return None if self._is_parameter(node, name) else self._unknown()

    def _is_parameter(self, node: ast.Call, name: str) -> bool:
        """Whether a function is called that was given or made in the cell."""
        tree = self.rw.text.tree
        assert tree is not None
        return isinstance(node.func, ast.Name) and any(
            (isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store))
            or (isinstance(n, ast.arg) and n.arg == name)
            for n in ast.walk(tree)
        )

    def _unknown(self) -> None:
        raise NoRepair

    def _tensorflow(self, node: ast.Call, name: str) -> None:
        """TensorFlow's own functions take tensors; those that copy a value must go."""
        rw = self.rw
        if name not in ("constant", "convert_to_tensor", "Variable", "as_tensor"):
            return
        named = {k.arg: k.value for k in node.keywords}
        if not node.args or set(named) - {"dtype", "name", "trainable"}:
            raise NoRepair
        first = node.args[0]
        dtype = named.get("dtype") or (node.args[1] if len(node.args) > 1 else None)

        def make() -> str:
            made, many = rw.out(first), self.is_list(first)
            if many:
                made = f"{rw.tf}.stack({made})"
            if dtype is not None:
                return f"{rw.tf}.cast({made}, {rw.out(dtype)})"
            return made if many else f"{rw.tf}.convert_to_tensor({made})"

        rw.put(node, make)

    def _method(self, node: ast.Call, func: ast.Attribute) -> None:
        rw, name, value = self.rw, func.attr, func.value
        if name in LEAVES and not node.args:
            rw.put(node, lambda: rw.out(value))
        elif name in REDUCTIONS:
            if {k.arg for k in node.keywords} - {"axis", "keepdims"}:
                raise NoRepair
            self._prefixed(node, value, REDUCTIONS[name])
        elif name == "reshape" and node.args:
            one = len(node.args) == 1 and not isinstance(node.args[0], (ast.Constant, ast.UnaryOp))

            def shaped() -> str:
                rest = ", ".join(rw.out(a) for a in node.args)
                return f"{rw.tf}.reshape({rw.out(value)}, {rest if one else f'[{rest}]'})"

            rw.put(node, shaped)
        elif name in ("ravel", "flatten") and not node.args:
            rw.put(node, lambda: f"{rw.tf}.reshape({rw.out(value)}, [-1])")
        elif name == "astype" and node.args:
            dtype = node.args[0]
            rw.put(node, lambda: f"{rw.tf}.cast({rw.out(value)}, {self._dtype(dtype)})")
        elif name == "clip" and len(node.args) == 2:
            self._prefixed(node, value, "clip_by_value")
        elif name == "squeeze":
            self._prefixed(node, value, "squeeze")
        elif name == "cumsum":
            self._prefixed(node, value, "cumsum")
        elif name in ("dot", "swapaxes", "trace", "repeat", "diagonal") or name == "transpose":
            ops = f"{self.ops}.{name}"
            rw.put(node, lambda: f"{ops}({self._joined(rw.out(value), node)})")
        else:
            raise NoRepair

    # -- other expressions

    def _attribute(self, node: ast.Attribute) -> None:
        rw = self.rw
        if node.attr == "T":
            rw.put(node, lambda: f"{rw.tf}.transpose({rw.out(node.value)})")
        elif node.attr == "size":
            rw.put(node, lambda: f"int({rw.tf}.size({rw.out(node.value)}))")

    def _subscript(self, node: ast.Subscript) -> None:
        rw = self.rw
        place = node.slice
        if isinstance(place, ast.Compare) or (
            isinstance(place, ast.UnaryOp) and isinstance(place.op, ast.Invert)
        ):
            self._indexed(node, "boolean_mask")
        elif isinstance(place, ast.Name):
            made = self._bound(place)
            if isinstance(made, ast.Compare):
                self._indexed(node, "boolean_mask")
            elif isinstance(made, ast.Call) and dotted(made.func).startswith(f"{self.np}."):
                if dotted(made.func).endswith((".where", ".nonzero")):
                    raise NoRepair
                self._indexed(node, "gather")
        elif isinstance(place, ast.Tuple) and any(_is_range(e) for e in place.elts):
            parts = ", ".join(f"{rw.tf}.cast({rw.out(e)}, {rw.tf}.int32)" for e in place.elts)
            value = node.value
            rw.put(
                node, lambda: f"{rw.tf}.gather_nd({rw.out(value)}, {rw.tf}.stack([{parts}], -1))"
            )

    def _indexed(self, node: ast.Subscript, name: str) -> None:
        rw = self.rw
        rw.put(node, lambda: f"{rw.tf}.{name}({rw.out(node.value)}, {rw.out(node.slice)})")

    def _bound(self, name: ast.Name) -> ast.expr | None:
        """What a name was bound to, if only once in the cell."""
        tree = self.rw.text.tree
        assert tree is not None
        made = [
            n.value
            for n in ast.walk(tree)
            if isinstance(n, ast.Assign)
            and any(isinstance(t, ast.Name) and t.id == name.id for t in n.targets)
        ]
        return made[0] if len(made) == 1 else None

    # -- parts

    def is_list(self, node: ast.expr) -> bool:
        """Whether an expression is a list, or a name that was bound to one in the cell."""
        kinds = (ast.List, ast.ListComp, ast.Tuple)
        tree = self.rw.text.tree
        assert tree is not None
        if isinstance(node, kinds):
            return True
        made = [
            n.value for n in ast.walk(tree) if isinstance(n, ast.Assign)
            and isinstance(node, ast.Name)
            and any(isinstance(t, ast.Name) and t.id == node.id for t in n.targets)
        ]  # fmt: skip
        return bool(made) and all(
            isinstance(v, kinds) or (isinstance(v, ast.BinOp) and isinstance(v.left, ast.List))
            for v in made
        )

    def _renamed(self, node: ast.Call, name: str) -> None:
        rw = self.rw
        func = node.func
        rw.put(node, lambda: f"{rw.tf}.{name}{self._brackets(node)}")
        del func

    def _brackets(self, node: ast.Call) -> str:
        """A call's arguments with their brackets, as written."""
        whole, func = self.rw.inside(node), self.rw.inside(node.func)
        return whole[len(func) :] if whole.startswith(func) else "(" + self._joined("", node) + ")"

    def _prefixed(self, node: ast.Call, value: ast.expr, name: str) -> None:
        rw = self.rw
        rw.put(node, lambda: f"{rw.tf}.{name}({self._joined(rw.out(value), node)})")

    def _joined(self, first: str, node: ast.Call) -> str:
        rw = self.rw
        parts = [first] if first else []
        parts += [rw.out(a) for a in node.args]
        parts += [f"{k.arg}={rw.out(k.value)}" for k in node.keywords]
        return ", ".join(parts)

    def _only(self, node: ast.Call, inner: ast.expr) -> None:
        self.rw.put(node, lambda: self.rw.out(inner))

    def _dtype(self, node: ast.expr) -> str:
        written = dotted(node)
        name = written.rsplit(".", 1)[-1]
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = node.value
        if name in ("float", "float64", "double", "float32", "single"):
            return f"{self.rw.tf}.float32"
        if name in ("float16", "complex64"):
            return f"{self.rw.tf}.{name}"
        raise NoRepair


def _is_range(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func).rsplit(".", 1)[-1] in (
        "arange",
        "range",
    )


def ops_alias(rw: Rewriter) -> str:
    """The name under which a cell can reach ``keras.ops``."""
    tree = rw.text.tree
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.ImportFrom) and node.module in ("keras", "tensorflow.keras"):
            for alias in node.names:
                if alias.name == "ops":
                    return alias.asname or "ops"
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Import) and any(a.name == "keras" for a in node.names):
            return "keras.ops"
    return f"{rw.tf}.keras.ops"
