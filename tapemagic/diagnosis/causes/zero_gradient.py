"""A true zero everywhere: saturated, dead, clipped, sign."""

from __future__ import annotations

from typing import Any

from tapemagic.diagnosis import saturation
from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.parts import JOINS, dropper, mean_of_one, takers
from tapemagic.diagnosis.repairs.lively import by_moving_averages, enlivened
from tapemagic.traces.model import Body, Op, Shape

TEXT = """
The gradient is a number, and the number is zero in every element: the way is open and nothing flows.
A relu whose inputs are all negative, a saturated sigmoid or softmax, a clip beyond its range and
`tf.sign` do this, and so does a branch of a `tf.function` that was not taken.
"""
EXAMPLE = """import tensorflow as tf

x = tf.Variable([0.5, -2.0])
with tf.GradientTape() as tape:
    y = tf.reduce_sum(tf.sign(x) * 3.0)
grad = tape.gradient(y, x)
"""
MENDED = EXAMPLE.replace("tf.sign(x)", "tf.tanh(x)")
REASONS = {
    "Sign": "sign is flat everywhere",
    "Round": "rounding only steps",
    "Floor": "floor only steps",
    "Ceil": "ceil only steps",
    "Relu": "every input of this relu is negative or zero (a dead relu)",
    "ReluGrad": "the second derivative of a relu is zero everywhere",
    "Relu6": "every input of this relu6 is outside the range in which it changes",
    "Sigmoid": "the sigmoid is saturated",
    "Tanh": "the tanh is saturated",
    "Softmax": "the softmax is saturated, or runs over a single unit and is always 1",
    "ClipByValue": "every value was clipped",
    "Minimum": "the other input was always the smaller one",
    "Maximum": "the other input was always the larger one",
    "SelectV2": "the condition always chose the other side",
    "Select": "the condition always chose the other side",
    "Abs": "the values are all exactly zero",
    "Max": "the maximum was never here",
    "Exp": "the exponentials underflow to zero",
    "Square": "the values are all exactly zero",
    "Pow": "the base or exponent makes the derivative zero here",
    "If": "the branch that uses it was not taken",
    "StatelessIf": "the branch that uses it was not taken",
}
INSTEAD = {
    "Sign": "tf.tanh, or a straight-through estimator (tf.custom_gradient)",
    "Relu": "tf.nn.leaky_relu, a smaller learning rate or another initial value",
    "ReluGrad": "an activation that bends, such as tanh, softplus or swish, where second derivatives "
    "are asked",
    "ClipByValue": "a smooth bound such as tf.tanh or tf.sigmoid",
}


def recognise(case: Case) -> Found | None:
    """A backward op was given something and returned zeros, on the way to this source."""
    if case.status != "zero":
        return None
    op = killer(case)
    met = cancelled(case, op)
    added = _spread(case, op) if op is not None else None
    if met is not None and (added is None or _sums_to_zero(case, met[1])):
        return _said_cancelled(case, *met)
    if op is None:
        return Found(
            case.view.query.at,
            f"The gradient of `{case.name}` is exactly zero in every element.",
            None,
            certain=False,
        )
    empty = _emptied(case, op)
    if empty is not None:
        return _said_empty(case, *empty)
    if added is not None:
        return _said_spread(case, op, added)
    if op.type in JOINS and _back(case, op):
        return _said_joined(case, op)
    at, kind = op.at, op.type
    if op.rule == "function" and case.source.tensor in op.inputs:
        branch = _branch(case, op)
        if branch is not None:
            at, kind = branch.at, branch.type
    reason = REASONS.get(kind, "its derivative is zero here")
    instead = INSTEAD.get(kind)
    factor = _zero_factor(case, op)
    if factor is not None:
        reason = f"the other factor, {_named(case, factor)}, is zero everywhere"
    elif kind == "Mul" and case.source.dtype in ("float16", "bfloat16"):
        reason = f"the product is too small for {case.source.dtype} and becomes zero"
        instead = "loss scaling (keras.optimizers.LossScaleOptimizer), or float32 for this step"
    advice = f"Use {instead}." if instead else None
    if kind == "Softmax" and (_shape(case, op) or (0,))[-1] == 1:
        reason = "a softmax over a single unit is always 1"
        advice = "Use a sigmoid for a single unit."
    elif kind == op.type and saturation.saturated(op):
        reason, advice = saturation.reason(case, op), saturation.advice(case, op)
    whole = op.rule == "function" and kind == op.type
    what = "the function that was called" if whole else kind  # its op's name is TensorFlow's own
    return Found(
        at,
        f"The gradient of `{case.name}` is exactly zero: {what} (`{case.written(at)}` on "
        f"{case.line(at)}) lets nothing through; {reason}.",
        advice
        or (
            "Nothing to mend if the branch is meant to be skipped here."
            if "If" in kind
            else _look(case, op, factor)
        ),
        enlivened(case, op, kind),
        level="info" if "If" in kind or _is_begin(case, factor) else None,
    )


def _back(case: Case, op: Op) -> list[tuple[Op, int]]:
    """What came back for an op's result that is not zero."""
    codes = case.view.codes
    return [(o, k) for o, k in takers(case.view, op.outputs[0]) if codes[o.index][k] != 1]


def _said_joined(case: Case, op: Op) -> Found:
    """A part of a joined tensor got zeros, and the whole did not: what follows left the part out."""
    view = case.view
    codes = view.codes[op.index]
    part = next(t for t, c in zip(op.inputs, codes, strict=False) if c == 1)
    name, begin = case.call_it(part), f"The gradient of `{case.name}` is exactly zero: "
    maker = view.graph.maker.get(part)
    if maker is not None and case.source.tensor in view.trace.ops[maker].inputs:
        if view.trace.ops[maker].type == "ReadVariableOp":
            name = f"`{case.name}`"
    elif maker is not None and case.made_at(part) == op.at:
        name = "what was computed from it"  # all of it was written as one call
    left = dropper(view, op, part)
    if left is None:
        return Found(
            op.at,
            f"{begin}`{case.written(op.at)}` on {case.line(op.at)} joins {name} with other values, "
            "and what comes back for this part alone is zero: what is computed from it later does "
            "not use this part, or has a derivative of zero there.",
            "Look at what is computed from the joined tensor: a slice, an index or a mask that "
            "leaves this part out.",
        )  # fmt: skip
    written = f"`{case.written(left.at)}` on {case.line(left.at)}"
    if op.type == "Complex":
        which = "imaginary" if part == op.inputs[1] else "real"
        return Found(
            left.at,
            f"{begin}{name} is the {which} part of a complex number, and {written} leaves that part "
            "out.",
            "Use an op that takes both parts, such as tf.abs, or tf.math.real and tf.math.imag.",
        )
    if len(left.outputs) > 1:
        lost = f"{name} is in a part that {written} gives and that is not used"
    else:
        lost = f"{name} is not in the part that {written} keeps"
    return Found(
        left.at,
        f"{begin}{lost}.",
        f"Use that part as well, or leave `{case.name}` out if it is not meant to count.",
    )


def _look(case: Case, op: Op, factor: int | None) -> str:
    """What to look at, and what it was where that was kept."""
    if factor is not None:
        return f"Look at what makes {_named(case, factor)} zero, if it is not meant to be."
    facts = case.view.trace.tensors.get(op.inputs[0]) if len(op.inputs) == 1 else None
    if facts is not None and facts.value is not None:
        return (
            f"There {_named(case, op.inputs[0])} is {facts.value}: give it values at which this op "
            "changes, or use another op."
        )
    return "Look at the values that enter there, or use an op that changes with them."


def _emptied(case: Case, op: Op) -> tuple[Op, Shape] | None:
    """The op itself, or one that takes its result, if what it gives holds no element at all."""
    view, made = case.view, set(op.outputs)
    takers = (view.trace.ops[i] for i in sorted(view.codes) if i > op.index)
    for one in (op, *(t for t in takers if not made.isdisjoint(t.inputs))):
        for tensor in one.outputs:
            facts = view.trace.tensors.get(tensor)
            if facts is not None and facts.shape and 0 in facts.shape and view.is_float(tensor):
                return one, facts.shape
    return None


def _said_empty(case: Case, op: Op, shape: Shape) -> Found:
    return Found(
        op.at,
        f"The gradient of `{case.name}` is exactly zero: `{case.written(op.at)}` on "
        f"{case.line(op.at)} gives an empty tensor (its shape is {shape}), so nothing of it enters "
        f"`{case.target}`.",
        "Look at the mask or the indices of this batch: they keep no element. The mean of an empty "
        "tensor is NaN; tf.math.divide_no_nan(sum, count) gives 0 instead.",
    )


def _is_begin(case: Case, factor: int | None) -> bool:
    """Whether a factor is a constant of zeros, as the first state of a recurrent layer is."""
    if factor is None:
        return False
    maker = case.view.graph.maker.get(factor)
    return maker is None or case.view.trace.ops[maker].type in ("Fill", "ZerosLike", "Zeros")


def _zero_factor(case: Case, op: Op) -> int | None:
    """The factor of a product that is zero, where its values were kept."""
    if op.type not in ("Mul", "MatMul", "BatchMatMulV2", "Einsum", "Conv2D"):
        return None
    codes = case.view.codes.get(op.index, b"")
    for position, tensor in enumerate(op.inputs):
        facts = case.view.trace.tensors.get(tensor)
        others = [c for i, c in enumerate(codes) if i != position]
        if facts is not None and facts.value is not None and 1 in others:
            if not any(_flat(facts.value)):
                return tensor
    return None


def _named(case: Case, tensor: int) -> str:
    """What a tensor is called; one that is made on the way to a call's result is inside that call."""
    view, at = case.view, case.made_at(tensor)
    named = case.call_it(tensor)
    maker = view.graph.maker.get(tensor)
    if maker is None or at is None or named != f"`{case.written(at, 40)}`":
        return named
    later = view.trace.ops[maker + 1 : view.query.op]
    inside = view.trace.ops[maker].library or any(
        op.at == at and tensor in op.inputs for op in later
    )
    return f"a value inside {named}" if inside else named


def _flat(value: Any) -> list[Any]:
    return [v for part in value for v in _flat(part)] if isinstance(value, list) else [value]


def _shape(case: Case, op: Op) -> Shape:
    facts = case.view.trace.tensors.get(op.outputs[0])
    return facts.shape if facts is not None else None


def killer(case: Case) -> Op | None:
    """The last op on the way back whose upstream was not zero and that returned only zeros.

    Walks from the source along consumers for which a zero came back, as far as the zeros go.
    """
    view = case.view
    uses: dict[int, list[tuple[int, int]]] | None = view.memo.get("uses")
    if uses is None:  # once for all sources of the query
        uses = view.memo["uses"] = {}
        for index, codes in view.codes.items():
            for position, tensor in enumerate(view.trace.ops[index].inputs[: len(codes)]):
                if codes[position]:
                    uses.setdefault(tensor, []).append((index, codes[position]))
    node = case.source.tensor
    found: Op | None = None
    for _ in range(100_000):
        zero = [i for i, code in uses.get(node, ()) if code == 1]  # type: ignore[arg-type]
        if not zero:
            break
        found = view.trace.ops[min(zero)]
        after = [t for t in found.outputs if any(c == 1 for _, c in uses.get(t, ()))]
        if not after or any(c != 1 for t in found.outputs for _, c in uses.get(t, ())):
            break
        node = after[0]
    return found


_PASSING = frozenset(
    ["BiasAdd", "Identity", "ReadVariableOp", "Reshape", "AddV2", "Sub", "Neg", "Cast", "Squeeze",
     "ExpandDims", "Transpose", "Sum", "Mean", "Pack"]
)  # fmt: skip
"""Ops whose derivative is no zero: what came back as zero went in as zero."""


def cancelled(case: Case, op: Op | None) -> tuple[int, list[tuple[Op, int]]] | None:
    """A tensor on the way whose gradients came on several ways, and whose sum is zero.

    Args:
        case: A source whose gradient is zero.
        op: What :func:`killer` found.

    Returns:
        The tensor, and the ops (with the input's position) that each gave a part that is not zero.
    """
    view = case.view
    junction = case.source.tensor if op is None else op.outputs[0]
    if junction is None:
        return None
    parts = [
        (view.trace.ops[index], position)
        for index, codes in view.codes.items()
        for position, tensor in enumerate(view.trace.ops[index].inputs[: len(codes)])
        if tensor == junction and codes[position] == 2
    ]
    if len(parts) < 2:
        return None
    if op is not None and op.type not in _PASSING and not _sums_to_zero(case, parts):
        return None  # its own derivative may be zero
    return junction, sorted(parts, key=lambda p: p[0].index)


def _said_cancelled(case: Case, junction: int, parts: list[tuple[Op, int]]) -> Found:
    alone = mean_of_one(case.view, [op for op, _ in parts])
    if alone is not None:
        return _said_alone(case, junction, alone)
    meeting = _meeting(case, [op for op, _ in parts]) or parts[-1][0]
    name = case.call_it(junction)
    of = "" if junction == case.source.tensor else f" on the way of `{case.name}`"
    return Found(
        meeting.at,
        f"`{case.target}` depends on {name}{of} in {len(parts)} ways, and their gradients cancel: "
        f"none of them is zero, and their sum is. The ways meet again in "
        f"`{case.written(meeting.at)}` on {case.line(meeting.at)}.",
        f"Nothing to mend if `{case.target}` really does not change with {name}; else put "
        "tf.stop_gradient on the way that shall not count.",
    )


def _said_alone(case: Case, junction: int, mean: Op) -> Found:
    """What is left of a single value when its mean is taken off."""
    name, written = case.call_it(junction), f"`{case.written(mean.at)}` on {case.line(mean.at)}"
    shape = _shape(case, mean) or ()
    what = "a batch of one sample" if shape[:1] == (1,) else "a single value"
    return Found(
        mean.at,
        f"The gradient of `{case.name}` is exactly zero: {written} normalises {name} over {what}. The "
        f"mean is {name} itself, and what is left of it is zero, whatever it is.",
        "Give it more than one sample at a time; use the moving averages (training=False); or "
        "normalise over the features, as keras.layers.LayerNormalization does.",
        by_moving_averages(case, mean),
    )


_ADDING = frozenset(["Add", "AddV2", "Sub", "BiasAdd"])


def _spread(case: Case, op: Op) -> int | None:
    """The input that an op added to several elements: its gradient is a sum over them."""
    if op.type not in _ADDING:
        return None
    codes = case.view.codes.get(op.index, b"")
    for code, tensor in zip(codes, op.inputs, strict=False):
        facts = case.view.trace.tensors.get(tensor)
        if code == 1 and facts is not None and facts.shape != _shape(case, op):
            return tensor
    return None


def _sums_to_zero(case: Case, parts: list[tuple[Op, int]]) -> bool:
    """Whether the gradients of several ways were kept, and cancel in each element."""
    kept = {step.op: step.values for step in case.view.query.steps}
    known = [kept.get(op.index, ())[at : at + 1] for op, at in parts]
    flat = [_flat(value[0]) for value in known if value and value[0] is not None]
    numbers = [part for part in flat if all(isinstance(one, float) for one in part)]
    return len(numbers) == len(parts) and not any(map(sum, zip(*numbers, strict=True)))


def _said_spread(case: Case, op: Op, added: int) -> Found:
    return Found(
        op.at,
        f"The gradient of `{case.name}` is exactly zero: `{case.written(op.at)}` on "
        f"{case.line(op.at)} adds {case.call_it(added)} to several elements, and what comes back "
        "from them sums to zero.",
        f"Nothing to mend if `{case.target}` really does not change when all of these elements grow "
        "alike; else look at what is computed from them.",
    )


def _meeting(case: Case, begins: list[Op]) -> Op | None:
    """The first op that all the ways reach."""
    ops = case.view.trace.ops
    reached = [set(op.outputs) for op in begins]
    for op in ops[begins[0].index : case.view.query.op]:
        inside = [
            op is begin or not mine.isdisjoint(op.inputs)
            for begin, mine in zip(begins, reached, strict=True)
        ]
        if all(inside):
            return op
        for found, mine in zip(inside, reached, strict=True):
            if found:
                mine.update(op.outputs)
    return None


def _branch(case: Case, op: Op) -> Op | None:
    """The conditional inside a function body that the source's value enters."""
    view = case.view
    body: Body | None = (
        view.registry.body(op.body) if view.registry is not None and op.body else None
    )
    if body is None or case.source.tensor not in op.inputs:
        return None
    position = op.inputs.index(case.source.tensor)
    if position >= len(body.inputs):
        return None
    reached = {body.inputs[position]}
    for inner in body.ops:
        if any(t in reached for t in inner.inputs):
            if inner.type in ("If", "StatelessIf", "Case"):
                return inner
            reached.update(inner.outputs)
    return next((i for i in body.ops if i.type in REASONS and set(i.inputs) & reached), None)


CAUSE = Cause(
    "zero-gradient", "The gradient is exactly zero", "warning", TEXT, EXAMPLE, MENDED, recognise
)
