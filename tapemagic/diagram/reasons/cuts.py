"""The reasons, laid over the graph: where the gradient ends, and the way that led there."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from tapemagic.diagram.model import Edge, Node
from tapemagic.diagram.nodes.python_way import mark_node
from tapemagic.diagram.nodes.tensors import tensor_node
from tapemagic.diagram.reasons.births import mark_birth
from tapemagic.diagram.sketch import louder
from tapemagic.traces.flow import node_mark
from tapemagic.wording import words
from tapemagic.wording.escape import one_line

if TYPE_CHECKING:
    from tapemagic.diagram.sketch import Sketch
    from tapemagic.report.model import Call, Source, Why

STEPS = 200  # a search for the way between both sides of a cut ends after so many nodes


def mark_reasons(sketch: Sketch) -> None:
    """Mark the cuts of every source that is drawn."""
    for call in sketch.calls:
        for source in call.sources:
            if source.why is not None and words.attention(source.why):
                for why in (source.why, source.why.because):
                    if why is not None:
                        mark_reason(sketch, call, source, why)
            for why in source.partial:
                mark_reason(sketch, call, source, why)


def mark_reason(sketch: Sketch, call: Call, source: Source, why: Why) -> None:
    """Mark one reason: the story's nodes, and the edges where the gradient ends."""
    for step in why.story:
        if step.tensor is not None and _known(sketch, step.tensor):
            node = tensor_node(sketch, sketch.graph.same(step.tensor))
            node.state, node.keep = louder(node.state, "story"), True
    _lift_edges(sketch, why)
    before, after = _inside(sketch, why) or why.cut
    if before is None and after is None and source.status not in ("none", "masked"):
        mark_birth(sketch, call, source, why)
        return
    if why.because is not None and before is None:
        return  # what it masks is marked by the reason below it
    tail = _side(sketch, source.tensor if before is None else before)
    head = _side(sketch, after)
    if tail is None:
        return
    tail.keep = True
    if head is None:
        _dead_end(sketch, tail, why)
        return
    head.keep = True
    way = [] if head.id == tail.id else _way(sketch, tail.id, head.id)
    if way:
        _cut_first(sketch, way, why)
        _cut_too(sketch, source, head, why)
    elif head.id == tail.id:
        tail.state = "cut"
    elif not sketch.graph.opened.hosts.keys().isdisjoint(head.ops):
        if source.status in ("none", "masked"):  # the function takes it in, and no op there uses it
            _dead_end(sketch, tail, why)
    elif head.role == "python":
        _join_once(sketch, tail.id, head.id, "cut", why)
    else:
        _by_story(sketch, tail, head, why)


def _inside(sketch: Sketch, why: Why) -> tuple[int, int] | None:
    """Return both sides of a cut in the body of a function that is opened here."""
    if why.inside is None:
        return None
    body, index, position = why.inside
    for copy in sketch.graph.opened.copies.get((body, index), ()):
        node = sketch.nodes.get(f"op{copy}")
        op = sketch.graph.copied(copy)
        if node is not None and op is not None and op.outputs:
            return op.inputs[position], op.outputs[0]
    return None


def _side(sketch: Sketch, side: int | None) -> Node | None:
    """Return the node on one side of a cut; a negative number stands for a marked value."""
    if side is None:
        return None
    mark = node_mark(side)
    if mark is not None:
        return mark_node(sketch, mark)
    return tensor_node(sketch, sketch.graph.same(side)) if _known(sketch, side) else None


def _lift_edges(sketch: Sketch, why: Why) -> None:
    """Lift the edges between neighbours of the story out of the background."""
    told = [s.tensor for s in why.story if s.tensor is not None and _known(sketch, s.tensor)]
    names = [tensor_node(sketch, sketch.graph.same(tensor)).id for tensor in told]
    for tail, head in pairwise(names):
        for edge in sketch.between(tail, head) or _way(sketch, tail, head):
            edge.state = louder(edge.state, "story")
            if edge.head != head:
                between = sketch.nodes[edge.head]
                between.state = louder(between.state, "story")


def _known(sketch: Sketch, tensor: int) -> bool:
    return sketch.graph.same(tensor) in sketch.graph.tensors


def _cut_first(sketch: Sketch, way: list[Edge], why: Why) -> None:
    """Redden the edge that ends the gradient; keep what lies between both sides."""
    if all(edge.state == "strong" for edge in way):
        return  # what is drawn there is another way than the one that was cut
    for edge in way:
        node = sketch.nodes[edge.head]
        node.keep = True
        edge.state = louder(edge.state, "story") if edge.state != "strong" else "strong"
    first = next(edge for edge in way if edge.state != "strong")
    twins = [e for e in sketch.between(first.tail, first.head) if e.state != "strong"]
    for edge in twins or [first]:
        edge.state, edge.detail = "cut", one_line(why.message, 200)
    first.label = words.cause(why)


def _cut_too(sketch: Sketch, source: Source, head: Node, why: Why) -> None:
    """Sources that share a reason each have their own way into the place where it ends."""
    if source.tensor is None:
        return
    own = tensor_node(sketch, sketch.graph.same(source.tensor))
    way = _way(sketch, own.id, head.id)
    weak = [edge for edge in way if edge.state != "strong"]
    if weak and not any(edge.state == "cut" for edge in way):
        weak[-1].state, weak[-1].detail = "cut", one_line(why.message, 200)


def _by_story(sketch: Sketch, tail: Node, head: Node, why: Why) -> None:
    """Both sides are known but nothing observed joins them: draw what the story tells."""
    between = [
        step
        for step in why.story
        if step.kind in ("left", "python", "write", "read")
        or (step.kind == "cut" and one_line(step.text) not in head.title)
    ]
    last = tail.id
    for number, step in enumerate(between):
        node = sketch.add(
            Node(
                f"way-{tail.id}-{head.id}-{number}",
                "python" if step.kind in ("left", "python") else "op",
                one_line(step.text, 34),
                tuple(x for x in (words.place(step.at),) if x),
                state="story",
                keep=True,
                line=step.at.line if step.at is not None and step.at.here else None,
            )
        )
        _join_once(sketch, last, node.id, "cut" if last == tail.id else "story", why)
        last = node.id
    _join_once(sketch, last, head.id, "cut" if last == tail.id else "story", why)


def _join_once(sketch: Sketch, tail: str, head: str, state: str, why: Why) -> None:
    if not sketch.between(tail, head):
        label = words.cause(why) if state == "cut" else ""
        sketch.join(Edge(tail, head, state, label, one_line(why.message, 200), python=True))


def _dead_end(sketch: Sketch, tail: Node, why: Why) -> None:
    """The way simply ends: draw a stop after the last tensor."""
    stop = sketch.add(
        Node(
            f"stop-{tail.id}",
            "stop",
            f"✗ {words.cause(why)}",
            tuple(x for x in (words.place(why.at),) if x),
            state="cut",
            detail=one_line(why.message, 200),
            keep=True,
        )
    )
    if not sketch.between(tail.id, stop.id):
        sketch.join(Edge(tail.id, stop.id, "cut", python=True))


def _way(sketch: Sketch, tail: str, head: str) -> list[Edge]:
    """Return the shortest way from one node to another, if there is one by where no gradient flows."""
    weak = [edge for edge in sketch.edges if edge.state != "strong" and not edge.again]
    return _shortest(weak, tail, head) or _shortest(sketch.edges, tail, head)


def _shortest(edges: list[Edge], tail: str, head: str) -> list[Edge]:
    """Return the shortest way over some edges, searched backwards from the head."""
    incoming: dict[str, list[Edge]] = {}
    for edge in edges:
        incoming.setdefault(edge.head, []).append(edge)
    nexts: dict[str, Edge] = {}
    layer = [head]
    seen = {head}
    while layer and len(seen) < STEPS:
        following: list[str] = []
        for node in layer:
            for edge in incoming.get(node, ()):
                if edge.tail in seen:
                    continue
                seen.add(edge.tail)
                nexts[edge.tail] = edge
                if edge.tail == tail:
                    return _unroll(nexts, tail, head)
                following.append(edge.tail)
        layer = following
    return []


def _unroll(nexts: dict[str, Edge], tail: str, head: str) -> list[Edge]:
    way: list[Edge] = []
    while tail != head:
        way.append(nexts[tail])
        tail = nexts[tail].head
    return way
