"""Functions that are flat where their inputs lie: the value kept, or a neighbour that is not flat."""

from __future__ import annotations

import ast

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import calls_in, dotted
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical
from tapemagic.diagnosis.repairs.soft import straight_through
from tapemagic.traces.model import Op

_CALLS = {
    "Sign": ("sign",), "ClipByValue": ("clip_by_value", "clip"), "Relu6": ("relu6",),
    "Minimum": ("minimum", "clip_by_value", "clip"), "Maximum": ("maximum", "clip_by_value", "clip"),
}  # fmt: skip


@mechanical
def enlivened(case: Case, op: Op, kind: str) -> str | None:
    """The cell with the op that killed the gradient replaced, where a usual stand-in exists."""
    at = op.at
    if at is None or not at.here:
        return None
    rw = Rewriter(case.here)
    statement = case.here.statement_at(at.line)
    if statement is None:
        return None
    if kind == "Relu":
        return _relu(case, rw, op, statement)
    if kind == "ReluGrad":
        return _bent(rw)
    if kind == "Softmax":
        return _one_unit(case, rw, op, statement)
    names = _CALLS.get(kind, ())
    calls = calls_in(case.here, at.expr or span(statement), lambda c: _last(c) in names)
    if len(calls) == 1:
        straight_through(rw, calls[0], _value(case, calls[0], op))
        return rw.source()
    if not calls and kind == "Sign":
        handed = [n for n in _attributes(rw) if n.attr == "sign"]
        if len(handed) == 1:
            func, stop = handed[0], f"{rw.tf}.stop_gradient"
            rw.put(func, lambda: f"lambda v: v + {stop}({rw.inside(func)}(v) - v)")
            return rw.source()
    return None


@mechanical
def by_moving_averages(case: Case, op: Op) -> str | None:
    """A normalization layer that was called with ``training=..`` is called with False."""
    call = case.node(op.at)
    if op.at is None or not op.at.here or not isinstance(call, ast.Call) or len(op.scope) != 1:
        return None
    told = next(k.value for k in call.keywords if k.arg == "training")
    rw = Rewriter(case.here)
    rw.put(told, lambda: "False")
    return rw.source()


def _last(call: ast.Call) -> str:
    return dotted(call.func).rsplit(".", 1)[-1]


def _value(case: Case, call: ast.Call, op: Op) -> ast.expr:
    """The argument through which the value came; of a bound it is the first."""
    del case
    if _last(call) in ("minimum", "maximum") and len(call.args) == 2:
        literal = [isinstance(a, (ast.Constant, ast.UnaryOp)) for a in call.args]
        if literal == [True, False]:
            raise NoRepair
        if literal != [False, True]:
            raise NoRepair  # which of the two is the bound is for the person to say
    del op
    return call.args[0]


def _attributes(rw: Rewriter) -> list[ast.Attribute]:
    assert rw.text.tree is not None
    return [
        n for n in ast.walk(rw.text.tree)
        if isinstance(n, ast.Attribute) and dotted(n) and not _called(rw, n)
    ]  # fmt: skip


def _called(rw: Rewriter, node: ast.expr) -> bool:
    parent = rw.parents.get(id(node))
    return isinstance(parent, ast.Call) and parent.func is node


def _relu(case: Case, rw: Rewriter, op: Op, statement: ast.AST) -> str | None:
    """A relu that is dead here learns again as a leaky one."""
    assert op.at is not None
    calls = calls_in(case.here, op.at.expr or span(statement), lambda c: _last(c) == "relu")
    if len(calls) == 1 and dotted(calls[0].func) in (f"{rw.tf}.nn.relu", f"{rw.tf}.keras.ops.relu"):
        func = calls[0].func
        rw.put(func, lambda: f"{rw.inside(func).removesuffix('relu')}leaky_relu")
        return rw.source()
    if calls:
        return None
    named = rw.strings("relu")
    if len(named) == 1:
        rw.put(named[0], lambda: '"leaky_relu"')
        return rw.source()
    handed = [n for n in _attributes(rw) if dotted(n) == f"{rw.tf}.nn.relu"]
    if len(handed) == 1 and not named:
        rw.put(handed[0], lambda: f"{rw.tf}.nn.leaky_relu")
        return rw.source()
    return None


def _bent(rw: Rewriter) -> str | None:
    """A relu has no second derivative: all of a network become a tanh."""
    named = rw.strings("relu")
    handed = [n for n in _attributes(rw) if n.attr == "relu"]
    called = [
        n.func for n in ast.walk(rw.text.tree)  # type: ignore[arg-type]
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr == "relu"
    ]  # fmt: skip
    whole = (ast.FunctionDef, ast.ClassDef, ast.Assign)
    homes = {
        id(next((a for a in reversed(rw.above(n)) if isinstance(a, whole)), n))
        for n in (*named, *handed, *called)
    }
    if len(homes) != 1:
        return None  # more than one network
    for text in named:
        rw.put(text, lambda: '"tanh"')
    for func in (*handed, *called):
        rw.put(func, lambda func=func: f"{rw.inside(func).removesuffix('relu')}tanh")  # type: ignore[misc]
    return rw.source()


def _one_unit(case: Case, rw: Rewriter, op: Op, statement: ast.AST) -> str | None:
    """A softmax over a single unit is always 1: what was meant is a sigmoid."""
    facts = case.view.trace.tensors.get(op.inputs[0])
    if facts is None or not facts.shape or facts.shape[-1] != 1:
        return None
    assert op.at is not None
    calls = calls_in(case.here, op.at.expr or span(statement), lambda c: _last(c) == "softmax")
    if len(calls) == 1 and len(calls[0].args) == 1 and not calls[0].keywords:
        func = calls[0].func
        rw.put(func, lambda: f"{rw.inside(func).removesuffix('softmax')}sigmoid")
        return rw.source()
    named = rw.strings("softmax")
    if len(named) == 1 and not calls:
        rw.put(named[0], lambda: '"sigmoid"')
        return rw.source()
    return None
