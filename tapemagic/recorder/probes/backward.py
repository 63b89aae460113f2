"""The backward probe: each backward op as it runs, and what it returned for each input.

Registered gradients pass ``backprop._gradient_function``; ops with a backward function of their
own (``tf.function`` calls, ``tf.custom_gradient``, captured values) are heard by wrapping that.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from tapemagic.recorder.log import SMALL, Log, copied
from tapemagic.recorder.patches import Patches
from tapemagic.recorder.private import Private
from tapemagic.recorder.probes.ops import OpsProbe
from tapemagic.recorder.weave import guards_itself, observed

NONE, ZERO, FINE, NONFINITE, UNSEEN = range(5)
"""What a backward op returned for an input; UNSEEN: symbolic, or on a device that was not read."""

MOST_STEP_VALUES = 6000
MOST_HELD = 4000
"""Most tensors of the forward pass that are looked at once a gradient was not finite."""
_SUMMED = frozenset(map(np.dtype, ("float32", "float64")))
_INFINITY = float("inf")


class BackwardProbe:
    """Writes the steps of the query that is running."""

    def __init__(self, log: Log, ops: OpsProbe, private: Private) -> None:
        self.log = log
        self.ops = ops
        self.private = private
        self.kept = 0
        self.inside = 0  # a py_function's backward op asks a tape of its own: not our steps
        self.tensor = private.eager_tensor
        self.looked: dict[int, int] = {}  # id of a gradient of this query -> its code
        self.small: dict[int, Any] = {}  # the same for the values of small ones
        self.came: dict[int, int] = {}  # id of a returned gradient -> the tensor it is for
        self.bad = False  # this query's gradients are no longer finite
        self.of: int | None = None  # the query that ``came`` belongs to
        self._registered: Any = None

    def install(self, patches: Patches) -> None:
        """Start to listen."""
        self.log.backward = self
        original = self.private.gradient_function()
        self._registered = original
        self.private.register_gradient_function(
            observed(original, self.log, self._called, self._returned, self._failed)
        )
        # While forward mode runs, a function's call is recorded on the tapes apart.
        for name in ("record_operation", "record_operation_backprop_only"):
            plain = getattr(self.private.record, name)
            patches.set(self.private.record, name, self._listening(plain))

    def _listening(self, record_operation: Any) -> Any:
        def recording(
            op_type: Any, output_tensors: Any, input_tensors: Any, backward_function: Any,
            *forward_function: Any, **named: Any,
        ) -> Any:  # fmt: skip
            heard = backward_function
            try:
                heard = self._heard(op_type, output_tensors, input_tensors, backward_function)
            except Exception as fault:
                self.log.fault("backward", fault)
            result = record_operation(
                op_type, output_tensors, input_tensors, heard, *forward_function, **named
            )
            try:
                self._recorded(output_tensors)
            except Exception as fault:
                self.log.fault("backward", fault)
            return result

        return recording

    def restore(self) -> None:
        """Stop to listen."""
        self.log.backward = None
        if self._registered is not None:
            self.private.register_gradient_function(self._registered)

    @guards_itself
    def _called(self, *arguments: Any) -> tuple[Any, ...] | None:
        if self.ops.query is None or self.ops.beside:
            return None
        self.inside += 1
        return arguments, len(self.log.ops)

    def _failed(self, called: tuple[Any, ...] | None, _error: BaseException) -> None:
        if called is None:
            return
        self.inside -= 1
        if not self.inside and self.ops.query is not None:
            index = (
                self.log.by_attributes().get(id(called[0][1])) if called[0][1] is not None else None
            )
            self.log.queries[self.ops.query].failed = index

    @guards_itself
    def _returned(self, called: Any, result: Any) -> Any:
        if type(called) is tuple:
            self.inside -= 1
            if not self.inside:
                try:
                    arguments, begin = called
                    self._stepped(arguments, begin, result)
                except Exception as fault:
                    self.log.fault("backward", fault)
        return result

    def _stepped(self, arguments: tuple[Any, ...], begin: int, result: Any) -> None:
        _, attrs, num_inputs, inputs, outputs, out_grads, skip, _ = arguments
        index = None
        if attrs is not None:
            index = self.log.by_attributes().get(id(attrs))
        else:
            index = self._silent_read(out_grads)
        if index is None:
            for tensor in outputs or ():
                index = self.log.made.get(getattr(tensor, "_id", -1))
                if index is not None:
                    break
        self._step(index, num_inputs, result, skip, out_grads, begin)
        if self.bad:
            for tensor in (*(inputs or ()), *(outputs or ())):
                self._hold(tensor)

    def _hold(self, tensor: Any) -> None:
        """Note whether the values of a forward pass that went wrong are finite."""
        holds = self.log.holds
        if type(tensor) is not self.tensor or tensor._id in holds or len(holds) >= MOST_HELD:
            return
        holds[tensor._id] = ""
        if tensor.dtype.is_floating:
            holds[tensor._id] = held(tensor._numpy_internal())

    def _silent_read(self, upstream: Any) -> int | None:
        """The read, done in C, that an upstream gradient is for: such a step names no tensor."""
        query = self.log.queries[self.ops.query]  # type: ignore[index]
        reads = self.log.silent_reads
        gradient: Any = upstream[0] if upstream else None
        tensor = self.came.get(getattr(gradient, "_id", -1))
        index = self.log.made.get(tensor) if tensor is not None else None
        if index is not None and index in reads:
            return index
        done = {step[0] for step in query.steps}
        dense: Any = getattr(gradient, "values", gradient)
        shape = dense._shape_tuple() if hasattr(dense, "_shape_tuple") else None
        fits = [
            i for i in reversed(reads)
            if i not in done and self.log.facts[self.log.ops[i][2][0]][1] == shape
        ]  # fmt: skip
        return fits[0] if fits else None

    def _heard(self, op_type: Any, outputs: Any, inputs: Any, backward: Any) -> Any:
        """Find (or write) the row of an op with a backward function of its own."""
        log = self.log
        name = op_type.decode() if isinstance(op_type, bytes) else str(op_type)
        outs = tuple([t._id for t in outputs])
        ins = tuple([t._id for t in inputs])
        # Between a call and its recording TensorFlow runs ops of its own, for outputs such as lists.
        index = log.made.get(outs[0]) if outs else None
        if index is not None:
            row = log.ops[index]
            # A function's name, which may hold anything, comes here as C's: up to its first NUL.
            if row[0].partition("\0")[0] != name or not set(outs) <= set(row[2]):
                index = None
        if index is None and name == "captured_value":
            known = log.made.get(outs[0])  # a placeholder is captured once, and recorded again
            if known is not None and log.ops[known][0] == name:
                index = known
        if index is None:
            index = len(log.ops)
            eager = all(hasattr(t, "_numpy_internal") for t in outputs)
            graph = None
            if not eager:
                owner = next(t for t in outputs if not hasattr(t, "_numpy_internal")).graph
                graph = f"{owner.name}#{id(owner)}"
                log.graphs.setdefault(graph, owner)
            import sys

            places = log.place(sys._getframe(2)) if eager else ()
            log.ops.append(
                (name, ins, outs, places, None, graph, log.around(), self.ops.query, None, None)
            )
            log.tracked.append(False)
            for made, tensor in zip(outs, outputs, strict=True):
                log.made[made] = index
                if made not in log.facts:
                    if eager:
                        log.note_tensor(tensor)
                    else:
                        log.facts[made] = (tensor.dtype.as_datatype_enum, tensor)
        for tensor in inputs:
            if tensor._id not in log.facts and hasattr(tensor, "_numpy_internal"):
                log.note_tensor(tensor)
        log.recorded[index] = (name, ins)
        log.opaque.add(index)

        @functools.wraps(backward)
        def heard(*args: Any, **kwargs: Any) -> Any:
            probe = log.backward  # the tape may be asked in a later cell, whose probe is another
            if probe is None:
                return backward(*args, **kwargs)
            begin = len(log.ops)
            probe.inside += 1
            try:
                result = backward(*args, **kwargs)
            finally:
                probe.inside -= 1
            try:
                probe.heard(index, len(ins), result, args, begin)
            except Exception as fault:
                log.fault("backward", fault)
            return result

        return heard

    def heard(self, index: int, inputs: int, result: Any, upstream: Any, begin: int) -> None:
        """An op's own backward function returned.

        Args:
            index: The op.
            inputs: How many inputs it has.
            result: What was returned for them.
            upstream: What the function was given.
            begin: How many ops had run before it.
        """
        if self.ops.query is not None and not self.inside and not self.ops.beside:
            listed = result if isinstance(result, (list, tuple)) else [result]
            self._step(index, inputs, listed, None, upstream, begin)

    def _recorded(self, outputs: Any) -> None:
        for tensor in outputs[:1]:
            index = self.log.made.get(tensor._id)
            if index is not None:
                if not self.log.tracked[index]:
                    self.log.tracked[index] = self.private.should_record(list(outputs))

    def _step(
        self, index: int | None, num_inputs: int, result: Any, skip: Any, upstream: Any, begin: int
    ) -> None:
        log = self.log
        query = log.queries[self.ops.query]  # type: ignore[index]
        if not isinstance(result, (list, tuple)):  # some ops give a named tuple
            result = [None] * num_inputs if result is None else [result]
        if self.of != self.ops.query:
            self.of = self.ops.query
            self.bad = False
            self.came.clear()
            self.looked.clear()
            self.small.clear()
        looked, tensor_class, codes = self.looked, self.tensor, bytearray(len(result))
        small = self.small
        inputs = log.ops[index][1] if index is not None and log.silent_reads else ()
        values: tuple[Any, ...] = ()
        for position, gradient in enumerate(result):
            if gradient is None:
                continue
            known = getattr(gradient, "_id", None)
            if known is None:
                codes[position] = _look(gradient)
                continue
            code = looked.get(known)
            if code is None:  # a gradient that is handed on as it is was looked at before
                if type(gradient) is tensor_class:
                    try:
                        array = gradient._numpy_internal()
                    except Exception:
                        code = UNSEEN
                    else:
                        code = look_at(array)
                        if array.size <= SMALL and self.kept < MOST_STEP_VALUES:
                            small[known] = copied(gradient)
                            self.kept += 1
                else:
                    code = _look(gradient)
                looked[known] = code
            if known in small:
                if not values:
                    values = (None,) * len(result)
                values = (*values[:position], small[known], *values[position + 1 :])
            codes[position] = code
            if position < len(inputs):
                self.came[known] = inputs[position]
        up = NONE
        if NONFINITE in codes:
            self.bad = True
            up = max((_look(g) for g in upstream or ()), default=NONE)
        query.steps.append((index, bytes(codes), skip, up, values, begin))


def _look(gradient: Any) -> int:
    """NONE, ZERO, FINE, NONFINITE or UNSEEN; one pass over memory, without a copy."""
    try:
        array = gradient._numpy_internal()
    except AttributeError:
        values = getattr(gradient, "values", None)
        if gradient is None:
            return NONE
        if values is None or not hasattr(values, "_numpy_internal"):
            return UNSEEN
        array = values._numpy_internal()
    except Exception:
        return UNSEEN
    return look_at(array)


def held(array: Any) -> str:
    """What an array of floats holds: "nan", else "inf" or (if no other) "-inf", else "finite"."""
    flat = array if array.dtype.itemsize > 2 else array.astype("float32")
    if np.isfinite(flat).all():
        return "finite"
    if np.isnan(flat).any():
        return "nan"
    return "inf" if np.isposinf(flat).any() else "-inf"


def look_at(array: Any) -> int:
    """As :func:`_look`, for an array."""
    if array.dtype in _SUMMED:
        # A dot product with itself is the cheapest single pass: NaN and Inf show in it.
        flat = array.ravel()
        square = np.vdot(flat, flat)  # of the products it is the one that never warns
        if 0.0 < square < _INFINITY:
            return FINE
        if square == 0.0:
            return FINE if flat.any() or not flat.size else ZERO  # it may have underflowed
    try:
        flat = array if array.dtype.kind in "fc" else array.astype("float32")
        if not np.isfinite(flat).all():
            return NONFINITE
    except (TypeError, ValueError):
        return UNSEEN
    return FINE if flat.any() or not flat.size else ZERO
