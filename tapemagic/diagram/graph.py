"""The trace as a graph: who made which tensor, and what it was made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tapemagic.diagram.bodies.opened import Opened
from tapemagic.diagram.bodies.opening import open_calls
from tapemagic.diagram.bodies.rules import frame_rules

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from tapemagic.traces.model import Entry, Op, Tensor, Trace

WRITES = ("Assign", "ResourceScatter", "ResourceApply")
HANDLE = "VarHandleOp"
LEAVES = frozenset({HANDLE, "Placeholder", "Const"})  # drawn as what they hold
READS = frozenset({"ReadVariableOp", "VariableV2", "ReadVariableXlaSplitND", "captured_value"})


@dataclass(slots=True)
class Graph:
    """An index over the ops of a trace, or of one ``tf.function`` body.

    Reading a variable is an op of its own; a reader thinks of the variable, so what was read is
    known here by the variable's id (``alias``) and the reading op is not drawn.
    """

    ops: list[Op]
    tensors: dict[int, Tensor]
    trace: Trace
    producer: dict[int, Op] = field(default_factory=dict)
    alias: dict[int, int] = field(default_factory=dict)
    reads: dict[int, list[int]] = field(default_factory=dict)  # of a variable: what was read
    entry: dict[int, Entry] = field(default_factory=dict)
    writers: dict[int, list[Op]] = field(default_factory=dict)
    births: set[int] = field(default_factory=set)  # ops that gave a new variable its first value
    opened: Opened = field(default_factory=Opened)  # calls of functions, replaced by their bodies

    def when(self, op: Op) -> tuple[int, int]:
        """Return when an op ran; what ran inside a call, ran when the call did."""
        return self.opened.hosts.get(op.index, op.index), op.index

    def copied(self, index: int) -> Op | None:
        """Return the op of an opened call."""
        call = self.opened.calls.get(self.opened.hosts.get(index, -1))
        return next((op for op in call.ops if op.index == index), None) if call else None

    def same(self, tensor: int) -> int:
        """Return the id under which a tensor is drawn."""
        return self.alias.get(tensor, tensor)

    def inputs(self, op: Op) -> tuple[int, ...]:
        """Return what an op was given, reads replaced by their variable."""
        return tuple(self.alias.get(tensor, tensor) for tensor in op.inputs)

    def value(self, tensor: int) -> Any:
        """Return the value of a variable, if every time that it was read it was the same."""
        read = self.reads.get(tensor, [])
        values = [known.value for known in map(self.tensors.get, read) if known is not None]
        same = bool(values) and all(value == values[0] for value in values)
        return values[0] if same else None

    def drawn(self, op: Op) -> bool:
        """Tell whether an op gets a node: reads do not, they stand in for their variable."""
        return op.type not in LEAVES and not any(tensor in self.alias for tensor in op.outputs)

    def hidden(self, op: Op, position: int) -> bool:
        """Tell whether an input of an op is only for the books of a list: an index, or no list yet."""
        if not op.type.startswith("TensorList") or op.index not in self.opened.hosts:
            return False
        tensor = self.same(op.inputs[position])
        known, maker = self.tensors.get(tensor), self.producer.get(tensor)
        empty = maker is not None and maker.type in ("TensorListReserve", "EmptyTensorList")
        return empty or (known is not None and known.dtype.startswith(("int", "bool")))

    def outside(self, tensor: int) -> tuple[int, ...]:
        """Return the tensors from which a constant was made by way of plain Python."""
        entry = self.entry.get(tensor)
        return tuple(self.mark_tensors(entry.marks)) if entry is not None else ()

    def mark_tensors(self, marks: Iterable[int]) -> list[int]:
        """Return the tensors behind marks, through the marks that they were made from."""
        found: list[int] = []
        seen: set[int] = set()
        todo = list(marks)
        while todo:
            mark = self.trace.marks.get(todo.pop())
            if mark is None or mark.id in seen:
                continue
            seen.add(mark.id)
            found.extend(self.same(tensor) for tensor in mark.tensors)
            todo.extend(mark.marks)
        return found

    def ancestors(self, tensors: Iterable[int]) -> set[int]:
        """Return all tensors that the given ones were made from, themselves included."""
        seen: set[int] = set()
        todo = [self.same(tensor) for tensor in tensors]
        while todo:
            tensor = todo.pop()
            if tensor in seen:
                continue
            seen.add(tensor)
            op = self.producer.get(tensor)
            if op is not None:
                todo.extend(self.inputs(op))
            todo.extend(self.outside(tensor))
        return seen


def index(
    trace: Trace,
    body: str | None = None,
    closed: Collection[int] | None = None,
    always: Collection[int] = (),
) -> Graph:
    """Index a trace, or the named body of one of its functions.

    Args:
        trace: What was observed.
        body: The function's graph in which the queries were asked; None: outside of functions.
        closed: Calls of functions that stay one op; None leaves all of them closed.
        always: Calls that are opened also where there are many like them.
    """
    # A query inside a function sees the ops of that function, and what ran before it.
    begin = next((op.index for op in trace.ops if op.graph == body), 0) if body else 0
    ops = [
        op
        for op in trace.ops
        if op.graph == body or (op.graph is None and (body is None or op.index < begin))
        if not _is_filling(trace, op)
    ]
    if closed is None:
        graph = Graph(ops, trace.tensors, trace)
    else:
        opened = open_calls(trace, ops, closed, always)
        spread = [op for one in ops for op in _in_place(opened, one)]
        spread = frame_rules(spread, opened)
        graph = Graph(spread, {**opened.tensors, **trace.tensors}, trace, opened=opened)
        graph.alias.update(opened.alias)
    new: set[int] = set()
    for op in graph.ops:
        if op.type in READS and op.inputs and len(op.outputs) == 1:
            graph.alias[op.outputs[0]] = op.inputs[0]
            if op.index not in graph.opened.hosts:
                graph.reads.setdefault(op.inputs[0], []).append(op.outputs[0])
            continue
        if op.type == HANDLE:
            new.update(op.outputs)
        if op.type in LEAVES:
            continue
        for tensor in op.outputs:
            graph.producer.setdefault(tensor, op)
        if op.inputs and op.type.startswith(WRITES):
            graph.writers.setdefault(op.inputs[0], []).append(op)
            if op.inputs[0] in new:
                new.discard(op.inputs[0])
                graph.births.add(op.index)
    for entry in trace.entries:
        graph.entry.setdefault(entry.tensor, entry)
    for tensor in graph.alias:
        graph.alias[tensor] = _end(graph.alias, tensor)
    return graph


def _is_filling(trace: Trace, op: Op) -> bool:
    """Tell whether an op only made zeros for a list that a function gives for its way back."""
    facts = trace.tensors.get(op.inputs[0]) if op.type == "ZerosLike" and op.inputs else None
    return facts is not None and facts.dtype == "variant"


def _in_place(opened: Opened, op: Op) -> list[Op]:
    call = opened.calls.get(op.index)
    return [op] if call is None else call.ops


def _end(alias: dict[int, int], tensor: int) -> int:
    """Return what a tensor is in the end: a placeholder may stand for another one."""
    seen = set()
    while tensor in alias and tensor not in seen:
        seen.add(tensor)
        tensor = alias[tensor]
    return tensor
