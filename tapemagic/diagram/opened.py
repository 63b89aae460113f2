"""Calls of functions, replaced by the ops of their bodies.

The ops of a body are copied once for each call of it, with ids of their own. What the call was given
stands for the body's placeholders, and what it gave for the body's outputs, so the rest of the diagram
sees one graph. What is copied carries no values: those were never observed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tapemagic.diagram.model import Group
from tapemagic.traces.tracking import DIFFERENTIABLE
from tapemagic.wording import words
from tapemagic.wording.escape import one_line
from tapemagic.wording.numbers import counted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from tapemagic.traces.model import Body, Op, Tensor, Trace

DEEP = 6  # functions in functions that are opened
MOST = 4000  # ops that are copied
SAME = 3  # calls of one function from one place that are all opened
MOST_TRACES = 2  # a function that makes variables is traced twice by its first call
LOOPS = ("While", "StatelessWhile")
BRANCHES = ("If", "StatelessIf", "Case", "StatelessCase")
_BOOKS = (
    "TensorList",
    "EmptyTensorList",
    "Optional",
)  # kept by loops and branches for the way back
_NAME = 40


@dataclass(slots=True)
class Call:
    """One opened call of the trace.

    Attributes:
        op: The op that stood for it.
        ops: The copies in its place, in order.
        frame: Id of the frame around it.
        entries: For each input of the call the placeholder's copy; None where it has none.
        loops: What a turn of a loop gives, and the placeholder that gets it in the next turn.
    """

    op: Op
    ops: list[Op] = field(default_factory=list)
    frame: str = ""
    entries: list[int | None] = field(default_factory=list)
    loops: list[tuple[int, int]] = field(default_factory=list)


@dataclass(slots=True)
class Opened:
    """All opened calls of one graph.

    Attributes:
        calls: By the index of the op that each stands for.
        tensors: Facts of the copied tensors.
        alias: A copied tensor that is another one: a placeholder, or a result handed on as it is.
        groups: A frame for each body, outer ones first.
        homes: The frame of each copied op.
        places: The frame of each tensor that a copied op made.
        hosts: Of a copied op the index of the call of the trace that it is a part of.
        copies: Copies of a body's op, by body and index.
        aside: Ops whose derivatives are not asked for: a rule of its own stands for them.
        tracked: Tensors that a tape cares for; what is handed back for others is dropped.
    """

    calls: dict[int, Call] = field(default_factory=dict)
    tensors: dict[int, Tensor] = field(default_factory=dict)
    alias: dict[int, int] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)
    homes: dict[int, str] = field(default_factory=dict)
    places: dict[int, str] = field(default_factory=dict)
    hosts: dict[int, int] = field(default_factory=dict)
    copies: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    aside: set[int] = field(default_factory=set)
    tracked: set[int] = field(default_factory=set)


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
    opener = _Opener(trace, ops, found)
    calls = [op for op in ops if op.inner and op.recorded and op.index not in closed]
    alike = Counter((op.at, op.inner) for op in calls)
    for op in calls:
        if op.index in always or alike[op.at, op.inner] <= SAME:
            opener.open(op)
    return found


class _Opener:
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
        if len(self.found.hosts) > MOST or self._bodies(op) is None:
            return
        call = Call(op, entries=[None] * len(op.inputs))
        known = self.trace.tensors
        wanted = {
            at for at, t in enumerate(op.outputs)
            if t in self.used or (t in known and known[t].name is not None)
        }  # fmt: skip
        self.found.calls[op.index] = call
        self._run(op, wanted or {0}, call, None, 0)

    def _bodies(self, op: Op) -> list[tuple[Body, int]] | None:
        """The bodies that an op runs; None if one is not known, or does not fit."""
        found = [(self.trace.bodies.get(key), before) for key, before in op.inner]
        known = [(body, before) for body, before in found if body is not None]
        fits = all(len(body.outputs) >= len(op.outputs) for body, _ in known)
        return known if known and len(known) == len(found) and fits else None

    def _run(self, op: Op, wanted: set[int], call: Call, parent: str | None, depth: int) -> None:
        """Put the bodies of an op (its ids are this graph's) into the place of it."""
        bodies = self._bodies(op)
        if bodies is None or depth > DEEP:
            self._add(op, call, parent)
            return
        branches = op.type in BRANCHES
        given: list[dict[int, int]] = []
        for body, before in bodies:
            group = self._group(op, body, parent)
            call.frame = call.frame or group.id
            outputs = {at: op.outputs[at] for at in wanted if at < len(op.outputs)}
            if branches:
                outputs = {at: self._tensor(body.tensors[body.outputs[at]]) for at in outputs}
            given.append(outputs)
            copier = _Copier(self, body, call, group.id, depth)
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
            self._add(meeting, call, parent)

    def _group(self, op: Op, body: Body, parent: str | None) -> Group:
        group = Group(f"body{len(self.found.groups)}", title(op, body), parent)
        self.found.groups.append(group)
        return group

    def _add(self, op: Op, call: Call, home: str | None) -> Op:
        """Add a copy; it is recorded where a tape would follow a value through it."""
        tracked = tuple(t in self.tracked and self._floats(t) for t in op.inputs)
        recorded = any(tracked) and op.type != "StopGradient"
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

    def _tensor(self, facts: Tensor) -> int:
        made = self.next_tensor
        self.next_tensor += 1
        self.found.tensors[made] = replace(facts, id=made, op=None)
        return made


class _Copier:
    """Copies one body into one call."""

    def __init__(self, opener: _Opener, body: Body, call: Call, home: str, depth: int) -> None:
        self.opener = opener
        self.body = body
        self.call = call
        self.home = home
        self.depth = depth
        self.loop = False
        self.names: dict[int, int] = {}  # a tensor of the body -> its copy
        self.makers = {t: op for op in body.ops for t in op.outputs}

    def enter(self, inputs: tuple[int, ...], loop: bool) -> list[int]:
        """Let the placeholders stand for what the call was given."""
        self.loop = loop
        opener, found = self.opener, self.opener.found
        for placeholder, tensor in zip(self.body.inputs, inputs, strict=False):
            copy = self.names[placeholder] = opener._tensor(self.body.tensors[placeholder])
            found.alias[copy] = tensor
            if tensor in opener.tracked:
                opener.tracked.add(copy)
        changing = [
            (end, begin)
            for end, begin in zip(self.body.outputs, self.body.inputs, strict=False)
            if end != begin and loop
        ]
        if any(t in opener.tracked for t in inputs):
            # What is tracked after a turn is tracked in the next one.
            opener.tracked.update(self.names[begin] for _, begin in changing if begin in self.names)
        return [self.names[p] for p, _ in zip(self.body.inputs, inputs, strict=False)]

    def copy(self, outputs: dict[int, int]) -> None:
        """Copy the ops that the wanted outputs need.

        Args:
            outputs: For positions among the body's outputs, the ids under which they are known.
        """
        opener, found, body = self.opener, self.opener.found, self.body
        for at, known in outputs.items():
            end = self._plain(body.outputs[at])
            if end in self.names:
                found.alias[known] = self.names[end]
            else:
                self.names[end] = known
                facts = replace(body.tensors[end], id=known, op=None)
                if known not in opener.trace.tensors:
                    found.tensors.setdefault(known, facts)
        written = body.made_by == "tf.function"  # what it computed in vain is the person's too
        needed = self._needed({body.outputs[at] for at in outputs})
        for op in body.ops:
            if op.type == "Placeholder" or not op.outputs or self._is_handed_on(op):
                continue
            books = op.type == "Identity" or op.type.startswith(_BOOKS)
            aside = not written or op.at is None or books or op.inner
            if needed.isdisjoint(op.outputs) and aside:
                continue
            self._one(op, needed)
        if self.loop:
            self._turns(needed)

    def _one(self, op: Op, needed: set[int]) -> None:
        opener = self.opener
        inputs = tuple(self._copied(t) for t in op.inputs)
        outputs = tuple(self._copied(t) for t in op.outputs)
        made = replace(op, inputs=inputs, outputs=outputs)
        if op.inner:
            wanted = {at for at, t in enumerate(op.outputs) if t in needed}
            opener._run(made, wanted or {0}, self.call, self.home, self.depth + 1)
            return
        index = opener._add(made, self.call, self.home).index
        opener.found.copies.setdefault((self.body.name, op.index), []).append(index)

    def _turns(self, needed: set[int]) -> None:
        for end, begin in zip(self.body.outputs, self.body.inputs, strict=False):
            given = self._plain(end)
            if given in needed and given != begin and begin in self.names:
                self.call.loops.append((self._copied(given), self.names[begin]))

    def _copied(self, tensor: int) -> int:
        tensor = self._plain(tensor)
        if tensor not in self.names:
            self.names[tensor] = self.opener._tensor(self.body.tensors[tensor])
        return self.names[tensor]

    def _is_handed_on(self, op: Op) -> bool:
        """Whether an op is an ``Identity`` that TensorFlow puts at the border of a body."""
        if op.type != "Identity" or len(op.inputs) != 1:
            return False
        maker = self.makers.get(op.inputs[0])
        inner = maker is not None and bool(maker.inner)
        return inner or op.outputs[0] in self.body.outputs

    def _plain(self, tensor: int) -> int:
        """A tensor before it was handed on as it is."""
        maker = self.makers.get(tensor)
        while maker is not None and self._is_handed_on(maker):
            tensor = maker.inputs[0]
            maker = self.makers.get(tensor)
        return tensor

    def _needed(self, ends: Iterable[int]) -> set[int]:
        """Every tensor that some outputs were made from; in a loop, over all turns."""
        after = dict(zip(self.body.inputs, self.body.outputs, strict=False)) if self.loop else {}
        needed: set[int] = set()
        todo = [self._plain(end) for end in ends]
        while todo:
            tensor = todo.pop()
            if tensor in needed:
                continue
            needed.add(tensor)
            maker = self.makers.get(tensor)
            if maker is not None:
                todo += [self._plain(t) for t in maker.inputs]
            if tensor in after:
                todo.append(self._plain(after[tensor]))
        return needed


def title(op: Op, body: Body) -> str:
    """The label of a body's frame: whose body it is, and what is special about it."""
    said = []
    if body.made_by == "tf.function":
        said.append(f"{one_line(body.function, _NAME)} (tf.function)")
    else:
        said.append(body.made_by)
    if body.compiled:
        said.append("jit_compile=True")
    if body.turns is not None:
        most = "at most " if body.made_by == "loop" else ""
        said.append(f"{most}{counted(body.turns, 'turn')}")
    if body.traces > MOST_TRACES:
        said.append(f"traced {body.traces} times")
    where = words.place(op.at)
    if where:
        said.append(where)
    if all(inner.at is None for inner in body.ops):
        said.append("no Python lines known")
    return ", ".join(said)
