"""The body of a ``tf.py_function`` or ``tf.numpy_function``, written with TensorFlow ops.

Such a body runs where its values are not observed, so what is an array in it follows from the
text: what was made from the function's arguments.
"""

from __future__ import annotations

import ast

from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import dotted
from tapemagic.diagnosis.repairs.arrays import Arrays
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical
from tapemagic.traces.model import Mark, Site

_CALLS = ("py_function", "numpy_function", "py_func", "eager_py_func")
_BLIND = frozenset(["len", "print", "isinstance", "type", "range", "zip", "enumerate"])
_SHAPES = frozenset(["shape", "dtype", "ndim"])


@mechanical
def with_tensors(case: Case, at: Site | None) -> str | None:
    """The cell with the function's body in TensorFlow ops, called by ``tf.py_function``."""
    if at is None or not at.here:
        return None
    rw = Rewriter(case.here)
    statement = case.here.statement_at(at.line)
    whole: ast.AST | None = case.node(at) or statement
    calls = [
        n for n in ast.walk(whole) if isinstance(n, ast.Call)
        and dotted(n.func).rsplit(".", 1)[-1] in _CALLS
    ] if whole is not None else []  # fmt: skip
    if len(calls) != 1:
        return None
    call = calls[0]
    given = call.args[0] if call.args else next(k.value for k in call.keywords if k.arg == "func")
    for keyword in call.keywords:
        if keyword.arg == "stateful":
            raise NoRepair
    if not dotted(call.func).endswith(".py_function"):
        root = dotted(call.func).split(".", maxsplit=1)[0]
        rw.put(call.func, lambda: f"{root}.py_function")
    _body(case, rw, given)
    return rw.source()


@mechanical
def called_directly(case: Case, mark: Mark) -> str | None:
    """``tf.numpy_function(f, [], ..)`` becomes ``f()``, which returns tensors that it had as arrays.

    Args:
        case: A source that the function reads by itself.
        mark: What left TensorFlow in the function, and came out of it.
    """
    call = case.node(mark.at)
    if mark.at is None or not mark.at.here or not isinstance(call, ast.Call):
        return None
    if len(call.args) != 3 or call.keywords or ast.unparse(call.args[1]) not in ("[]", "()"):
        return None
    rw = Rewriter(case.here)
    sites = [case.view.trace.marks[number].at for number in mark.marks]
    arrays = [case.node(site) for site in sites if site is not None and site.here]
    found = 0
    for node in arrays:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        ends = [n for n in rw.above(node) if isinstance(n, ast.Return)]
        if node.func.attr == "numpy" and not node.args and ends:
            value = node.func.value
            rw.put(node, lambda value=value: rw.inside(value))  # type: ignore[misc]
            found += 1
    function = call.args[0]
    rw.put(call, lambda: f"{rw.operand(function)}()")
    return rw.source() if found else None


def _body(case: Case, rw: Rewriter, given: ast.expr) -> None:
    arrays = Arrays(rw, lambda node: node in flow)
    if isinstance(given, ast.Lambda):
        flow = Flow(given, [a.arg for a in given.args.args])
        _change(arrays, flow, given)
        return
    name = dotted(given)
    if name.startswith(f"{arrays.np}."):
        made = ast.parse(f"{name}(x)", mode="eval").body
        assert isinstance(made, ast.Call)
        from tapemagic.diagnosis.repairs.counterparts import REDUCTIONS, SAME

        last = name.removeprefix(f"{arrays.np}.")
        other = REDUCTIONS.get(last) or SAME.get(last)
        if other is None:
            raise NoRepair
        rw.put(given, lambda: f"{rw.tf}.{other}")
        return
    tree = case.here.tree
    assert tree is not None
    bodies = [
        n for n in ast.walk(tree)
        if isinstance(n, ast.FunctionDef) and n.name == name.rsplit(".", 1)[-1]
    ]  # fmt: skip
    if len(bodies) != 1:
        raise NoRepair
    body = bodies[0]
    names = [a.arg for a in body.args.args if a.arg != "self"]
    flow = Flow(body, names)
    _change(arrays, flow, body)


def _change(arrays: Arrays, flow: Flow, body: ast.AST) -> None:
    # The outermost first: a method's call is changed before what it is called on.
    for node in flow.inner(body):
        if not isinstance(node, ast.expr):
            if isinstance(node, (ast.Assign, ast.AugAssign)):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if isinstance(target, ast.Subscript):
                    raise NoRepair
            continue
        if isinstance(node, ast.Attribute):
            if node.attr in ("T", "size") and node.value in flow:
                arrays.change(node)
        elif node in flow and isinstance(node, (ast.Call, ast.Subscript, ast.BinOp)):
            arrays.change(node)


class Flow:
    """Which expressions of a function hold what was made from its arguments."""

    def __init__(self, body: ast.AST, names: list[str]) -> None:
        self.names = set(names)
        before = -1
        while before != len(self.names):
            before = len(self.names)
            for node in self.inner(body):
                self._bind(node)

    @staticmethod
    def inner(body: ast.AST) -> list[ast.AST]:
        """The nodes of a function's body, without its decorators."""
        held = body.body if isinstance(body, (ast.FunctionDef, ast.Lambda)) else body
        parts: list[ast.AST] = [*held] if isinstance(held, list) else [held]
        return [n for part in parts for n in ast.walk(part)]

    def _bind(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign) and node.value in self:
            self._store(*node.targets)
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign, ast.NamedExpr)):
            if node.value is not None and node.value in self:
                self._store(node.target)
        elif isinstance(node, (ast.For, ast.comprehension)) and node.iter in self:
            self._store(node.target)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("append", "extend") and any(a in self for a in node.args):
                self._store(node.func.value)

    def _store(self, *targets: ast.expr) -> None:
        for target in targets:
            for node in ast.walk(target):
                if isinstance(node, ast.Name):
                    self.names.add(node.id)

    def __contains__(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Name):
            return node.id in self.names
        if isinstance(node, ast.Attribute) and node.attr in _SHAPES:
            return False
        if isinstance(node, ast.Call) and dotted(node.func) in _BLIND:
            return False
        if isinstance(node, ast.Lambda):
            return False
        return any(child in self for child in ast.iter_child_nodes(node))
