"""NaN or Inf, and the op where it was born in the backward pass."""

from __future__ import annotations

import ast
from collections.abc import Callable

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.edits import calls_in, dotted
from tapemagic.diagnosis.nonfinite import Birth, first_bad, flat, holds, masked
from tapemagic.diagnosis.repairs.finite import finite
from tapemagic.diagnosis.repairs.mask import unmasked
from tapemagic.diagnosis.risky import risky
from tapemagic.diagnosis.underflow import underflowed
from tapemagic.traces.model import BackwardStep, Op, Site

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
    op, step = found
    value = _value(case, op)
    birth = first_bad(case.view, op)
    made = op if birth is None else birth.op
    if made is not None and made.rule == "function":
        return _in_function(case, made, kind)
    if birth is not None and birth.op is None:
        return _given(case, birth, kind)
    if birth is not None and birth.op is not None:
        earlier = _earlier(case, birth.op)
        if earlier is None and birth.kind == "nan":
            return _nan(case, birth, birth.op, kind)
        return _overflowed(case, earlier or birth.op, kind)
    mask = masked(case.view, op)
    if mask is None and any(_not_finite(case, t) for t in op.outputs):
        return _overflowed(case, op if value else _earlier(case, op) or op, kind)
    at = op.at
    reason = BORN.get(op.type, "its derivative is not finite here")
    if mask is not None and op.type not in _SURE:
        return _at_mask(case, op, mask, kind)
    norm = _call(case, at, "norm")
    what = "tf.norm of a zero vector: " if norm is not None and op.type == "Sqrt" else ""
    return Found(
        at,
        f"The first {_first_kind(step) or kind} of the backward pass was born in {op.type} "
        f"(`{case.written(at)}` on {case.line(at)}): {what}{reason}{value}.{_turned(case, step)}",
        _trap(case, op) or _advice(op.type, norm is not None),
        finite(case, op, at),
        level="warning",
    )


def _first_kind(step: BackwardStep) -> str:
    """What a backward op returned, NaN or Inf; "" where its values were not kept."""
    kinds = {v for value in step.values for v in flat(value) if isinstance(v, str)}
    return "NaN" if "nan" in kinds else "Inf" if kinds else ""


def _turned(case: Case, born_at: BackwardStep) -> str:
    """The sentence on the backward op that made NaN of the Inf that was born first."""
    steps = case.view.query.steps
    if _first_kind(born_at) != "Inf" or case.status != "nan":
        return ""
    after = steps[next(i for i, step in enumerate(steps) if step is born_at) + 1 :]
    turn = next((step for step in after if not step.finite and _first_kind(step) != "Inf"), None)
    if turn is None or turn.op is None or not _first_kind(turn):
        return ""
    op = case.view.trace.ops[turn.op]
    place = f" (`{case.written(op.at)}` on {case.line(op.at)})" if op.at is not None else ""
    return f" It turns into NaN in {op.type}{place}."


def _in_function(case: Case, op: Op, kind: str) -> Found:
    """A call of a tf.function, whose inner values are not observed: the ops in it that can do it."""
    registry, at = case.view.registry, op.at
    body = registry.body(op.body) if registry is not None and op.body is not None else None
    inner = risky(body, BORN) if body is not None else []
    facts = [case.view.trace.tensors.get(t) for t in op.inputs]
    given = [holds(f) for f in facts if f is not None and f.kind != "variable"]
    fine = all(what == "finite" for what in given)
    told = (
        "it was given finite numbers, and gave others"
        if fine
        else "what it was given was not looked at, and may hold it already"
    )
    one = inner[0] if fine and len({made.at for made in inner}) == 1 else None
    reasons = dict.fromkeys(
        f"{made.type} on {case.line(made.at)} ({BORN[made.type]})" for made in inner
    )
    can = f" In it, {' or '.join(list(reasons)[:3])} can do that." if reasons else ""
    return Found(
        at if one is None else one.at,
        f"The {kind} came from the function that `{case.written(at)}` on {case.line(at)} calls: "
        f"{told}.{can}",
        "Run the cell once with tf.config.run_functions_eagerly(True): then the line in it where the "
        f"{kind} is born is shown."
        if one is None
        else _advice(one.type, norm=False),
        finite(case, one, one.at) if one is not None else None,
        certain=one is not None,
    )


def born(case: Case) -> tuple[Op, BackwardStep] | None:
    """The first step whose upstream gradients were finite and whose results were not."""
    view = case.view
    for step in view.query.steps:
        if step.op is not None and not step.finite and step.upstream_finite:
            return view.trace.ops[step.op], step
    return None


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
        if maker is None or maker in seen or holds(facts):
            continue  # it is known, and finite here
        seen.add(maker)
        one = view.trace.ops[maker]
        position, bad = _SURE.get(one.type, (0, _never))
        decides = view.trace.tensors.get(one.inputs[position]) if one.inputs else None
        if decides is not None and decides.value is not None:
            if any(isinstance(v, (int, float)) and bad(v) for v in flat(decides.value)):
                found = one if found is None or one.index < found.index else found
        todo += one.inputs
    return found


_FORWARD = {
    "RealDiv": "a division by 0",
    "Div": "a division by 0",
    "Reciprocal": "the reciprocal of 0",
    "Rsqrt": "1/sqrt of 0, or of a negative number",
    "Sqrt": "the square root of a negative number",
    "Log": "the log of 0, or of a negative number",
    "Log1p": "log1p of -1, or of less",
}


def _never(_value: float) -> bool:
    return False


def _not_finite(case: Case, tensor: int) -> bool:
    return _held(case, tensor) in _SAID


def _given(case: Case, birth: Birth, kind: str) -> Found:
    """Data or a variable that held it before anything was computed."""
    view = case.view
    user = birth.user
    held = "NaN" if birth.kind == "nan" else "Inf"
    at = case.made_at(birth.tensor)
    reader = user.at if user is not None else None
    reads = f"`{case.written(reader)}` on {case.line(reader)}"
    maker = view.graph.maker.get(birth.tensor)
    handle = None
    if maker is not None and view.trace.ops[maker].inputs:
        handle = view.graph.root(view.trace.ops[maker].inputs[0])
    if handle is not None:
        written = [i for i in view.graph.writes.get(handle, ()) if i < (maker or 0)]
        last = view.trace.ops[written[-1]].at if written else None
        where = (
            f" It was last written by `{case.written(last)}` on {case.line(last)}." if last else ""
        )
        first = len(written) == 1 and view.graph.is_first_write(handle, written[0])
        return Found(
            last if last is not None and last.here else reader or view.query.at,
            f"{case.call_it(handle)} already holds {held} when {reads} reads it, and the {kind} of "
            f"the gradient comes from it.{where}",
            "Begin with values that are finite."
            if first
            else "Find the step at which it left the finite numbers: a smaller learning rate, or clipped "
            "gradients (tf.clip_by_norm, or clipnorm=1.0 of the optimizer), keep it in range; then "
            "begin again from finite values.",
        )
    named = case.call_it(birth.tensor)
    name = named if named.startswith("`") else f"The data that {reads} takes"
    verb = "holds" if named.startswith("`") else "hold"
    before = f" before {reads} computes with it" if named.startswith("`") else ""
    text = case.text(at)
    if at is not None and text is not None:
        if isinstance(text.statement_at(at.line), (ast.FunctionDef, ast.AsyncFunctionDef)):
            at = reader  # a parameter's name says nothing of where the data came from
    return Found(
        at or reader or view.query.at,
        f"{name} already {verb} {held}{before}: it is in the data, and the {kind} of the gradient "
        "comes from it.",
        "Look for it in the data (tf.math.is_finite, np.isnan) and drop those rows or fill them in "
        "before they are used.",
    )


def _nan(case: Case, birth: Birth, op: Op, kind: str) -> Found:
    """An op that made NaN out of values without one."""
    if birth.mask is not None:
        return _at_mask(case, op, birth.mask, kind)
    held = [holds(case.view.trace.tensors.get(t)) for t in op.inputs]
    infinite = any(h in ("inf", "-inf") for h in held)
    reason = (_OF_INFINITE if infinite else _OF_FINITE).get(op.type)
    if reason is None or op.type in _SURE:
        return _overflowed(case, op, kind)
    found = _overflowed(case, op, kind, f": {reason}")
    found.fix = _INSIDE.get(op.type, found.fix)
    if op.type == "Pow":
        found.fixed_source = None  # no epsilon makes a negative number positive
    return found


_INSIDE = {
    "Mean": "Divide the sum by a count that is at least 1: tf.reduce_sum(x) / tf.maximum(count, 1.0), "
    "or tf.math.divide_no_nan.",
    "Pow": "Keep the base positive: tf.abs(x), tf.nn.softplus(x), or tf.maximum(x, 1e-12).",
}


_OF_INFINITE = {
    "Mul": "zero times infinity",
    "Sub": "infinity minus infinity",
    "AddV2": "infinity minus infinity",
    "Softmax": "infinity minus infinity in the exponents",
    "LogSoftmax": "infinity minus infinity in the exponents",
    "RealDiv": "infinity divided by infinity",
}
_OF_FINITE = {
    "Pow": "a negative number to a power that is not whole",
    "Acos": "an argument outside -1 to 1",
    "Asin": "an argument outside -1 to 1",
    "Atanh": "an argument outside -1 to 1",
    "Acosh": "an argument below 1",
    "Mean": "the mean of no elements",
}
_OF_MASKED = {
    "Mul": "zero times infinity",
    "Softmax": "a row in which everything is masked has no softmax",
    "LogSoftmax": "a row in which everything is masked has no softmax",
}


def _at_mask(case: Case, op: Op, mask: Op, kind: str) -> Found:
    """An infinity that was meant, as a mask, met an op that makes NaN of it."""
    at = op.at
    reason = (
        _OF_MASKED.get(op.type) or _OF_INFINITE.get(op.type) or "it makes no number of infinity"
    )
    return Found(
        at,
        f"{op.type} (`{case.written(at)}` on {case.line(at)}) gives NaN where it meets the infinity "
        f"of the mask `{case.written(mask.at)}` on {case.line(mask.at)}: {reason}. The {kind} of the "
        "gradient comes from it.",
        "Mask with a large finite number such as -1e9 instead of -inf.",
        unmasked(case, mask),
    )


_SAID = {"nan": "NaN", "inf": "Inf", "-inf": "-Inf"}


def _held(case: Case, tensor: int) -> str:
    return holds(case.view.trace.tensors.get(tensor))


def _of_target(case: Case) -> str:
    """The words on a target that is not finite itself, which comes before any derivative."""
    for target in case.view.query.targets:
        said = _SAID.get(_held(case, target.tensor)) if target.tensor is not None else None
        if said is not None:
            return f"`{target.name}` itself is {said}: "
    return ""


_LOGITS = "or a loss with from_logits=True."
_TOO_SMALL = {
    "Exp": (
        "Stay in log space: tf.reduce_logsumexp(z, axis) for log(sum(exp(z))), where a factor w of "
        "exp(z) goes in as z + log(w); and z itself for log(exp(z))."
    ),
    "Softmax": f"Take the log from the logits: tf.nn.log_softmax(logits), {_LOGITS}",
    "Sigmoid": "Take the log from the logits: tf.math.log_sigmoid(z), with -z for "
    f"log(1 - sigmoid(z)), {_LOGITS}",
}  # fmt: skip


def _too_small(case: Case, log: Op, small: Op, kind: str) -> Found:
    """The log of a zero that stands for a number too small for its dtype."""
    at, zero = log.at, case.call_it(log.inputs[0])
    facts = case.view.trace.tensors.get(log.inputs[0])
    element = ""
    if facts is not None and isinstance(facts.value, list):
        element = f" (element {flat(facts.value).index(0)})"
    held = _SAID.get(_held(case, log.outputs[0]), "-Inf")
    made = f"`{case.written(small.at)}` on {case.line(small.at)}"
    return Found(
        at,
        f"{_of_target(case)}`{case.written(at)}` on {case.line(at)} is {held} where "
        f"{zero if zero.startswith('`') else 'its input'} is 0{element}. That is no true zero: "
        f"{made} is never exactly {'0' if small.type == 'Exp' else '0 or 1'}, its dtype rounded it. "
        f"The {kind} of the gradient comes from it.",
        f"{_TOO_SMALL[small.type]} An epsilon in the log is a makeshift: no {kind} any more, but the "
        "derivative there is 0, which is not the true one.",
        finite(case, log, at, exact=True),
    )


def _overflowed(case: Case, op: Op, kind: str, why: str = "") -> Found:
    at = op.at
    small = underflowed(case.view, op) if _trap(case, op) is None else None
    if small is not None:
        return _too_small(case, op, small, kind)
    value = f": {_FORWARD[op.type]}{_value(case, op)}" if op.type in _SURE else why
    held = _SAID.get(_held(case, op.outputs[0]), "a value that is not finite")
    grown = op.type in _GROWING and not _has_zero(case, op) and not _normalises(case, at)
    if grown and not why:
        value = ": it is too large for its dtype"
    fix = "Use tf.math.l2_normalize, which keeps away from zero." if _normalises(case, at) else None
    if op.type in _SURE:
        fix = fix or _advice(op.type, norm=False)
    elif grown:
        fix = fix or (
            "Keep its input small: a smaller learning rate, clipped gradients (tf.clip_by_norm), or "
            "inputs that are scaled to about 1."
        )
    return Found(
        at,
        f"{_of_target(case)}{op.type} (`{case.written(at)}` on {case.line(at)}) already gives {held} "
        f"in the forward pass{value}, and the {kind} of the gradient comes from it.",
        _trap(case, op)
        or fix
        or _out_of_range(case, op)
        or "Keep its input in range: subtract the maximum before exp (or use tf.nn.softmax, "
        "tf.math.log_softmax), and add a small epsilon to what is divided by, or goes into a log.",
        None if grown else finite(case, op, at),
    )


_EXPONENTS = ("Exp", "Softmax", "LogSoftmax", "Expm1", "Sinh", "Cosh")


def _out_of_range(case: Case, op: Op) -> str | None:
    """The advice for an op of one input, with the element that it can't take where that was kept."""
    if op.type in _EXPONENTS or len(op.inputs) != 1:
        return None
    facts = [case.view.trace.tensors.get(t) for t in (op.inputs[0], op.outputs[0])]
    given, gave = (flat(f.value) if f is not None and f.value is not None else [] for f in facts)
    bad = [k for k, v in enumerate(gave) if isinstance(v, str)] if len(given) == len(gave) else []
    which = f": element {bad[0]} of {case.call_it(op.inputs[0])} is {given[bad[0]]}" if bad else ""
    return f"Keep its input inside the range in which {op.type} is finite{which}. Clip it, for example."


_GROWING = frozenset(
    [
        "Pow",
        "Mul",
        "Square",
        "MatMul",
        "BatchMatMulV2",
        "Conv2D",
        "AddV2",
        "Sub",
        "BiasAdd",
        "Sum",
        "Mean",
    ]
)
"""Ops that give Inf of finite inputs only when the inputs are too large (a power: also at zero)."""


def _has_zero(case: Case, op: Op) -> bool:
    if op.type != "Pow":
        return False
    facts = case.view.trace.tensors.get(op.inputs[0])
    return facts is None or facts.value is None or 0 in flat(facts.value)


def _value(case: Case, op: Op) -> str:
    """The element that did it, where values were kept."""
    decides = op.inputs[_SURE[op.type][0] :][:1] if op.type in _SURE else op.inputs
    for tensor in decides:
        facts = case.view.trace.tensors.get(tensor)
        if facts is None or facts.value is None:
            continue
        listed = flat(facts.value)
        bad = [v for v in listed if v == 0 or isinstance(v, str)]
        if bad:
            return f" (element {listed.index(bad[0])} of {case.call_it(tensor)} is {bad[0]})"
    return ""


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
                written = case.written(other.at, 40)
                if "where" not in written and "cond" not in written and written:
                    return (
                        f"`{written}` on {case.line(other.at)} replaces the value, not the gradient: "
                        f"it also runs backwards through what it replaced. Give "
                        f"`{case.written(op.at, 40)}` an input at which its derivative is finite."
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
