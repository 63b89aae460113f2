"""The gradient once more, op by op, from what was captured and TensorFlow's registered gradients.

The trace says which ops the tape recorded, between which tensors, in which order. A keeper beside the
recorder holds the tensors themselves and the ops' attributes, which a trace does not. If the trace is
what the tape did, walking it backward must give the numbers that ``tape.gradient`` gave.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from tapemagic.diagnosis.view import QueryView
from tapemagic.recorder.private import Private
from tapemagic.traces.flow import ValueGraph
from tapemagic.traces.model import Op, Query, Trace


class Uncovered(Exception):
    """The captured graph lacks something that the next step needs."""


@dataclass
class Kept:
    """Tensors and attributes of a run, by tensor id, and rules that were given to the tape."""

    tensors: dict[int, Any] = field(default_factory=dict)
    attributes: dict[int, Any] = field(default_factory=dict)
    rules: dict[int, Any] = field(default_factory=dict)

    def _op(
        self, op_type: Any, inputs: Any, attrs: Any, outputs: Any, op_name: Any = None,
        graph: Any = None,
    ) -> None:  # fmt: skip
        if graph is not None:
            return
        for tensor in (*inputs, *outputs):
            self.tensors[tensor._id] = tensor
        if outputs:
            self.attributes[outputs[0]._id] = attrs


@contextmanager
def keeping() -> Iterator[Kept]:
    """Keep what a run computes."""
    private, kept = Private(), Kept()
    original = private.record.record_operation
    listener = kept._op

    def recording(
        op_type: Any, outputs: Any, inputs: Any, backward: Any, forward: Any = None
    ) -> Any:
        for tensor in (*inputs, *outputs):
            kept.tensors[tensor._id] = tensor
        if outputs:
            kept.rules[outputs[0]._id] = backward
        return original(op_type, outputs, inputs, backward, forward)

    private.record.record_operation = recording
    private.op_callbacks.add_op_callback(listener)
    try:
        yield kept
    finally:
        private.op_callbacks.remove_op_callback(listener)
        private.record.record_operation = original


@dataclass
class Recomputation:
    """The gradients of one query, and how each op on the way was covered.

    Attributes:
        gradients: One for each source, None where none arrives.
        covered: Ops whose registered gradient was called, reads of variables, and ops with a rule
            of somebody's own, as "registered", "read" and "rule".
    """

    gradients: list[Any]
    covered: Counter[str]


def recompute(trace: Trace, query: Query, kept: Kept) -> Recomputation:
    """Walk one query's graph backward.

    Raises:
        Uncovered: Where the captured graph does not have all that is needed.
    """
    view = QueryView(trace, ValueGraph(trace), query)
    tracking = view.tracking
    if tracking is None or query.method != "gradient" or query.graph is not None:
        raise Uncovered("not a gradient of a tape in eager mode")
    upstream: dict[int, list[Any]] = {}
    covered: Counter[str] = Counter()
    for target in query.targets:
        if target.tensor not in kept.tensors:
            raise Uncovered("the target is no tensor that was kept")
        upstream.setdefault(target.tensor, []).append(tf.ones_like(kept.tensors[target.tensor]))
    for index in sorted(tracking.recorded, reverse=True):
        op = trace.ops[index]
        if not any(t in upstream for t in op.outputs):
            continue
        if any(t not in kept.tensors for t in op.outputs):
            raise Uncovered(f"outputs of {op.type}")
        result, how = _step(op, [_sum(upstream.get(t)) for t in op.outputs], kept)
        covered[how] += 1
        for tensor, gradient in zip(op.inputs, result, strict=True):
            if gradient is not None and tensor in tracking.tracked:
                upstream.setdefault(tensor, []).append(gradient)
    return Recomputation([_sum(upstream.get(a.tensor)) for a in query.sources], covered)


def _step(op: Op, ups: list[Any], kept: Kept) -> tuple[list[Any], str]:
    private = Private()
    if op.type == "ReadVariableOp" and op.rule is None:
        return [ups[0]], "read"
    outputs = [kept.tensors[t] for t in op.outputs]
    filled = [
        tf.zeros_like(out) if up is None else up for out, up in zip(outputs, ups, strict=True)
    ]
    rule = kept.rules.get(op.outputs[0])
    if op.rule is not None and rule is not None:
        return _listed(rule(*filled), len(op.inputs)), "rule"
    if op.rule == "py_function":
        raise Uncovered("a py_function's own tape, which can be asked once")
    found, function = private.registered(op.type)
    attributes = kept.attributes.get(op.outputs[0])
    if not found or attributes is None or any(t not in kept.tensors for t in op.inputs):
        raise Uncovered(f"{op.type}: its gradient, attributes or inputs")
    if function is None:
        return [None] * len(op.inputs), "registered"
    inputs = [kept.tensors[t] for t in op.inputs]
    mock = private.mock_op(attributes, inputs, outputs, op.type, [])
    return _listed(function(mock, *filled), len(op.inputs)), "registered"


def _listed(result: Any, count: int) -> list[Any]:
    if result is None:
        return [None] * count
    return list(result) if isinstance(result, (list, tuple)) else [result]


def _sum(gradients: list[Any] | None) -> Any:
    if not gradients:
        return None
    total = tf.convert_to_tensor(gradients[0])
    for gradient in gradients[1:]:
        total = total + tf.convert_to_tensor(gradient)
    return total
