"""Which inputs of an op have a gradient, by TensorFlow's own registered gradient functions.

The registered function is called once per op type and input dtypes on symbolic stand-ins in a
scratch graph: an input for which it returns None has no gradient. Nothing of the person's runs.
"""

from __future__ import annotations

from typing import Any

from tapemagic.recorder.log import Log
from tapemagic.traces.model import Op, Tensor

MISSING = "missing"
CONTROL = frozenset(
    [
        "If",
        "StatelessIf",
        "While",
        "StatelessWhile",
        "Case",
        "StatelessCase",
        "PartitionedCall",
        "StatefulPartitionedCall",
        "EagerPyFunc",
    ]
)
"""Ops whose gradient is made from a body of their own."""
_known: dict[tuple[Any, ...], Any] = {}


class Registry:
    """Answers for the ops of one log.

    Args:
        private: TensorFlow's private interfaces.
        log: The rows, for the ops' attributes.
    """

    def __init__(self, private: Any, log: Log, bodies: Any = None) -> None:
        self.private = private
        self.log = log
        self.bodies = bodies

    def body(self, key: str) -> Any:
        """The ops of a function body, or None."""
        return self.bodies.get(key) if self.bodies is not None else None

    def runs(self, op: Op) -> tuple[tuple[str, int], ...]:
        """The bodies that an op of the trace runs, with how many of its inputs are its own."""
        return self.bodies.runs(op) if self.bodies is not None else ()

    def differentiable(self, op: Op, tensors: dict[int, Tensor]) -> tuple[bool, ...] | str | None:
        """For each input whether it has a gradient.

        Returns:
            A tuple of flags; MISSING when no gradient was ever registered (LookupError); None when
            that can't be told (a custom gradient, a function).
        """
        if op.rule is not None or op.type in CONTROL:
            return None
        if op.type in ("captured_value", "ReadVariableOp", "_copy", "pack_eager_tensors"):
            return (True,) * len(op.inputs)
        dtypes = tuple(tensors[t].dtype if t in tensors else "" for t in op.inputs)
        made = tuple(tensors[t].dtype if t in tensors else "" for t in op.outputs)
        key = (op.type, dtypes, made)  # a Cast has a gradient or not by what it casts to
        if key not in _known:
            _known[key] = self._ask(op, tensors)
        answer = _known[key]
        if isinstance(answer, tuple) and len(answer) != len(op.inputs):
            return None
        return answer  # type: ignore[no-any-return]

    def _ask(self, op: Op, tensors: dict[int, Tensor]) -> tuple[bool, ...] | str | None:
        found, function = self.private.registered(op.type)
        if not found:
            return MISSING
        if function is None:
            return (False,) * len(op.inputs)
        try:
            return self._call(op, tensors, function)
        except Exception:
            return None

    def _call(self, op: Op, tensors: dict[int, Tensor], function: Any) -> tuple[bool, ...] | None:
        from tensorflow.python.framework import func_graph
        from tensorflow.python.ops import array_ops

        real = self.bodies.real.get(id(op)) if self.bodies is not None else None
        attrs = None if real is not None else self.log.ops[op.index][4]
        if real is None and attrs is None:
            return None
        scratch = func_graph.FuncGraph("tapemagic_scratch")
        record = self.private.record
        with record.stop_recording(), scratch.as_default():

            def stand_in(tensor: int) -> Any:
                facts = tensors.get(tensor)
                dtype = self.private.dtypes.as_dtype(
                    facts.dtype if facts is not None else "resource"
                )
                return array_ops.placeholder(dtype, facts.shape if facts is not None else None)

            inputs = [stand_in(t) for t in op.inputs]
            outputs = [stand_in(t) for t in op.outputs]
            upstream = [stand_in(t) for t in op.outputs]
            mock = (
                self.private.mock_op(attrs, inputs, outputs, op.type, None)
                if real is None
                else _Stand(real, inputs, outputs)
            )
            result = function(mock, *upstream)
        listed = list(result) if isinstance(result, (list, tuple)) else [result]
        if result is None:
            listed = [None] * len(op.inputs)
        return tuple(g is not None for g in listed)


class _Stand:
    """A graph's op with stand-ins for its tensors."""

    _skip_input_indices = None

    def __init__(self, real: Any, inputs: list[Any], outputs: list[Any]) -> None:
        self._real = real
        self.inputs = inputs
        self.outputs = outputs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)
