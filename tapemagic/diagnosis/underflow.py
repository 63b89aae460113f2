"""The zero that a log met, when it is no true zero but a probability that was too small for its dtype.

An exponential, a softmax and a sigmoid are never zero; computed in floats they are. An epsilon in the
log then takes the NaN away and leaves a wrong derivative: where they gave 0, so does their own.
"""

from __future__ import annotations

from typing import Any

from tapemagic.diagnosis.nonfinite import flat, holds, masked
from tapemagic.diagnosis.view import QueryView
from tapemagic.traces.model import Op

_NEVER_ZERO = frozenset(["Exp", "Softmax", "Sigmoid"])
_NEVER_ONE = frozenset(["Softmax", "Sigmoid"])
_CARRYING = frozenset(
    ["Sum", "Mean", "Max", "Identity", "Reshape", "Squeeze", "ExpandDims", "Transpose", "Cast",
     "StridedSlice", "GatherV2", "GatherNd", "ResourceGather"]
)  # fmt: skip
_QUOTIENTS = ("RealDiv", "Div")
_MOST = 200


def underflowed(view: QueryView, log: Op) -> Op | None:
    """The op whose result was too small, when a log met a zero that can have come from nothing else.

    Args:
        view: The question.
        log: The op that met the zero.
    """
    return _source_of_zero(view, log.inputs[0], _MOST) if log.type == "Log" else None


def _source_of_zero(view: QueryView, tensor: int, left: int) -> Op | None:
    maker = view.graph.maker.get(tensor)
    if maker is None or left <= 0 or not _may_hold(view, tensor, 0):
        return None
    op = view.trace.ops[maker]
    if op.type in _NEVER_ZERO:
        return None if _infinite(view, op) else op
    if op.type in _CARRYING or op.type in _QUOTIENTS:
        return _source_of_zero(view, op.inputs[0], left - 1)
    if op.type == "Mul":
        zeros = [t for t in op.inputs if _may_hold(view, t, 0)]
        return _all_of(view, zeros, left)
    if op.type in ("Add", "AddV2", "AddN"):
        return _all_of(view, op.inputs, left)
    if op.type == "Sub":
        # 1 - p is zero where p was rounded to 1.
        taken = view.graph.maker.get(op.inputs[1])
        one = _values(view, op.inputs[0])
        if taken is not None and one and set(one) == {1.0}:
            other = view.trace.ops[taken]
            return other if other.type in _NEVER_ONE else None
    return None


def _all_of(view: QueryView, tensors: Any, left: int) -> Op | None:
    """The first of several, when each of them is a zero of that kind."""
    found = [_source_of_zero(view, t, left // 2) for t in tensors]
    return found[0] if found and all(found) else None


def _infinite(view: QueryView, op: Op) -> bool:
    """Whether it was given the -inf of a mask, whose exponential is a true zero."""
    facts = view.trace.tensors.get(op.inputs[0])
    return holds(facts) == "-inf" or masked(view, op) is not None


def _may_hold(view: QueryView, tensor: int, value: float) -> bool:
    known = _values(view, tensor)
    return known is None or value in known


def _values(view: QueryView, tensor: int) -> list[Any] | None:
    facts = view.trace.tensors.get(tensor)
    return None if facts is None or facts.value is None else flat(facts.value)
