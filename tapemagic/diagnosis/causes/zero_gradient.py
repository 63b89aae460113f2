"""A true zero everywhere: saturated, dead, clipped, sign."""

from __future__ import annotations

from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.repairs.lively import enlivened
from tapemagic.traces.model import Body, Op

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
    "Relu": "every input of this relu is negative or zero (a dead relu)",
    "Relu6": "every input of this relu6 is outside the range in which it changes",
    "Sigmoid": "the sigmoid is saturated: its inputs are far from zero",
    "Tanh": "the tanh is saturated: its inputs are far from zero",
    "Softmax": "the softmax is saturated, or runs over a single unit and is always 1",
    "ClipByValue": "every value was clipped",
    "Minimum": "the other input was always the smaller one",
    "Maximum": "the other input was always the larger one",
    "SelectV2": "the condition always chose the other side",
    "Select": "the condition always chose the other side",
    "Abs": "the values are all exactly zero",
    "Mul": "the other factor is zero everywhere",
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
    "Softmax": "a sigmoid for a single unit, and logits with from_logits=True",
    "Sigmoid": "logits with a loss that takes from_logits=True",
    "ClipByValue": "a smooth bound such as tf.tanh or tf.sigmoid",
}


def recognise(case: Case) -> Found | None:
    """A backward op was given something and returned zeros, on the way to this source."""
    if case.status != "zero":
        return None
    op = killer(case)
    if op is None:
        return Found(
            case.view.query.at,
            f"The gradient of `{case.name}` is exactly zero in every element.",
            None,
            certain=False,
        )
    at, kind = op.at, op.type
    if op.rule == "function" and case.source.tensor in op.inputs:
        branch = _branch(case, op)
        if branch is not None:
            at, kind = branch.at, branch.type
    reason = REASONS.get(kind, "its derivative is zero here")
    return Found(
        at,
        f"The gradient of `{case.name}` is exactly zero: {kind} (`{case.written(at)}` on "
        f"{case.line(at)}) lets nothing through; {reason}.",
        f"Use {INSTEAD[kind]}."
        if kind in INSTEAD
        else (
            "Nothing to mend if the branch is meant to be skipped here."
            if "If" in kind
            else "Look at the values that enter there, or use an op that changes with them."
        ),
        enlivened(case, op, kind),
        level="info" if "If" in kind else None,
    )


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
