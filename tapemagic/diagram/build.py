"""From a report to a diagram."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tapemagic.diagram import select
from tapemagic.diagram.folding.fold import fold
from tapemagic.diagram.gradient.flow import follow
from tapemagic.diagram.graph import index
from tapemagic.diagram.model import Diagram, Group
from tapemagic.diagram.nodes import labels
from tapemagic.diagram.nodes.expressions import expressions
from tapemagic.diagram.nodes.ops import op_edges, op_node, turn_edges
from tapemagic.diagram.nodes.python_way import python_ways
from tapemagic.diagram.nodes.tensors import tensor_node
from tapemagic.diagram.order import steps
from tapemagic.diagram.reasons.cuts import mark_reasons
from tapemagic.diagram.sketch import Sketch
from tapemagic.wording import asked as wording
from tapemagic.wording import words
from tapemagic.wording.numbers import counted

if TYPE_CHECKING:
    from tapemagic.report.model import Report, Why
    from tapemagic.traces.model import Trace


ALIKE = 6  # sources with one reason that are never folded away


def build(report: Report, level: str = "auto", call: int | None = None) -> Diagram:
    """Build the diagram of a report.

    Args:
        report: What to draw; its trace holds the ops.
        level: What one node stands for: "op", "line", "layer", or "auto" to choose by size.
        call: Position of the one call to draw; None draws the calls that tell most.

    Returns:
        The diagram, grouped if it is large; without nodes if there is nothing to draw.
    """
    trace = report.trace
    if trace is None or not trace.ops:
        return Diagram(title="Nothing was recorded.")
    sketch, left_out = _sketch(report, trace, call)
    for op in sketch.graph.ops:
        if op.index in sketch.chosen and sketch.graph.drawn(op):
            op_node(sketch, op)
    for op in sketch.graph.ops:
        if f"op{op.index}" in sketch.nodes:
            op_edges(sketch, op)
    turn_edges(sketch)
    _place_ends(sketch)
    python_ways(sketch)
    mark_reasons(sketch)
    _free_sources_alike(sketch)
    diagram = sketch.diagram()
    _frame_bodies(sketch, diagram)
    _frame_queries(sketch, diagram)
    if left_out:
        diagram.notes.append(f"{counted(left_out, 'more call')} not drawn.")
    diagram.title = _title(report, sketch)
    diagram.steps = steps(sketch)
    fold(diagram, sketch.graph, level)
    return diagram


def _sketch(report: Report, trace: Trace, call: int | None) -> tuple[Sketch, int]:
    """Choose calls and ops; all calls of one diagram live in the same graph."""
    chosen = [report.calls[i] for i in select.calls(report, call)]
    queries = [trace.queries[c.query] if c.query < len(trace.queries) else None for c in chosen]
    bodies = [query.graph if query is not None else None for query in queries]
    body = bodies[0] if bodies else None
    pairs = [(c, q) for c, q, b in zip(chosen, queries, bodies, strict=True) if b == body]
    calls = [c for c, _ in pairs]
    always = {op for made in calls for why in select.reasons(made) for op in _makers(trace, why)}
    closed: set[int] = set()
    while True:
        graph = index(trace, body, closed, always)
        flows = [follow(graph, c, q) for c, q in pairs]
        doubtful = {call for flow in flows for call in flow.doubtful}
        if not doubtful:
            break
        closed |= doubtful
    sketch = Sketch(graph, calls, flows, set())
    for made in calls:
        for source in made.sources:
            if source.tensor is not None:
                sketch.asked.setdefault(graph.same(source.tensor), []).append((made, source))
        for target in made.targets:
            if target.tensor is not None:
                sketch.targets.setdefault(graph.same(target.tensor), target)
    sketch.code = expressions(graph)
    sketch.model = labels.model_of(map(graph.tensors.get, sketch.asked))
    live = {slot for flow in sketch.flows for slot in flow.live}
    for op in filter(graph.drawn, graph.ops):
        sketch.users.update(
            tensor for at, tensor in enumerate(graph.inputs(op)) if (op.index, at) in live
        )
    sketch.chosen = select.relevant(graph, calls)
    if not calls:
        first = trace.begun  # a call's ops have indices of their own, above those of the trace
        sketch.chosen = {
            op.index for op in graph.ops if op.phase == "forward" and op.index >= first
        }
    return sketch, (len(report.calls) - len(calls) if call is None else 0)


def _makers(trace: Trace, why: Why) -> set[int]:
    """Return the call of a function in which a reason's cut is."""
    after = trace.tensors.get(why.cut[1]) if why.inside and why.cut[1] is not None else None
    return {after.op} if after is not None and after.op is not None else set()


def _place_ends(sketch: Sketch) -> None:
    """Make sure that every source and target is there, loud where a gradient joins them."""
    for tensor, asked in sketch.asked.items():
        node = tensor_node(sketch, tensor)
        if any(source.status == "connected" for _, source in asked):
            node.state = "strong"
        elif any(source.status in ("nan", "inf") for _, source in asked):
            node.state = "nan"
    for tensor in sketch.targets:
        node = tensor_node(sketch, tensor)
        if any(tensor in flow.reached and flow.path for flow in sketch.flows):
            node.state = "strong"


def _free_sources_alike(sketch: Sketch) -> None:
    """Of many sources with one reason, the first few stay in sight; the others may be folded."""
    seen: Counter[object] = Counter()
    for tensor, asked in sketch.asked.items():
        why = asked[0][1].why
        node = sketch.nodes.get(f"t{tensor}")
        if why is None or node is None:
            continue
        fate = (why.cause, why.at)
        seen[fate] += 1
        if seen[fate] > ALIKE and not sketch.between(node.id, f"stop-{node.id}"):
            node.keep = False


def _frame_bodies(sketch: Sketch, diagram: Diagram) -> None:
    """Put a frame around the ops of each function's body."""
    opened = sketch.graph.opened
    places = {f"t{tensor}": home for tensor, home in opened.places.items()}
    for node in diagram.nodes:
        node.group = opened.homes.get(node.ops[0]) if node.ops else places.get(node.id)
    for group in opened.groups:
        if group.id in sketch.born:
            group.label, group.state = f"{group.label}: {sketch.born[group.id]}", "cut"
    diagram.groups += opened.groups
    diagram.drop_empty_groups()


def _frame_queries(sketch: Sketch, diagram: Diagram) -> None:
    """Put a frame around the ops of an inner query: a gradient of a gradient goes through it."""
    kinds = {op.index: op for op in sketch.graph.ops if op.phase == "backward"}
    for node in diagram.nodes:
        op = kinds.get(node.ops[0]) if node.ops else None
        if op is None or op.query is None:
            continue
        node.group = f"query{op.query}"
        if all(group.id != node.group for group in diagram.groups):
            queries = sketch.graph.trace.queries
            query = queries[op.query] if op.query < len(queries) else None
            label = f"{query.method}, {words.place(query.at)}" if query is not None else "gradient"
            diagram.groups.append(Group(node.group, label.rstrip(", ")))


def _title(report: Report, sketch: Sketch) -> str:
    known = [wording.asked(report, call) for call in sketch.calls if call.targets]
    targets = tuple(dict.fromkeys(name for one in known for name in one.targets))
    sources = tuple(dict.fromkeys(name for one in known for name in one.sources))
    if not sketch.targets or not targets or not sources:
        return "The recorded graph"
    verb = "were" if len(targets) > 1 else "was"
    apart = ("unconnected", "different-object")
    whys = [source.why for call in sketch.calls for source in call.sources]
    if all(why is not None and why.cause in apart for why in whys):
        return f"How {wording.enumerate_names(targets)} {verb} computed"
    return f"How {wording.enumerate_names(targets)} {verb} computed from {wording.enumerate_names(sources)}"
