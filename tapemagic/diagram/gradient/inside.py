"""Where the gradient went inside the opened calls of one query.

What the tape handed back for the inputs of a call was observed. Inside the call each op's own derivative
decides, beginning at the results that a gradient arrived at. A call where the two don't agree is doubtful:
it is drawn as one box.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapemagic.diagram.bodies.opened import LOOPS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapemagic.diagram.bodies.opened import Call
    from tapemagic.diagram.graph import Graph
    from tapemagic.traces.model import BackwardStep, Op, Query

Slot = tuple[int, int]
NONE, ZERO, UNSEEN = 0, 1, 4


def inside(
    graph: Graph, query: Query | None, live: set[Slot], targets: Iterable[int]
) -> tuple[set[Slot], set[int]]:
    """Follow the gradient through all opened calls.

    Args:
        graph: With the calls.
        query: What was observed of the backward pass, if it was.
        live: Inputs of ops outside of the calls that were handed a gradient.
        targets: The tensors that the gradient begins at.

    Returns:
        The inputs of copied ops that are handed a gradient, and the indices of doubtful calls.
    """
    arrived = set(targets)
    for op in graph.ops:
        arrived.update(t for at, t in enumerate(op.inputs) if (op.index, at) in live)
    steps: dict[int | None, list[BackwardStep]] = {}
    for step in query.steps if query is not None else ():
        steps.setdefault(step.op, []).append(step)
    found: set[Slot] = set()
    doubtful: set[int] = set()
    for index in sorted(graph.opened.calls, reverse=True):
        call = graph.opened.calls[index]
        codes = _codes(steps.get(index, []))
        if steps and codes is None:
            continue  # no gradient came to this call
        for unknown in (False, True):
            slots, reached = _through(graph, call, arrived, unknown)
            if codes is None or _agrees(graph, call, codes, reached):
                found |= slots
                arrived |= reached
                break
        else:
            doubtful.add(index)
    return found, doubtful


def _codes(steps: list[BackwardStep]) -> dict[int, int] | None:
    """What a call's backward op was seen to return, by input; without those that are dropped."""
    if not steps:
        return None
    found: dict[int, int] = {}
    for step in steps:
        codes = step.codes or bytes(NONE if none else UNSEEN for none in step.none)
        for position, code in enumerate(codes):
            if position not in step.skip:
                found[position] = max(code, found.get(position, NONE))
    return found


def _through(
    graph: Graph, call: Call, arrived: set[int], unknown: bool
) -> tuple[set[Slot], set[int]]:
    """Go back through one call.

    Args:
        graph: With the call.
        call: The call.
        arrived: Tensors outside that a gradient arrived at.
        unknown: What to take an op for whose rule can't be foretold.

    Returns:
        The inputs that are handed a gradient, and all tensors of the call that one arrives at.
    """
    slots: set[Slot] = set()
    reached: set[int] = set()

    def reach(tensor: int | None) -> None:
        """A copied tensor may be one of the calls around it, handed on as it is."""
        while tensor is not None and tensor not in reached:
            reached.add(tensor)
            tensor = graph.opened.alias.get(tensor)

    for tensor in call.op.outputs:
        if tensor in arrived:
            reach(tensor)
    again = True
    while again:
        for op in reversed(call.ops):
            if not reached.isdisjoint(op.outputs):
                for position in _handed_on(op, unknown):
                    slots.add((op.index, position))
                    reach(op.inputs[position])
        ends = [end for end, begin in call.loops if begin in reached and end not in reached]
        again = bool(ends)
        for end in ends:
            reach(end)
    return slots, reached


def _handed_on(op: Op, unknown: bool) -> list[int]:
    flags = op.passes or (None,) * len(op.inputs)
    return [at for at, flag in enumerate(flags) if (unknown if flag is None else flag)]


def _agrees(graph: Graph, call: Call, codes: dict[int, int], reached: set[int]) -> bool:
    """Whether a gradient reaches those inputs of a call for which one was handed back.

    A loop, and a branch that was not taken, hand back zeros where there is none: those agree with both.
    """
    loops = call.op.type in LOOPS or any(op.type in LOOPS for op in call.ops) or bool(call.loops)
    for position, code in codes.items():
        entry = call.entries[position] if position < len(call.entries) else None
        if entry is None or entry not in graph.opened.tracked:
            continue
        comes = entry in reached
        if code == ZERO or (code == UNSEEN and loops):
            continue
        if comes != (code != NONE):
            return False
    return True
