"""Nodes for what no drawn op made: sources, variables, constants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapemagic.diagram.model import Node
from tapemagic.diagram.nodes import labels
from tapemagic.diagram.nodes.rows import tensor_rows
from tapemagic.wording import words
from tapemagic.wording.escape import one_line

if TYPE_CHECKING:
    from tapemagic.diagram.sketch import Sketch
    from tapemagic.traces.model import Tensor


def tensor_node(sketch: Sketch, tensor: int) -> Node:
    """Return the node that shows a tensor: its op's, or one of its own."""
    op = sketch.graph.producer.get(tensor)
    if op is not None and f"op{op.index}" in sketch.nodes:
        return sketch.nodes[f"op{op.index}"]
    name = f"t{tensor}"
    return sketch.nodes[name] if name in sketch.nodes else sketch.add(_new(sketch, tensor))


def _new(sketch: Sketch, tensor: int) -> Node:
    known = sketch.graph.tensors.get(tensor)
    asked = sketch.asked.get(tensor, [])
    role = "target" if tensor in sketch.targets and not asked else _role(known, bool(asked))
    node = Node(f"t{tensor}", role, _title(sketch, tensor, known, role))
    shown = labels.content(known, read=sketch.graph.value(tensor))
    if shown and shown != node.title:
        node.facts = (shown,)
    gradients = gradient_facts(sketch, tensor)
    node.facts += gradients
    node.rows = tensor_rows(sketch, tensor, gradients)
    node.source = bool(asked)
    node.target = tensor in sketch.targets
    site = known.made_at or known.named_at if known is not None else None
    node.line = site.line if site is not None and site.here else None
    written = asked[0][1].name if asked else ""
    other = one_line(written, 80) if written != node.title else ""
    node.detail = labels.join(other, describe(known, words.place(site)))
    if any(source.status != "connected" for _, source in asked):
        node.keep = True
    return node


def _role(known: Tensor | None, asked: bool) -> str:
    if asked:
        return "source"
    return "constant" if known is None or known.kind != "variable" else "variable"


def _title(sketch: Sketch, tensor: int, known: Tensor | None, role: str) -> str:
    """Prefer the path in Keras, then the name in the question, then the code's, then TensorFlow's, then the value."""
    asked = sketch.asked.get(tensor)
    path = labels.path(known, sketch.model) if known is not None else None
    if path is not None:
        return one_line(path, labels.NAME)
    if asked:
        return one_line(asked[0][1].name, labels.NAME)
    if tensor in sketch.targets:
        return one_line(sketch.targets[tensor].name, labels.NAME)
    if known is None:
        return "?"
    name = known.name or known.label
    if name:
        return one_line(name, labels.NAME)
    op = sketch.graph.producer.get(tensor)
    if op is not None and known.value is None:
        return labels.op_type(op, sketch.graph.trace)
    if role != "constant":
        return "variable"
    shown = labels.content(known, dtype=False)
    return "constant" if shown.startswith("(") else shown


def gradient_facts(sketch: Sketch, tensor: int) -> tuple[str, ...]:
    """Return what the calls gave for a source, or what an intermediate tensor was handed."""
    asked = sketch.asked.get(tensor, [])
    asked = [pair for pair in asked if pair[0].targets] or asked
    asked = list({id(call): (call, source) for call, source in asked}.values())
    if len(asked) == 1:
        return (f"grad {labels.source_gradient(asked[0][1])}",)
    if asked:
        return tuple(
            f"grad of {one_line(', '.join(t.name for t in call.targets), 14)}"
            f" {labels.source_gradient(source)}"
            for call, source in asked[:4]
        )
    found = [flow.gradients[tensor] for flow in sketch.flows if tensor in flow.gradients]
    value = labels.gradient(found[0]) if len(found) == 1 else None
    return (f"grad {value}",) if value is not None else ()


def describe(known: Tensor | None, where: str) -> str:
    """Return the facts of a tensor for a tooltip."""
    if known is None:
        return where
    size = f"{known.nbytes:,} bytes" if known.nbytes else ""
    return labels.join(known.kind, labels.content(known), size, where)
