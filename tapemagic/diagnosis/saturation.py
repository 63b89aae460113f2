"""A sigmoid, tanh or softmax whose inputs are so far out that its derivative is zero."""

from __future__ import annotations

from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.nonfinite import flat
from tapemagic.traces.model import Op

_FLAT = {
    "Sigmoid": "in float32 its derivative is exactly 0 above about 17",
    "Tanh": "in float32 its derivative is exactly 0 beyond about 9 on either side",
}
_FAR = {
    "Sigmoid": "the sigmoid is saturated",
    "Tanh": "the tanh is saturated",
    "Softmax": "the softmax is saturated: one of its inputs is far above the others",
}
_ON_THE_WAY = frozenset(
    ["ClipByValue", "Maximum", "Minimum", "AddV2", "Sub", "Identity", "Reshape", "Squeeze", "Cast",
     "RealDiv", "GatherV2", "GatherNd", "StridedSlice", "Mul", "Sum"]
)  # fmt: skip
_LOGS = ("Log", "Log1p", "Xlogy")
_NEAR = 30  # ops after it among which a cross-entropy's log is looked for


def saturated(op: Op) -> bool:
    """Whether an op is one of those that saturate."""
    return op.type in _FAR


def reason(case: Case, op: Op) -> str:
    """How far out its inputs are, where that is known."""
    facts = case.view.trace.tensors.get(op.inputs[0])
    known = [] if facts is None or facts.value is None else flat(facts.value)
    numbers = [v for v in known if isinstance(v, (int, float))]
    told = _FAR[op.type]
    if numbers and len(numbers) == len(known):
        low, high = f"{min(numbers):.4g}", f"{max(numbers):.4g}"
        spread = f"all are {low}" if low == high else f"they run from {low} to {high}"
        return f"{told} ({spread})" if op.type == "Softmax" else f"{told}: {_inputs(spread)}"
    if op.type not in _FLAT:
        return told
    one = facts is not None and facts.dtype == "float32"
    return f"{told}: its inputs are far from zero" + (f" ({_FLAT[op.type]})" if one else "")


def _inputs(spread: str) -> str:
    return f"its inputs {spread.removeprefix('all ').removeprefix('they ')}"


def advice(case: Case, op: Op) -> str:
    """Logits where a cross-entropy takes the result; smaller inputs elsewhere."""
    if op.type != "Tanh" and _enters_a_log(case, op):
        return "Give the logits to a loss that takes from_logits=True."
    if op.type == "Softmax":
        return "Make its inputs smaller: scale them down, or begin with smaller weights."
    return (
        "Bring its inputs near zero: scale the data (to about -1 to 1) or begin with smaller weights; "
        "or use an activation that does not flatten out, such as tf.nn.relu."
    )


def _enters_a_log(case: Case, op: Op) -> bool:
    reached = set(op.outputs)
    for other in case.view.trace.ops[op.index + 1 : op.index + 1 + _NEAR]:
        if not reached.isdisjoint(other.inputs):
            if other.type in _LOGS:
                return True
            if other.type in _ON_THE_WAY:
                reached.update(other.outputs)
    return False
