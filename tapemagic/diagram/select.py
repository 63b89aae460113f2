"""Which ops are worth drawing for the calls that are shown."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tapemagic.traces.flow import node_mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapemagic.diagram.graph import Graph
    from tapemagic.report.model import Call, Report, Why
    from tapemagic.traces.model import Op

MAX_CALLS = 4
SMALL = 40  # a cell with no more ops than this is drawn whole
AFTERMATH = 12  # ops shown after a source that never reached the target


def calls(report: Report, call: int | None) -> list[int]:
    """Return the positions of the calls to draw: the asked one, else the most telling ones."""
    if call is not None:
        return [call] if 0 <= call < len(report.calls) else []
    order = sorted(
        range(len(report.calls)), key=lambda i: (not _asks_attention(report.calls[i]), i)
    )
    return sorted(order[:MAX_CALLS])


def _asks_attention(call: Call) -> bool:
    return any(why.level in ("warning", "error") for why in reasons(call))


def reasons(call: Call) -> Iterator[Why]:
    """Yield every reason given in a call, with the reasons below them."""
    todo = [call.error.why] if call.error is not None and call.error.why is not None else []
    for source in call.sources:
        todo += [source.why] if source.why is not None else []
        todo += source.partial
    for why in todo:
        yield why
        if why.because is not None:
            yield why.because


def relevant(graph: Graph, shown: Iterable[Call]) -> set[int]:
    """Return the indices of the ops that lead to a target, or show what became of a source."""
    shown = list(shown)
    targets = [t.tensor for call in shown for t in call.targets if t.tensor is not None]
    story = [step.tensor for call in shown for why in reasons(call) for step in why.story]
    story += [tensor for call in shown for why in reasons(call) for tensor in why.cut]
    marks = [node_mark(side) for side in story if side is not None]
    story += graph.mark_tensors(mark for mark in marks if mark is not None)
    wanted = graph.ancestors([*targets, *(tensor for tensor in story if tensor is not None)])
    chosen = {op.index for op in graph.ops if not wanted.isdisjoint(op.outputs)}
    end = _end(graph, shown)
    forward = [
        o for o in graph.ops if o.phase == "forward" and graph.drawn(o) and graph.when(o)[0] < end
    ]
    sources = {
        graph.same(source.tensor)
        for call in shown
        for source in call.sources
        if source.tensor is not None
    }
    lost = sources - wanted
    if len(forward) <= SMALL:
        chosen.update(op.index for op in _touching(graph, forward, wanted | sources))
    elif lost:
        chosen.update(op.index for op in _after(graph, forward, lost)[:AFTERMATH])
    # Writes carry no gradient: those that tell part of a reason come back below.
    chosen -= graph.births | {op.index for ops in graph.writers.values() for op in ops}
    chosen &= _fed(graph, {*sources, *(tensor for tensor in story if tensor is not None)})
    told = {graph.same(tensor) for tensor in story if tensor is not None}
    for tensor in told:
        writes = [op for op in graph.writers.get(tensor, []) if op.index < end][:AFTERMATH]
        # What a variable began with matters only when that is where the value came from.
        chosen.update(
            op.index
            for op in writes
            if op.index not in graph.births or not told.isdisjoint(graph.inputs(op)[1:])
        )
    return chosen


def _end(graph: Graph, shown: list[Call]) -> float:
    """Return where the last call ended: what ran after it cannot have mattered to it."""
    queries = graph.trace.queries
    known = [queries[call.query] for call in shown if call.query < len(queries)]
    if not known or any(query.graph is not None for query in known):
        return math.inf
    return max(query.op_end for query in known)


def _fed(graph: Graph, tensors: set[int]) -> set[int]:
    """Return the ops that worked on more than data: on a variable, a source, or a story's value.

    How the data was made (random numbers, ranges, datasets) is left out; an op that uses it shows
    it as an input. Recorded ops always stay.
    """
    carries = {graph.same(tensor) for tensor in tensors}
    carries.update(t.id for t in graph.tensors.values() if t.kind == "variable")
    carries.update(graph.entry)
    kept = set()
    for op in graph.ops:
        inputs = graph.inputs(op)
        if op.recorded or not carries.isdisjoint(inputs) or not carries.isdisjoint(op.outputs):
            kept.add(op.index)
            carries.update(op.outputs)
    return kept


def _after(graph: Graph, ops: list[Op], tensors: set[int]) -> list[Op]:
    reach, found = set(tensors), []
    for op in ops:
        if not reach.isdisjoint(graph.inputs(op)):
            reach.update(op.outputs)
            found.append(op)
    return found


def _touching(graph: Graph, ops: list[Op], tensors: set[int]) -> list[Op]:
    """Return what was computed from any of the tensors, in a cell small enough to show it."""
    return _after(graph, ops, {tensor for tensor in tensors if _is_value(graph, tensor)})


def _is_value(graph: Graph, tensor: int) -> bool:
    known = graph.tensors.get(tensor)
    return known is None or known.kind != "constant"
