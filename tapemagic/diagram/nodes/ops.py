"""Nodes for ops, and the edges into them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapemagic.diagram.bodies.rules import RULE
from tapemagic.diagram.gradient.flow import local_derivative, rounded, size
from tapemagic.diagram.graph import WRITES
from tapemagic.diagram.model import Edge, Node
from tapemagic.diagram.nodes import labels
from tapemagic.diagram.nodes.rows import op_rows
from tapemagic.diagram.nodes.tensors import describe, gradient_facts, tensor_node
from tapemagic.wording import numbers, words

if TYPE_CHECKING:
    from tapemagic.diagram.sketch import Sketch
    from tapemagic.traces.model import Op

LABEL = 22  # letters of a local derivative that stands on an arrow


def op_node(sketch: Sketch, op: Op) -> Node:
    """Add the node of one op."""
    graph = sketch.graph
    first = graph.tensors.get(op.outputs[0]) if op.outputs else None
    named = next((t for t in map(graph.tensors.get, op.outputs) if t is not None and t.name), first)
    is_target = next((t for t in op.outputs if t in sketch.targets), None)
    is_source = next((t for t in op.outputs if t in sketch.asked), None)
    name = named.name if named is not None else None
    if name is None and is_target is not None:
        name = sketch.targets[is_target].name
    role = "target" if is_target is not None else "source" if is_source is not None else "op"
    kind = "new variable" if op.index in graph.births else labels.op_type(op, graph.trace)
    title = labels.op_title(sketch.code.get(op.index, kind), name)
    node = Node(f"op{op.index}", role, title, ops=(op.index,), kind=kind)
    node.source, node.target = is_source is not None, is_target is not None
    shown = next((t for t in op.outputs if t in (is_target, is_source)), None)
    gradient = gradient_facts(sketch, op.outputs[0] if shown is None else shown) if first else ()
    shown_value = labels.content(first)
    joined = labels.join(shown_value, *gradient)
    short = len(gradient) < 2 and len(joined) <= labels.VALUE
    node.facts = tuple(x for x in ((joined,) if short else (shown_value, *gradient)) if x)
    if op.rule == RULE:
        node.facts += ("own gradient rule",)
    node.line = cell_line(op)
    node.where = words.place(op.at) if node.line is None else ""
    node.state = _state(sketch, op)
    node.keep = node.target or node.source
    known = "recorded" if op.recorded else "not recorded"
    node.detail = labels.join(
        op.type, describe(first, words.inside(op.at)), known, " / ".join(op.scope)
    )
    node.rows = op_rows(sketch, op)
    return sketch.add(node)


def cell_line(op: Op) -> int | None:
    """Return the line of the cell that ran an op, also when a helper elsewhere made it."""
    return next((s.line for s in (op.at, *op.via) if s is not None and s.here), None)


def _state(sketch: Sketch, op: Op) -> str:
    if any((op.index, position) in flow.path for flow in sketch.flows for position in _span(op)):
        spoilt = any(not flow.spoilt.isdisjoint(op.outputs) for flow in sketch.flows)
        return "nan" if spoilt else "strong"
    if op.index in sketch.graph.opened.aside:
        return "faint"
    if any(tensor in flow.reached for flow in sketch.flows for tensor in op.outputs):
        return "flow" if op.recorded else "faint"
    return "quiet" if op.recorded or op.phase == "backward" else "faint"


def _span(op: Op) -> range:
    return range(len(op.inputs))


def op_edges(sketch: Sketch, op: Op) -> None:
    """Add an edge for each input of an op; what a write was given ends up in the variable."""
    head = f"op{op.index}"
    writes = op.type.startswith(WRITES)
    for position, tensor in enumerate(sketch.graph.inputs(op)):
        if sketch.graph.hidden(op, position):
            continue
        tail = tensor_node(sketch, tensor)
        if writes and position == 0:
            sketch.join(Edge(head, tail.id, "quiet", label="writes"))
            continue
        edge = Edge(tail.id, head, _edge_state(sketch, op, position, tail))
        _measure(sketch, op, position, edge)
        sketch.join(edge)


def turn_edges(sketch: Sketch) -> None:
    """Add an edge from what a turn of a loop gives to the ops that get it in the next turn."""
    for call in sketch.graph.opened.calls.values():
        for end, begin in call.loops:
            for op in call.ops:
                maker = sketch.graph.producer.get(sketch.graph.same(end))
                tail = sketch.nodes.get(f"op{maker.index}") if maker is not None else None
                head = sketch.nodes.get(f"op{op.index}")
                if tail is None or head is None or begin not in op.inputs:
                    continue
                state = _edge_state(sketch, op, op.inputs.index(begin), tail)
                if state == "flow" and tail.state == "strong":
                    state = "strong"  # through the turn before it reaches a source
                sketch.join(Edge(tail.id, head.id, state, label="next turn", again=True))


def _edge_state(sketch: Sketch, op: Op, position: int, tail: Node) -> str:
    slot = (op.index, position)
    if any(slot in flow.path for flow in sketch.flows):
        return "nan" if any(slot in flow.broken for flow in sketch.flows) else "strong"
    if any(slot in flow.live for flow in sketch.flows):
        return "flow"
    aside = op.index in sketch.graph.opened.aside
    return "faint" if aside or not op.recorded or tail.state == "faint" else "quiet"


def _measure(sketch: Sketch, op: Op, position: int, edge: Edge) -> None:
    """Write the local derivative on the edge, so that a reader can multiply along the path."""
    if edge.state == "nan":
        given = (flow.values.get((op.index, position)) for flow in sketch.flows)
        edge.label = labels.not_finite(given)
        edge.detail = f"the gradient that {op.type} hands on here holds {edge.label}"
        return
    edge.weight = _whole(sketch, op, position)
    if len(op.outputs) != 1:
        return
    found = [flow for flow in sketch.flows if (op.index, position) in flow.values]
    if len(found) != 1:
        return
    local = local_derivative(found[0], op, position)
    told = numbers.small(rounded(local), LABEL)
    if local is not None and told is not None:
        edge.label = f"{numbers.TIMES} {told}"
        edge.detail = f"local derivative {numbers.small(local, 4 * LABEL)}"
    known = size(found[0].values[op.index, position])
    edge.weight = edge.weight if known is None else known


def _whole(sketch: Sketch, op: Op, position: int) -> float | None:
    """Return the norm of a source's whole gradient, where all of it came along this edge."""
    tensor = sketch.graph.inputs(op)[position]
    asked = [source for call, source in sketch.asked.get(tensor, []) if call.targets]
    live = any((op.index, position) in flow.live for flow in sketch.flows)
    if len(asked) != 1 or asked[0].gradient is None or not live:
        return None
    return asked[0].gradient.norm if sketch.users.get(tensor) == 1 else None
