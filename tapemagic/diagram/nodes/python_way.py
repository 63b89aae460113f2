"""Values that left TensorFlow, drawn as nodes of their own between tensor and constant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapemagic.diagram.model import Edge, Node
from tapemagic.diagram.nodes.tensors import tensor_node
from tapemagic.wording import words
from tapemagic.wording.escape import one_line

if TYPE_CHECKING:
    from tapemagic.diagram.sketch import Sketch
    from tapemagic.traces.model import Mark

CODE = 34


def python_ways(sketch: Sketch) -> None:
    """Draw every detour whose constant is in the sketch."""
    for tensor, entry in sketch.graph.entry.items():
        if _shown(sketch, tensor):
            python_way(sketch, tensor, entry.marks)


def python_way(sketch: Sketch, tensor: int, marks: tuple[int, ...]) -> None:
    """Draw the marked values that lead to one constant."""
    back = tensor_node(sketch, tensor)
    for mark in marks:
        mark_node(sketch, mark, back.id)


def _shown(sketch: Sketch, tensor: int) -> bool:
    op = sketch.graph.producer.get(tensor)
    return f"t{tensor}" in sketch.nodes or (op is not None and f"op{op.index}" in sketch.nodes)


def mark_node(sketch: Sketch, number: int, head: str | None = None) -> Node | None:
    """Add a marked value and, before it, what it was made from.

    Args:
        sketch: Where to add it.
        number: The mark.
        head: Id of the node that was made from it.
    """
    todo = [(number, head)]
    while todo:
        inner, after = todo.pop()
        mark = sketch.graph.trace.marks.get(inner)
        name = f"py{inner}"
        if mark is None or (after is not None and sketch.between(name, after)):
            continue
        known = name in sketch.nodes
        if not known:
            sketch.add(_new(mark))
        if after is not None:
            sketch.join(Edge(name, after, "story", python=True))
        if not known:
            todo += [(earlier, name) for earlier in mark.marks]
            for tensor in dict.fromkeys(map(sketch.graph.same, mark.tensors)):
                tail = tensor_node(sketch, tensor)
                sketch.join(Edge(tail.id, name, "story", python=True))
    return sketch.nodes.get(f"py{number}")


def _new(mark: Mark) -> Node:
    here = mark.at is not None and mark.at.here
    return Node(
        f"py{mark.id}",
        "python",
        one_line(mark.what, CODE),
        (" · ".join(x for x in (mark.type, words.place(mark.at)) if x),),
        state="story",
        detail="outside TensorFlow: no tape can follow" + ("" if mark.certain else "?"),
        line=mark.at.line if here and mark.at is not None else None,
    )
