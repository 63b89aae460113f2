"""Calls of functions, replaced by the ops of their bodies.

The ops of a body are copied once for each call of it, with ids of their own. What the call was given
stands for the body's placeholders, and what it gave for the body's outputs, so the rest of the diagram
sees one graph. A value is shown inside only where the call handed it out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from tapemagic.diagram.bodies.copier import Copier
from tapemagic.diagram.bodies.opened import BRANCHES, LOOPS, Call, Opened, title
from tapemagic.diagram.model import Group
from tapemagic.traces.tracking import DIFFERENTIABLE

if TYPE_CHECKING:
    from collections.abc import Collection

    from tapemagic.traces.model import Body, Op, Tensor, Trace

DEEP = 6  # functions in functions that are opened
MOST = 4000  # ops that are copied
SAME = 3  # calls of one function from one place that are all opened


def open_calls(
    trace: Trace, ops: list[Op], closed: Collection[int] = (), always: Collection[int] = ()
) -> Opened:
    """Open the calls among some ops.

    Args:
        trace: Holds the bodies.
        ops: The ops of one graph of it.
        closed: Indices of calls that stay one box.
        always: Indices of calls that are opened also where there are many like them.
    """
    found = Opened()
    opener = Opener(trace, ops, found)
    asked = bool(trace.queries)  # else the tape may be inside of a call that is on none
    calls = [op for op in ops if op.inner and (op.recorded or not asked) and op.index not in closed]
    alike = Counter((op.at, op.inner) for op in calls)
    for op in calls:
        if op.index in always or alike[op.at, op.inner] <= SAME:
            opener.open(op)
    return found


class Opener:
    """Copies bodies into one graph."""

    def __init__(self, trace: Trace, ops: list[Op], found: Opened) -> None:
        self.trace = trace
        self.found = found
        self.next_op = len(trace.ops)
        ids = [*trace.tensors, *(t for body in trace.bodies.values() for t in body.tensors)]
        self.next_tensor = max(ids, default=0) + 1
        self.used = {t for op in ops if op.type != "ZerosLike" for t in op.inputs}
        for query in trace.queries:
            ends = (*query.targets, *query.sources)
            self.used.update(a.tensor for a in ends if a.tensor is not None)
        watched = {e.tensor for tape in trace.tapes.values() for e in tape.events}
        self.tracked = found.tracked
        self.tracked.update(t for op in trace.ops if op.recorded for t in op.outputs)
        self.tracked.update(
            t.id
            for t in trace.tensors.values()
            if t.kind == "variable" and t.trainable is not False
        )
        self.tracked.update(t for t in watched if t is not None)

    def open(self, op: Op) -> None:
        """Open one call of the trace, unless it is too large or something in it is not known."""
        bodies, known = self._bodies(op), self.trace.tensors
        if bodies is None or len(self.found.hosts) > MOST:
            return
        wanted = {
            at for at, t in enumerate(op.outputs)
            if t in self.used or (t in known and known[t].name is not None)
        }  # fmt: skip
        for body, _ in bodies:
            for at in wanted:
                facts, inner = known.get(op.outputs[at]), body.tensors.get(body.outputs[at])
                if facts is None or inner is None or facts.dtype != inner.dtype:
                    return  # the graph was changed since it was called
        call = Call(op, entries=[None] * len(op.inputs))
        self.found.calls[op.index] = call
        self.run(op, wanted or {0}, call, None, 0)

    def _bodies(self, op: Op) -> list[tuple[Body, int]] | None:
        """The bodies that an op runs; None if one is not known, or does not fit."""
        found = [(self.trace.bodies.get(key), before) for key, before in op.inner]
        known = [(body, before) for body, before in found if body is not None]
        fits = all(len(body.outputs) >= len(op.outputs) for body, _ in known)
        return known if known and len(known) == len(found) and fits else None

    def run(self, op: Op, wanted: set[int], call: Call, parent: str | None, depth: int) -> None:
        """Put the bodies of an op (its ids are this graph's) into the place of it."""
        bodies = self._bodies(op)
        if bodies is None or depth > DEEP or len(self.found.hosts) > MOST:
            self.add(op, call, parent)
            return
        branches = op.type in BRANCHES
        given: list[dict[int, int]] = []
        for body, before in bodies:
            group = self._group(op, body, parent)
            call.frame = call.frame or group.id
            outputs = {at: op.outputs[at] for at in wanted if at < len(op.outputs)}
            if branches:
                outputs = {at: self.tensor(body.tensors[body.outputs[at]]) for at in outputs}
            given.append(outputs)
            copier = Copier(self, body, call, group.id, depth)
            entries = copier.enter(op.inputs[before:], loop=op.type in LOOPS)
            if depth == 0:
                for at, entry in enumerate(entries):
                    call.entries[before + at] = entry
            copier.copy(outputs)
        for at in sorted(given[0]) if branches else ():
            # One of the branches ran: their results meet in a box of their own.
            results = tuple(outputs[at] for outputs in given)
            passes = (False, *(self._floats(t) for t in results))
            meeting = replace(
                op, inputs=(op.inputs[0], *results), outputs=(op.outputs[at],), passes=passes,
                inner=(),
            )  # fmt: skip
            self.add(meeting, call, parent)

    def _group(self, op: Op, body: Body, parent: str | None) -> Group:
        group = Group(f"body{len(self.found.groups)}", title(op, body), parent)
        self.found.groups.append(group)
        return group

    def add(self, op: Op, call: Call, home: str | None) -> Op:
        """Add a copy; it is recorded where a tape would follow a value through it."""
        tracked = tuple(t in self.tracked and self._floats(t) for t in op.inputs)
        recorded = call.op.recorded and any(tracked) and op.type != "StopGradient"
        if recorded:
            self.tracked.update(op.outputs)
        passes = op.passes
        if passes is not None:
            passes = tuple(
                flag if known else False for flag, known in zip(passes, tracked, strict=True)
            )
        made = replace(
            op, index=self.next_op, recorded=recorded, passes=passes, phase="forward", graph=None
        )
        self.next_op += 1
        call.ops.append(made)
        self.found.hosts[made.index] = call.op.index
        if home is not None:
            self.found.homes[made.index] = home
            self.found.places.update((t, home) for t in made.outputs)
        return made

    def _floats(self, tensor: int) -> bool:
        facts = self.found.tensors.get(tensor) or self.trace.tensors.get(tensor)
        return facts is None or facts.kind == "variable" or facts.dtype in DIFFERENTIABLE

    def tensor(self, facts: Tensor) -> int:
        """Make a tensor like another one; its id."""
        made = self.next_tensor
        self.next_tensor += 1
        self.found.tensors[made] = replace(facts, id=made, op=None)
        return made
