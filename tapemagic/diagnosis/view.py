"""One query seen whole: what its tape tracked, what came back, and the ways from a source."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tapemagic.traces.flow import Edge, ValueGraph, node_mark
from tapemagic.traces.model import Op, Query, Tape, Trace
from tapemagic.traces.sizes import SIZES
from tapemagic.traces.tracking import DIFFERENTIABLE, Tracking, track

MISSING = "missing"
SHAPES = frozenset(
    [
        "Shape",
        "ShapeN",
        "Size",
        "Rank",
        "VariableShape",
        "ZerosLike",
        "OnesLike",
        "BroadcastGradientArgs",
        "BroadcastArgs",
        "EmptyTensorList",
        "TensorListReserve",
    ]
)
"""Ops whose output does not depend on the values of their input."""

# What a step of the cheapest way from source to target costs. The way that a person means is the
# one that carries values; indices, conditions and shapes explain only when nothing else does.
_COSTS = {
    "untracked": 3.0,
    "unrecorded": 10.0,
    "no-gradient": 12.0,
    "leave": 6.0,
    "python": 1.0,
    "enter": 1.0,
    "state": 14.0,
    "query": 10.0,
}
_TO_INTEGER, _INTEGER, _LOOSE, _SHAPE = 20.0, 60.0, 40.0, 1000.0


@dataclass(slots=True)
class Way:
    """The cheapest way of a value from a source to a target, with what each step lost."""

    edges: list[Edge]
    faults: list[str | None]

    @property
    def cut(self) -> int | None:
        """Position of the first step that the gradient can't take."""
        return next((i for i, f in enumerate(self.faults) if f is not None), None)


@dataclass
class QueryView:
    """A query with its tape's tracking and the backward steps that were observed.

    Args:
        trace: The trace.
        graph: Its value graph.
        query: One of its queries.
        registry: Which inputs of an op have a gradient (see ``recorder.gradients``), or None.
    """

    trace: Trace
    graph: ValueGraph
    query: Query
    registry: Any = None
    memo: dict[str, Any] = field(default_factory=dict)
    _differentiable: dict[int, Any] = field(default_factory=dict)

    @property
    def tape(self) -> Tape | None:
        """The tape that was asked."""
        return self.trace.tapes.get(self.query.tape) if self.query.tape is not None else None

    @cached_property
    def tracking(self) -> Tracking | None:
        """What the query's tape tracked until the query."""
        return None if self.tape is None else track(self.trace, self.tape, self.query.op)

    @cached_property
    def codes(self) -> dict[int, bytes]:
        """Per op what its backward op returned, over all steps of this query."""
        merged: dict[int, bytes] = {}
        for step in self.query.steps:
            if step.op is None:
                continue
            old = merged.get(step.op)
            codes = step.codes or bytes(0 if none else 4 for none in step.none)
            if old is not None and len(old) == len(codes):
                codes = bytes(max(a, b) for a, b in zip(old, codes, strict=True))
            merged[step.op] = codes
        return merged

    @cached_property
    def targets(self) -> list[int]:
        """The tensors that were differentiated."""
        return [a.tensor for a in self.query.targets if a.tensor is not None]

    # -- one step

    def differentiable(self, op: Op) -> Any:
        """Per input whether the op has a gradient for it; MISSING, or None when not known."""
        if op.index not in self._differentiable:
            answer = None
            if self.registry is not None:
                answer = self.registry.differentiable(op, self.trace.tensors)
            self._differentiable[op.index] = answer
        return self._differentiable[op.index]

    def fault(self, edge: Edge) -> str | None:
        """Why a gradient can't take this step; None when it can."""
        if edge.kind != "op":
            return edge.kind
        assert edge.op is not None
        op, tracking = self.trace.ops[edge.op], self.tracking
        if tracking is None:
            return "unrecorded"
        if op.type == "StopGradient" and self._read_by(edge.source, op):
            return "no-gradient"
        if op.type == "ReadVariableOp" and self._is_stopped(op):
            return None  # the read is a part of stop_gradient, which is what cuts
        tracked = tracking.tracks(edge.source, op.index)
        if op.index not in tracking.recorded:
            return "unrecorded" if tracked else "untracked"
        if self.is_float(edge.source) and not self.is_float(edge.target):
            return "no-gradient"  # an integer output of an op that has float outputs too
        if edge.source not in tracking.tracked:
            return "untracked"  # of a recorded op, a watch that came later still counts
        codes = self.codes.get(op.index)
        if codes is not None and edge.position < len(codes):
            return None if codes[edge.position] else "no-gradient"
        answer = self.differentiable(op)
        if answer == MISSING:
            return "no-gradient"
        if isinstance(answer, tuple) and not answer[edge.position]:
            return "no-gradient"
        return None

    def _is_stopped(self, read: Op) -> bool:
        """Whether ``tf.stop_gradient(variable)`` read the variable: it pauses the tape for it."""
        if read.recorded or read.index + 1 >= len(self.trace.ops):
            return False
        after = self.trace.ops[read.index + 1]
        return after.type == "StopGradient" and after.inputs == read.outputs

    def _read_by(self, tensor: int, stop: Op) -> bool:
        maker = self.graph.maker.get(tensor)
        return maker == stop.index - 1 and self._is_stopped(self.trace.ops[maker])

    def is_float(self, node: int) -> bool:
        """Whether a node's values can have a derivative, by dtype; marks always may."""
        facts = self.trace.tensors.get(node)
        return facts is None or facts.kind == "variable" or facts.dtype in DIFFERENTIABLE

    def cost(self, edge: Edge, fault: str | None) -> float:
        """How unlikely it is that a person means this step when they ask for a gradient."""
        if edge.kind == "op" and edge.op is not None:
            op = self.trace.ops[edge.op]
            if op.type in SHAPES:
                # A backward op asks for a size only to give its gradient the same one.
                counts = op.type in SIZES and op.query is None and edge.source in self.graph.counted
                return _LOOSE if counts else _SHAPE
            if not self.is_float(edge.source):
                facts = self.trace.tensors.get(edge.source)
                # An integer that is computed on is a detour; one that picks elements is an index.
                floats = any(self.is_float(t) and t != edge.source for t in op.inputs)
                return _INTEGER if floats or (facts and facts.dtype == "bool") else 2.0
            if fault is None:
                return 0.0
            if not self.is_float(edge.target):
                return _TO_INTEGER
        if fault is None:
            return 0.0
        if edge.kind == "enter" and not self.is_float(edge.target):
            return _INTEGER
        return _COSTS[fault] if edge.certain else _LOOSE

    # -- ways

    @cached_property
    def _routes(self) -> tuple[dict[int, float], dict[int, Edge], dict[int, float]]:
        """Dijkstra backward from the targets: cost and next edge of every ancestor.

        And the cost without the steps that went on where the tape was left already.
        """
        since = self.tracking.begin if self.tracking is not None else 0
        limit = self.query.op
        best: dict[int, float] = dict.fromkeys(self.targets, 0.0)
        following: dict[int, Edge] = {}
        count = itertools.count()
        heap = [(0.0, next(count), t) for t in self.targets]
        done: set[int] = set()
        near = dict(best)
        while heap:
            cost, _, node = heapq.heappop(heap)
            if node in done:
                continue
            done.add(node)
            for edge in self.graph.incoming(node, since, limit):
                if edge.source in done:
                    continue
                fault = self.fault(edge)
                step = self.cost(edge, fault)
                price = cost + step + 1e-4
                if price < best.get(edge.source, float("inf")):
                    best[edge.source] = price
                    following[edge.source] = edge
                    off = fault == "untracked" and step == _COSTS[fault] and self._is_off(node)
                    near[edge.source] = near[node] + (0.0 if off else step)
                    heapq.heappush(heap, (price, next(count), edge.source))
        return best, following, near

    def _is_off(self, node: int) -> bool:
        """Whether a node was made without the tape."""
        return self.tracking is not None and node not in self.tracking.tracked

    def ancestor(self, node: int) -> bool:
        """Whether the target's value came from a node in any way."""
        return node in self._routes[0]

    @property
    def ancestors(self) -> dict[int, float]:
        """Every node that the target's value came from, with what the way to the target costs.

        What ran before the tape is one step, however long it was.
        """
        return self._routes[2]

    @property
    def makers(self) -> list[Op]:
        """The ops that the target was computed by."""
        if "makers" not in self.memo:
            made = {self.graph.maker.get(node) for node in self.ancestors}
            self.memo["makers"] = [
                self.trace.ops[i] for i in sorted(m for m in made if m is not None)
            ]
        return self.memo["makers"]  # type: ignore[no-any-return]

    def way(self, source: int) -> Way | None:
        """The cheapest way from a source to a target."""
        best, following, _ = self._routes
        if source not in best:
            return None
        edges: list[Edge] = []
        node = source
        while node in following and node not in self.targets:
            edge = following[node]
            edges.append(edge)
            node = edge.target
        return Way(edges, [self.fault(e) for e in edges])

    def price(self, source: int) -> float:
        """The cost of the cheapest way; large when only a shape or index joins the two."""
        return self._routes[0].get(source, float("inf"))

    # -- agreement

    @property
    def begins(self) -> set[int]:
        """The targets at which the backward pass begins with a gradient.

        A Jacobian takes its target apart with ops on the tape: of one that is not tracked nothing
        comes back, not even for the target itself. These ops read a variable, which watches it.
        """
        tracking = self.tracking
        if self.query.method == "gradient" or tracking is None:
            return set(self.targets)
        read = {
            t for t in self.targets
            if tracking.tape.auto_watch and t in self.trace.tensors and self.trace.tensors[t].trainable
        }  # fmt: skip
        return {
            t for t in self.targets if self.is_float(t) and (t in tracking.tracked or t in read)
        }

    def predicted(self) -> tuple[set[int], set[int], set[int]]:
        """What the trace predicts, from ops, tracking and registered gradients alone.

        What a person's own rule (a custom gradient, a function) hands on can't be foretold: its
        observed answer is taken as given, is not counted, and the prediction goes on behind it.

        Returns:
            Tensors at which a gradient arrives, tensors at which none does, and tensors of which
            nothing can be predicted (behind a custom gradient or a function).
        """
        tracking = self.tracking
        arrives = self.begins
        given: set[int] = set()  # at which a gradient arrives because a person's rule handed it on
        open_: set[int] = set()
        seen = set(self.targets)
        if tracking is None:
            return arrives, set(), open_
        makers = self.graph.maker
        for index in sorted(tracking.recorded, reverse=True):
            op = self.trace.ops[index]
            mine = [t for t in op.outputs if makers.get(t) == index]
            certain = any(t in arrives or t in given for t in mine)
            if not certain and not any(t in open_ for t in mine):
                continue
            answer = self.differentiable(op)
            told = self.codes.get(index, b"") if answer is None or answer == MISSING else b""
            for position, tensor in enumerate(op.inputs):
                if tensor not in tracking.tracked:
                    continue
                seen.add(tensor)
                if answer is None or answer == MISSING or not certain:
                    open_.add(tensor)
                    if certain and position < len(told) and told[position]:
                        given.add(tensor)
                elif answer[position]:
                    arrives.add(tensor)
        open_ -= arrives
        return arrives, seen - arrives - open_, open_

    def observed(self) -> set[int]:
        """Tensors at which the backward pass was seen to put a gradient."""
        if "observed" not in self.memo:
            self.memo["observed"] = self._observed()
        return self.memo["observed"]  # type: ignore[no-any-return]

    def _observed(self) -> set[int]:
        arrived = set(self.begins)
        tracking = self.tracking
        for step in self.query.steps:
            # A py_function's backward pass asks a tape of its own: not this one's steps.
            if step.op is None or tracking is None or step.op not in tracking.recorded:
                continue
            op = self.trace.ops[step.op]
            for position, code in enumerate(step.codes[: len(op.inputs)]):
                if code and position not in step.skip:
                    tensor = op.inputs[position]
                    if op.rule is None or tensor in tracking.tracked:
                        arrived.add(tensor)
        if self.query.zero_for_none:
            # Zeros hide the None of an untracked source, for which a backward op answers all the same.
            asked = {a.tensor for a in self.query.sources if a.tensor is not None}
            if tracking is not None:
                arrived -= asked - tracking.tracked.keys() - set(self.targets)
        else:
            # What the person got is the last word: of an untracked source TensorFlow computes the
            # gradient and drops it.
            for argument, gradient in zip(self.query.sources, self.query.gradients, strict=False):
                if argument.tensor is None:
                    continue
                if gradient is None:
                    arrived.discard(argument.tensor)
                elif not (gradient.zero and self.query.method == "batch_jacobian"):
                    arrived.add(
                        argument.tensor
                    )  # batch_jacobian gives zeros where others give None
        return arrived

    def agreement(self) -> tuple[int, int]:
        """Number of tensors compared, and of those where prediction and observation differ."""
        if self.query.error is not None or self.tracking is None:
            return 0, 0
        arrives, none, open_ = self.predicted()
        seen = self.observed()
        compared = (arrives | none | seen) - open_
        # Some backward ops hand numbers to indices and shapes, and tapes then drop them.
        compared = {t for t in compared if self.is_float(t)}
        asked = {a.tensor for a in self.query.sources if a.tensor is not None} - open_
        compared |= asked
        return len(compared), len((arrives ^ seen) & compared)


def mark_of(node: int) -> int | None:
    """The mark of a node, None for a tensor."""
    return node_mark(node)
