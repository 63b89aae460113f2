"""The ops probe: every executed op, through TensorFlow's op callbacks (1.02x of the plain run).

A row of ``log.ops`` is ``(type, input ids, output ids, places, attributes, graph key, layer scope,
query, body key, name in the graph)``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from tapemagic.recorder.flow import Flow
from tapemagic.recorder.heritage import EARLIER
from tapemagic.recorder.log import MOST_VALUES, Log, RawEntry, Where, _small, copied
from tapemagic.recorder.patches import Patches
from tapemagic.recorder.private import Private
from tapemagic.recorder.probes.baked import read_values
from tapemagic.recorder.stack import Stack
from tapemagic.recorder.weave import observed

_INTEGERS = (3, 9)
"""int32 and int64, as the protocol buffer numbers them."""


class OpsProbe:
    """Writes a row for each op that runs on the cell's thread (and its replica threads)."""

    def __init__(self, log: Log, flow: Flow, private: Private) -> None:
        self.log = log
        self.flow = flow
        self.private = private
        self.query: int | None = None  # the query whose backward pass is running
        self.calling: Any = None  # the FuncGraph of the function that is being called
        self.on_op: Callable[..., None] | None = None
        self.stack = Stack(log)
        self.beside = 0  # JVPs that forward mode is computing: see probes.forward
        self.ahead: dict[int, int] = {}  # first output -> op whose callback is still to come

    def install(self, patches: Patches) -> None:
        """Start to listen."""
        self.on_op = self._make_callback()
        self.private.op_callbacks.add_op_callback(self.on_op)
        execute = self.private.execute
        recording = observed(execute.record_gradient, self.log, everything, self._recorded)
        patches.set(execute, "record_gradient", recording)

    def _recorded(self, arguments: tuple[Any, ...], _result: Any) -> None:
        """On this slower way an op is recorded after its callback: ask once more."""
        if self.beside:
            return
        _, _, attrs, outputs = arguments
        listed = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        if not listed:
            return
        index = self.log.made.get(getattr(listed[0], "_id", -1))
        if index is None:
            return
        if not self.log.tracked[index]:
            self.log.tracked[index] = self.private.should_record(listed)
        if self.log.ops[index][4] is not attrs and attrs is not None:
            self.log.by_attributes()[id(attrs)] = index
            self.log.kept.append(attrs)  # alive, so that its id stays its own

    def restore(self) -> None:
        """Stop to listen."""
        if self.on_op is not None and self.private.observed_here(self.on_op):
            self.private.op_callbacks.remove_op_callback(self.on_op)

    def _make_callback(self) -> Callable[..., None]:
        """TensorFlow's callback, with all that it needs at hand: it runs after every op."""
        log, flow = self.log, self.flow
        ops, tracked, made, facts, small, reads = (
            log.ops, log.tracked, log.made, log.facts, log.small, log.reads,
        )  # fmt: skip
        unknown, ahead = self._unknown, self.ahead
        variables, places_from, getframe = log.variables, self.stack.places, sys._getframe
        no_tape = self.private.pywrap_tfe.TFE_Py_TapeSetIsEmpty
        should_record = self.private.pywrap_tfe.TFE_Py_TapeSetShouldRecordBackprop
        add_op, add_tracked = ops.append, tracked.append
        # Ops repeat their types and shapes. Rows share them: what a row adds to the heap, Python's
        # garbage collector looks at again and again.
        names: dict[Any, str] = {}
        known_facts: dict[tuple[Any, int], tuple[tuple[int, Any], bool]] = {}

        def on_op(
            op_type: Any,
            inputs: Any,
            attrs: Any,
            outputs: Any,
            op_name: Any = None,
            graph: Any = None,
        ) -> None:
            try:
                if graph is not None:
                    self._in_graph(op_type, inputs, attrs, outputs, op_name, graph)
                    return
                query = self.query
                places: tuple[Where, ...] = ()
                if query is None:
                    places = places_from(getframe(2))  # the nearest frame is TensorFlow's
                elif no_tape():
                    if reads:
                        reads.clear()
                    return
                name = names.get(op_type)
                if name is None:
                    name = op_type.decode() if type(op_type) is bytes else str(op_type)
                    names[op_type] = name
                body = None
                if self.calling is not None and name[:2] == "__":
                    body = self._body()
                ins = tuple([t._id for t in inputs])
                if ahead:
                    self._recorded_reads(inputs)
                index = len(ops)
                for known in ins:
                    if known not in made and known not in variables:
                        for known, tensor in zip(ins, inputs, strict=True):
                            if known not in made and known not in variables:
                                index = unknown(known, tensor, index, ins, places)
                        break
                outs = tuple([t._id for t in outputs])
                if body is not None and body in log.baked:
                    self._with_baked(outs, body, index)
                scope = log.scope if log.replica is None else log.around()
                row = (name, ins, outs, places, attrs, None, scope, query, body, None)
                known = ahead.pop(outs[0], None) if ahead and outs else None
                if known is not None:
                    index = known
                    log.complete(index, row)
                    tracked[index] = should_record(outputs)
                else:
                    if self.beside:
                        log.tangents.add(index)
                    add_op(row)
                    add_tracked(should_record(outputs))
                for tensor in outputs:
                    made_id = tensor._id
                    made[made_id] = index
                    key = (tensor._shape_tuple(), tensor._datatype_enum())
                    shared = known_facts.get(key)
                    if shared is None:
                        shape, enum = key
                        shared = known_facts[key] = ((enum, shape), _small(shape))
                    facts[made_id] = shared[0]
                    if shared[1] and query is None and len(small) < MOST_VALUES:
                        small[made_id] = copied(tensor)
                if reads:
                    reads.clear()
                flow.activity += 1
                if flow.sleeping:
                    flow.wake()
            except Exception as fault:
                log.fault("ops", fault)

        return on_op

    def ahead_of_callback(self, op_type: Any, attrs: Any, inputs: Any, outputs: Any) -> None:
        """Write an op down whose JVP is computed before its callback is called.

        Args:
            op_type: The op's name.
            attrs: Its attributes; None for a variable's read in C, which has no callback.
            inputs: Its input tensors.
            outputs: Its output tensors.
        """
        log = self.log
        if self.beside or not outputs or not hasattr(outputs[0], "_numpy_internal"):
            return
        first = outputs[0]._id
        if first in log.made:
            return
        self._recorded_reads(inputs)
        places = log.place(sys._getframe(3)) if self.query is None else ()
        ins, outs = tuple([t._id for t in inputs]), tuple([t._id for t in outputs])
        for known, tensor in zip(ins, inputs, strict=True):
            if known not in log.made and known not in log.variables:
                self._unknown(known, tensor, len(log.ops), ins, places)
        index = self.ahead[first] = len(log.ops)
        name = op_type.decode() if isinstance(op_type, bytes) else str(op_type)
        log.ops.append((name, ins, outs, places, None, None, log.around(), self.query, None, None))
        log.tracked.append(False)
        for tensor in outputs:
            log.made[tensor._id] = index
            log.note_tensor(tensor)
        if attrs is None and name == "ReadVariableOp":
            log.silent_reads[index] = None

    def _recorded_reads(self, inputs: Any) -> None:
        """Reads in C that were not on the tape yet when they were written down."""
        if self.beside:
            return
        for tensor in inputs:
            index = self.ahead.get(tensor._id)
            if index is not None and index in self.log.silent_reads:
                del self.ahead[tensor._id]
                self.log.tracked[index] = self.private.should_record([tensor])

    def _in_graph(
        self, op_type: Any, inputs: Any, attrs: Any, outputs: Any, op_name: Any, graph: Any
    ) -> None:
        """An op was created while a function is traced."""
        log = self.log
        if self.query is not None and self.private.no_tape():
            log.reads.clear()
            return
        if not hasattr(graph, "name"):
            return  # a graph of TensorFlow 1: no tape reaches it
        if op_type == "Const" and self.flow.marked:
            self._baked(attrs, graph)
        index = len(log.ops)
        key = f"{graph.name}#{id(graph)}"
        if key not in log.traced:
            log.traced[key] = str(graph.name)
        log.graphs.setdefault(key, graph)
        body = None
        if self.calling is not None and "PartitionedCall" in str(op_type):
            body = self._body()
        ins = tuple([t._id for t in inputs])
        outs = tuple([t._id for t in outputs])
        if body is not None and body in log.baked:
            log.baked.setdefault(key, set()).update(log.baked[body])
        log.ops.append(
            (op_type, ins, outs, (), attrs, key, log.around(), self.query, body, op_name)
        )
        log.tracked.append(bool(outs) and self.private.should_record(outputs))
        for made_id, tensor in zip(outs, outputs, strict=True):
            log.made[made_id] = index
            log.facts[made_id] = (tensor.dtype.as_datatype_enum, tensor)
        log.reads.clear()
        self.flow.activity += 1
        if self.flow.sleeping:
            self.flow.wake()

    def _baked(self, attrs: Any, graph: Any) -> None:
        """A constant of a function's graph: was it a value that had left TensorFlow?

        That the constant holds what a marked value holds is the evidence, unless it is a number that
        stands in any code; else, that the statement which made it was computed from the marked value.
        """
        value = self.private.constant_of(attrs)
        if value is None or value.dtype.kind not in "fc":
            return
        read = read_values(sys._getframe(2), self.flow, self.log.person)
        found = [m for held, m in read if same_content(value, held)]
        if not found and telling(value):
            found = [m for held, m in self.flow.held() if same_content(value, held)]
        found = found or [m for _, m in read]
        if found:
            self.log.baked.setdefault(f"{graph.name}#{id(graph)}", set()).update(found)

    def _with_baked(self, outs: tuple[int, ...], body: str, index: int) -> None:
        """What a function gives depends on the values that became constants of its graph."""
        spot = self.flow.pending_spot()
        marks = tuple(sorted(self.log.baked[body]))
        for made in outs:
            self.log.entries.append(RawEntry(made, marks, spot, index, certain=False))

    def _body(self) -> str:
        graph = self.calling
        key = f"{graph.name}#{id(graph)}"
        self.log.graphs.setdefault(key, graph)
        return key

    def _unknown(
        self, made: int, tensor: Any, index: int, ins: tuple[int, ...], places: tuple[Any, ...]
    ) -> int:
        """An input that no op made: a variable read in C, or a constant that came from Python."""
        log = self.log
        born = log.earlier.get(made)
        if born is not None:
            log.ops.append(
                (EARLIER, born.roots, (made,), born.where, None, None, (), None, None, born.name)
            )
            log.tracked.append(False)
            log.made[made] = index
            if made not in log.facts:
                log.note_tensor(tensor)
            return index + 1
        if made in log.elsewhere:
            log.bring(made)
            return len(log.ops)
        # What a read in C makes is new: it was never seen, and it is younger than all that ran.
        last = log.ops[-1][2] if log.ops else ()
        new = made not in log.facts and (not last or made > max(last))
        if log.reads and new:
            shape, dtype = tensor._shape_tuple(), tensor._datatype_enum()
            for position, handle in enumerate(log.reads):
                facts = log.variables.get(handle)
                if handle in ins or facts is None:
                    continue
                if facts.shape == shape and self._same(facts.dtype, dtype):
                    tracked = self.private.should_record([tensor])
                    if not tracked and self._would_be(handle, facts.trainable):
                        continue  # such a read would be on the tape: this is a constant
                    del log.reads[position]
                    log.ops.append(
                        ("ReadVariableOp", (handle,), (made,), places, None, None, log.around(),
                         self.query, None, None)
                    )  # fmt: skip
                    log.tracked.append(tracked)
                    log.made[made] = index
                    if tracked:
                        self.log.silent_reads[index] = None
                    log.facts[made] = (dtype, shape)
                    if _small(shape) and len(log.small) < MOST_VALUES:
                        log.small[made] = copied(tensor)
                    return index + 1
        if made in log.variables:
            return index
        if made not in log.facts:
            log.note_tensor(tensor)
        if self.flow.marked or self.flow.top.shared:
            self._entered(made, tensor, index)
        if log.facts[made][0] in _INTEGERS:
            self._packed(made, tensor, index)
        return index

    def _packed(self, made: int, tensor: Any, index: int) -> None:
        """A shape such as ``[k]`` is read from the tensors in it without an op."""
        for value, tensors in self.flow.pending_packed():
            spot = self.flow.pending_spot()
            if spot is not None and _equal(tensor, value):
                mark = self.flow.new_mark(spot, value, tensors, [])
                self.log.entries.append(RawEntry(made, (mark,), spot, index, certain=True))

    def _same(self, name: str, enum: int) -> bool:
        return self.private.dtype_name(enum) == name

    def _would_be(self, handle: int, trainable: bool) -> bool:
        """Whether a tape that is recording now would track a read of a variable."""
        if self.private.is_paused():
            return False
        for row in self.log.tapes.values():
            # The tape itself is asked: of an earlier cell's the end may not have been heard.
            if self.private.is_recording(row.tape() if row.tape is not None else None):
                if (trainable and row.auto_watch) or any(e[2] == handle for e in row.events):
                    return True
        return False

    def _entered(self, made: int, tensor: Any, index: int) -> None:
        """A constant: was it made from a marked value that this very call was given?"""
        pending = self.flow.pending()
        if not pending:
            return
        marks: list[int] = []
        loose: list[int] = []
        for value, mark in pending:
            same = _equal(tensor, value)
            if same:
                marks.append(mark)
            elif same is None:
                loose.append(mark)
        if marks or loose:
            self.log.entries.append(
                RawEntry(made, tuple(marks or loose), self.flow.pending_spot(), index, bool(marks))
            )


def telling(value: Any) -> bool:
    """Whether a constant is more than a 0, 1 or 0.5, which stand in any code."""
    import numpy as np

    flat = np.asarray(value).ravel()
    return bool(flat.size) and not bool((flat * 2 == np.round(flat * 2)).all())


def same_content(value: Any, other: Any) -> bool:
    """Whether a constant's array holds what a Python value holds."""
    import numpy as np

    try:
        array = np.asarray(other)
        return array.shape == value.shape and bool((array.astype(value.dtype) == value).all())
    except (TypeError, ValueError):
        return False


def everything(*arguments: Any) -> tuple[Any, ...]:
    """What ``record_gradient`` is given."""
    return arguments


def _equal(tensor: Any, value: Any) -> bool | None:
    """Whether a constant holds what a Python value holds; None when that can't be told."""
    import numpy as np

    try:
        if "CPU" not in tensor.device:
            return None
        array = tensor._numpy_internal()
        other = np.asarray(value)
    except Exception:
        return None
    if other.dtype == object or not isinstance(array, (np.ndarray, np.generic)):
        return None
    if array.shape != other.shape:
        return False
    try:
        return bool(
            np.array_equal(array, other.astype(array.dtype), equal_nan=array.dtype.kind in "fc")
        )
    except (TypeError, ValueError):
        return None
