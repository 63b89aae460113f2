"""The trace as a graph: who made which tensor, and what it was made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapemagic.traces.model import Entry, Op, Tensor, Trace

WRITES = ("Assign", "ResourceScatter", "ResourceApply")
HANDLE = "VarHandleOp"
LEAVES = frozenset({HANDLE, "Placeholder", "Const"})  # drawn as what they hold
READS = frozenset({"ReadVariableOp", "VariableV2", "ReadVariableXlaSplitND"})


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


def index(trace: Trace, body: str | None = None) -> Graph:
    """Index a trace, or the named body of one of its functions."""
    inner = trace.bodies.get(body) if body is not None else None
    if inner is not None:
        graph = Graph(inner.ops, {**trace.tensors, **inner.tensors}, trace)
    else:
        # A query inside a function sees the ops of that function, and what ran before it.
        ops = [op for op in trace.ops if op.graph is None or op.graph == body]
        graph = Graph(ops, trace.tensors, trace)
    new: set[int] = set()
    for op in graph.ops:
        if op.type in READS and op.inputs and len(op.outputs) == 1:
            graph.alias[op.outputs[0]] = op.inputs[0]
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
    return graph
