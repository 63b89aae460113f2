"""NaN or Inf, and the op where it was born in the backward pass."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.edits import calls_in, dotted
from tapemagic.diagnosis.repairs.finite import finite
from tapemagic.traces.model import BackwardStep, Op, Site, Tensor

TEXT = """
The value of the target may be fine and its gradient not: the derivative of a square root or a norm
at zero is infinite, that of a log too, and zero times infinity is NaN. In `tf.where(c, f(x), 0.0)` the
branch that was not chosen still enters the backward pass, as zero times its derivative.
"""
EXAMPLE = """import tensorflow as tf

x = tf.Variable([0.0, 4.0])
with tf.GradientTape() as tape:
    y = tf.reduce_sum(tf.sqrt(x))
grad = tape.gradient(y, x)
"""
MENDED = EXAMPLE.replace("tf.sqrt(x)", "tf.sqrt(x + 1e-12)")
BORN = {
    "Sqrt": "the derivative of a square root at 0 is infinite",
    "Rsqrt": "the derivative of 1/sqrt at 0 is infinite",
    "Log": "the derivative of a log at 0 is infinite",
    "Log1p": "the derivative of log1p at -1 is infinite",
    "RealDiv": "a division by 0",
    "Div": "a division by 0",
    "Reciprocal": "the reciprocal of 0",
    "Pow": "the derivative of this power at 0 is infinite or not a number",
    "Acos": "the derivative of acos at 1 or -1 is infinite",
    "Asin": "the derivative of asin at 1 or -1 is infinite",
    "Exp": "the exponential overflows",
    "Atan2": "the angle of a zero vector has no derivative",
}


def recognise(case: Case) -> Found | None:
    """The first backward op that was given finite numbers and returned others."""
    if case.status not in ("nan", "inf"):
        return None
    found = born(case)
    kind = "NaN" if case.status == "nan" else "Inf"
    if found is None:
        return Found(
            case.view.query.at,
            f"The gradient of `{case.name}` holds {kind}; the backward op where it first appeared "
            "was not seen.",
            "Look for a log, a square root, a norm or a division at 0.",
            certain=False,
        )
    op, _ = found
    value = _value(case, op)
    forward = _forward(case, op)
    if forward is None and not value and _gives(case, op):
        forward = op
    if forward is not None:
        return _overflowed(case, _earlier(case, forward) or forward, kind)
    at = op.at
    reason = BORN.get(op.type, "its derivative is not finite here")
    norm = _call(case, at, "norm")
    what = "tf.norm of a zero vector: " if norm is not None and op.type == "Sqrt" else ""
    return Found(
        at,
        f"The first {kind} of the backward pass was born in {op.type} (`{case.written(at)}` on "
        f"{case.line(at)}): {what}{reason}{value}.",
        _trap(case, op) or _advice(op.type, norm is not None),
        finite(case, op, at),
        level="warning",
    )


def born(case: Case) -> tuple[Op, BackwardStep] | None:
    """The first step whose upstream gradients were finite and whose results were not."""
    view = case.view
    for step in view.query.steps:
        if step.op is not None and not step.finite and step.upstream_finite:
            return view.trace.ops[step.op], step
    return None


def _forward(case: Case, op: Op) -> Op | None:
    """The forward op that first gave a NaN or Inf, where the values of its results were kept."""
    view = case.view
    found = None
    while True:
        bad = [t for t in op.inputs if _not_finite(view.trace.tensors.get(t))]
        makers = [view.graph.maker[t] for t in bad if t in view.graph.maker]
        if not makers:
            return found
        op = found = view.trace.ops[makers[0]]


# Which input decides, and when the result can't be finite.
_SURE: dict[str, tuple[int, Callable[[float], bool]]] = {
    "RealDiv": (1, lambda v: v == 0),
    "Div": (1, lambda v: v == 0),
    "Reciprocal": (0, lambda v: v == 0),
    "Rsqrt": (0, lambda v: v <= 0),
    "Sqrt": (0, lambda v: v < 0),
    "Log": (0, lambda v: v <= 0),
    "Log1p": (0, lambda v: v <= -1),
}


def _earlier(case: Case, op: Op) -> Op | None:
    """An op before, whose result was too large to be kept and can't have been finite."""
    view = case.view
    found, todo, seen = None, list(op.inputs), set[int]()
    while todo:
        tensor = todo.pop()
        facts = view.trace.tensors.get(tensor)
        maker = view.graph.maker.get(tensor)
        if maker is None or maker in seen or (facts is not None and facts.value is not None):
            continue  # a value that was kept is known to be finite here
        seen.add(maker)
        one = view.trace.ops[maker]
        position, bad = _SURE.get(one.type, (0, _never))
        decides = view.trace.tensors.get(one.inputs[position]) if one.inputs else None
        if decides is not None and decides.value is not None:
            if any(isinstance(v, (int, float)) and bad(v) for v in _flat(decides.value)):
                found = one if found is None or one.index < found.index else found
        todo += one.inputs
    return found


def _never(_value: float) -> bool:
    return False


def _gives(case: Case, op: Op) -> bool:
    """Whether an op's own results are not finite, though its inputs are."""
    return any(_not_finite(case.view.trace.tensors.get(t)) for t in op.outputs)


def _not_finite(facts: Tensor | None) -> bool:
    return facts is not None and any(isinstance(v, str) for v in _flat(facts.value))


def _overflowed(case: Case, op: Op, kind: str) -> Found:
    at = op.at
    value = f": {BORN[op.type]}{_value(case, op)}" if op.type in _SURE else ""
    return Found(
        at,
        f"{op.type} (`{case.written(at)}` on {case.line(at)}) already gives a value that is not "
        f"finite in the forward pass{value}, and the {kind} of the gradient comes from it.",
        _trap(case, op)
        or (
            "Use tf.math.l2_normalize, which keeps away from zero."
            if _normalises(case, at)
            else None
        )
        or (_advice(op.type, norm=False) if op.type in _SURE else None)
        or "Keep its input in range: subtract the maximum before exp (or use tf.nn.softmax, "
        "tf.math.log_softmax), and add a small epsilon to what is divided by, or goes into a log.",
        finite(case, op, at),
    )


def _value(case: Case, op: Op) -> str:
    """The element that did it, where values were kept."""
    decides = op.inputs[_SURE[op.type][0] :][:1] if op.type in _SURE else op.inputs
    for tensor in decides:
        facts = case.view.trace.tensors.get(tensor)
        if facts is None or facts.value is None:
            continue
        flat = _flat(facts.value)
        bad = [v for v in flat if v == 0 or isinstance(v, str)]
        if bad:
            return f" (element {flat.index(bad[0])} of {case.call_it(tensor)} is {bad[0]})"
    return ""


def _flat(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [v for part in value for v in _flat(part)]
    return [value]


def _trap(case: Case, op: Op) -> str | None:
    """The advice for tf.where: the side that is not chosen is differentiated too."""
    view = case.view
    reached = set(op.outputs)
    for other in view.trace.ops[op.index + 1 : op.index + 40]:
        if any(t in reached for t in other.inputs):
            if other.type in ("Select", "SelectV2"):
                second = len(other.inputs) > 2 and other.inputs[2] in reached
                safe = (
                    "tf.where(c, x, f(tf.where(c, 1.0, x)))"
                    if second
                    else "tf.where(c, f(tf.where(c, x, 1.0)), x)"
                )
                return (
                    f"tf.where on {case.line(other.at)} also runs backwards through the side that it "
                    f"did not choose. Give `{case.written(op.at, 40)}` a harmless input where its "
                    f"result is not used, as in {safe} for an f that is dangerous there."
                )
            reached.update(other.outputs)
    return None


def _advice(kind: str, norm: bool) -> str:
    if norm:
        return (
            "Keep the norm away from zero: tf.sqrt(tf.reduce_sum(tf.square(x)) + eps) with a small "
            "epsilon such as 1e-12."
        )
    if kind in ("Log", "Log1p"):
        return (
            "Add a small epsilon inside the log (tf.math.log(x + 1e-12)), use tf.math.xlogy for "
            "x * log(x), or a loss with from_logits=True (log_softmax) for probabilities."
        )
    if kind in ("Sqrt", "Rsqrt", "Pow"):
        return (
            "Add a small epsilon under the root (tf.sqrt(x + 1e-12)); with tf.where put the safe "
            "value inside: tf.sqrt(tf.where(x > 0, x, 1.0))."
        )
    if kind in ("RealDiv", "Div", "Reciprocal"):
        return "Use tf.math.divide_no_nan, or add a small epsilon to the denominator."
    return "Keep its input inside the range in which its derivative is finite (clip it, or add an epsilon)."


def _normalises(case: Case, at: Site | None) -> bool:
    call = _call(case, at, "normalize")
    return call is not None and dotted(call.func).endswith("linalg.normalize")


def _call(case: Case, at: Site | None, name: str) -> ast.Call | None:
    if at is None or not at.here:
        return None
    node = case.here.statement_at(at.line)
    if node is None:
        return None
    whole = at.expr or span(node)
    calls = calls_in(case.here, whole, lambda c: dotted(c.func).rsplit(".", 1)[-1] == name)
    return calls[0] if len(calls) == 1 else None


CAUSE = Cause(
    "nan-gradient", "The gradient holds NaN or Inf", "warning", TEXT, EXAMPLE, MENDED, recognise
)
