"""The value graph: every way in which a value of the trace came from other values.

Nodes are tensor ids; a marked Python value is a negative number (:func:`mark_node`). An edge says
how the value went: through an op, out of TensorFlow, on in Python, back as a constant, through a
variable or other state, or through another query.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from tapemagic.traces.model import Body, Entry, Mark, Op, Query, Trace
from tapemagic.traces.sizes import counted


@dataclass(frozen=True, slots=True)
class Edge:
    """One step of a value, from ``source`` to ``target``.

    ``kind``: "op", "leave" (tensor to Python), "python", "enter" (Python to constant), "state"
    (written and read back) or "query" (the result of a gradient query).
    """

    source: int
    target: int
    kind: str
    op: int | None = None  # op: the op; state: the read
    position: int = 0  # op: which input
    write: int | None = None  # state: the op that wrote
    mark: int | None = None
    query: int | None = None
    certain: bool = True


def mark_node(mark: int) -> int:
    """The node of a mark."""
    return -mark - 1


def node_mark(node: int) -> int | None:
    """The mark of a node, None for a tensor."""
    return -node - 1 if node < 0 else None


READS = ("ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape", "LookupTableFindV2",
         "LookupTableFind", "IteratorGetNext", "TensorListGetItem")  # fmt: skip
OVERWRITES = ("AssignVariableOp",)


class ValueGraph:
    """Incoming edges of every node, found on demand.

    Args:
        trace: The trace.
    """

    def __init__(self, trace: Trace, body: Callable[[str], Body | None] | None = None) -> None:
        self.trace = trace
        self._body = body
        self._calls: dict[int, list[int]] = defaultdict(list)  # handle -> calls that take it
        self._writing: dict[int, list[int]] = {}  # the same, of those that write it
        self._written: dict[str, dict[int, int]] = {}  # body -> input position -> writing op
        self.alias = {
            op.outputs[0]: op.inputs[0] for op in trace.ops if op.type == "captured_value"
        }
        self.maker: dict[int, int] = {}
        self.writes: dict[int, list[int]] = defaultdict(list)
        self.created: dict[int, int] = {}
        self._entries: dict[int, list[Entry]] = defaultdict(list)
        self._results: dict[int, tuple[Query, int]] = {}
        self._updates = _spans(q for q in trace.queries if q.method.startswith("apply"))
        for op in trace.ops:
            for tensor in op.outputs:
                self.maker[tensor] = op.index
            if op.type == "VarHandleOp":
                for tensor in op.outputs:
                    self.created[tensor] = op.index
            elif not op.outputs and op.inputs and self._is_state(op.inputs):
                for tensor in op.inputs:
                    if self._state(tensor):
                        self.writes[self.root(tensor)].append(op.index)
            elif op.rule == "function" and op.graph is None:
                for tensor in op.inputs:
                    if self._state(tensor):
                        self._calls[tensor].append(op.index)
        for entry in trace.entries:
            self._entries[entry.tensor].append(entry)
        for query in trace.queries:
            if query.method.startswith("apply"):
                continue
            for position, result in enumerate(query.results):
                if result is not None:
                    self._results[result] = (query, position)

    @cached_property
    def counted(self) -> set[int]:
        """The tensors whose size may depend on values."""
        return counted(self.trace.ops)

    def root(self, tensor: int) -> int:
        """The handle itself, of what captured it in a function's graph."""
        return self.alias.get(tensor, tensor)

    def write_in_call(self, index: int, handle: int) -> Op | None:
        """The op inside a called function that writes a variable, if there is one."""
        call = self.trace.ops[index]
        if self._body is None or call.body is None:
            return None
        if call.body not in self._written:
            body = self._body(call.body)
            found: dict[int, int] = {}
            for op in body.ops if body is not None else ():
                if not op.outputs and op.inputs and op.inputs[0] in body.inputs:  # type: ignore[union-attr]
                    if op.type.startswith(("Assign", "ResourceScatter")):
                        found[body.inputs.index(op.inputs[0])] = op.index  # type: ignore[union-attr]
            self._written[call.body] = found
        position = call.inputs.index(handle)
        number = self._written[call.body].get(position)
        body = self._body(call.body)
        return body.ops[number] if number is not None and body is not None else None

    def _state(self, tensor: int) -> bool:
        facts = self.trace.tensors.get(tensor)
        return facts is not None and (facts.kind == "variable" or facts.dtype == "resource")

    def _is_state(self, tensors: Iterable[int]) -> bool:
        return any(self._state(t) for t in tensors)

    def is_update(self, index: int) -> bool:
        """Whether an op was part of an optimizer's update."""
        last = bisect_right(self._updates, (index, float("inf"))) - 1  # they follow each other
        return last >= 0 and index < self._updates[last][1]

    def is_first_write(self, handle: int, index: int) -> bool:
        """Whether a write is the initial value that a variable was made with."""
        made = self.created.get(handle)
        return made is not None and self.writes[handle][:1] == [index] and index - made <= 4

    def incoming(self, node: int, since: int, limit: int) -> list[Edge]:
        """The edges into a node.

        Args:
            node: A tensor or mark.
            since: Writes to state before this op index do not count, initial values do.
            limit: Ops from this index on do not count.
        """
        mark = node_mark(node)
        if mark is not None:
            return list(self._into_mark(self.trace.marks[mark], node, limit))
        edges: list[Edge] = []
        maker = self.maker.get(node)
        if maker is not None and maker < limit:
            op = self.trace.ops[maker]
            edges += self._into_op(op, node)
            edges += self._into_state(op, node, since)
        result = self._results.get(node)
        if result is not None and (maker is None or self.trace.ops[maker].query is None):
            edges += self._into_result(result[0], node)
        for entry in self._entries.get(node, ()):
            for number in entry.marks:
                edges.append(
                    Edge(mark_node(number), node, "enter", entry.index, mark=number,
                         certain=entry.certain)
                )  # fmt: skip
        return edges

    def _into_op(self, op: Op, node: int) -> list[Edge]:
        return [Edge(tensor, node, "op", op.index, i) for i, tensor in enumerate(op.inputs)]

    def _into_state(self, op: Op, node: int, since: int) -> list[Edge]:
        edges: list[Edge] = []
        for tensor in op.inputs:
            if not self._state(tensor):
                continue
            handle = self.root(tensor)
            edges += self._from_calls(handle, op, node, since)
            writes = self.writes.get(handle, [])
            for place in range(bisect_left(writes, op.index) - 1, -1, -1):
                write = writes[place]
                if self.trace.ops[write].graph != op.graph:
                    continue  # inside a function's body: see _from_calls
                # An iterator is given its dataset once, mostly before the block.
                first = self.is_first_write(handle, write) or (
                    self.trace.ops[write].type == "MakeIterator"
                )
                if self.is_update(write) or (write < since and not first):
                    break
                writer = self.trace.ops[write]
                for value in writer.inputs:
                    if self.root(value) != handle:
                        edges.append(Edge(value, node, "state", op.index, write=write))
                if writer.type in OVERWRITES:
                    break
        return edges

    def _from_calls(self, handle: int, op: Op, node: int, since: int) -> list[Edge]:
        """Values that a tf.function wrote into a variable which is read later."""
        if op.graph is not None or handle not in self._calls:
            return []
        writing = self._writing.get(handle)
        if writing is None:
            calls = [c for c in self._calls[handle] if self.write_in_call(c, handle) is not None]
            writing = self._writing[handle] = calls
        return [
            Edge(value, node, "state", op.index, write=call)
            for call in writing[bisect_left(writing, since) : bisect_left(writing, op.index)]
            if not self.is_update(call)
            for value in self.trace.ops[call].inputs
            if value != handle
        ]

    def _into_mark(self, mark: Mark, node: int, limit: int) -> Iterable[Edge]:
        for tensor in mark.tensors:
            yield Edge(tensor, node, "leave", mark=mark.id, certain=mark.certain)
        for number in mark.marks:
            yield Edge(mark_node(number), node, "python", mark=mark.id, certain=mark.certain)
        if mark.ops is not None:
            for index in range(mark.ops[0], min(mark.ops[1], limit)):
                op = self.trace.ops[index]
                if op.graph is None and op.query is None:
                    for tensor in op.outputs:
                        yield Edge(tensor, node, "leave", mark=mark.id, certain=mark.certain)

    def _into_result(self, query: Query, node: int) -> list[Edge]:
        ends = [a.tensor for a in (*query.targets, *query.sources)]
        return [Edge(t, node, "query", query=query.index) for t in ends if t is not None]


def _spans(queries: Iterable[Query]) -> list[tuple[int, int]]:
    return sorted((q.op, q.op_end) for q in queries)
