"""Incomplete gradients: a number came back, and one of several ways was cut.

Only ways that carry the source's value into the target count: a value that was merely logged is on
no way, and a condition, index or shape only chooses. Cuts that Keras' own layers make, and the
``stop_gradient`` inside TensorFlow's own functions, are their business and are left out.
"""

from __future__ import annotations

import ast
from dataclasses import replace

from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import dotted
from tapemagic.diagnosis.engine import Texts, reason
from tapemagic.diagnosis.view import QueryView, Way
from tapemagic.diagnosis.why import Why
from tapemagic.traces.flow import Edge
from tapemagic.traces.model import Argument, Op

NEAR = 20.0
"""A value dearer than this reaches the target only as an index, a condition or a shape."""
MOST = 12
ADDS = frozenset({"AddV2", "Add", "AddN", "Sub", "Neg", "Sum", "Mean", "Identity", "Cast"})
SCALES = frozenset({"Mul", "RealDiv", "DivNoNan"})
"""Ops by which a term becomes a part of a loss."""
STEPS = {"Floor": "floor", "Ceil": "ceil", "Round": "round", "Rint": "rint", "FloorDiv": "//"}
"""Ops that only step, with how they are written."""


def incomplete(view: QueryView, source: Argument, texts: Texts) -> list[Why]:
    """The ways from a connected source into the target that carry its value and were cut.

    Returns:
        One reason per cut, at level "info": the gradient is a number, and part of it is missing.
    """
    if source.tensor is None:
        return []
    found: dict[object, Why] = {}
    for edge, reached in _cuts(view):
        if source.tensor not in reached or _asked_elsewhere(view, source.tensor, edge):
            continue
        case = Case(view, source, texts, "none", _way(view, source.tensor, edge, reached))
        if _not_the_persons(case, edge) or _is_made_input(case) or _was_taken_before(case):
            continue
        why = reason(case)
        if why is not None and why.cause not in ("unconnected", "constant-gradient"):
            key = (why.cause, why.at.line if why.at is not None else None)
            found.setdefault(key, replace(why, level="info", fixed_source=why.fixed_source))
    return list(found.values())


def _cuts(view: QueryView) -> list[tuple[Edge, dict[int, Edge]]]:
    """The cut steps between a connected value and the target, each with what reaches it."""
    known = view.memo.get("cuts")
    if known is None:
        known = view.memo["cuts"] = _find(view)
    return known


def _find(view: QueryView) -> list[tuple[Edge, dict[int, Edge]]]:
    tracking = view.tracking
    if tracking is None or view.query.error is not None:
        return []
    since, limit = tracking.begin, view.query.op
    good: dict[int, list[Edge]] = {}
    bad: list[Edge] = []
    for node, price in view.ancestors.items():
        if price >= NEAR:
            continue
        for edge in view.graph.incoming(node, since, limit):
            fault = view.fault(edge)
            if fault is None:
                good.setdefault(node, []).append(edge)
            elif _carries(view, edge, fault):
                bad.append(edge)
    found: list[tuple[Edge, dict[int, Edge]]] = []
    asked = [a.tensor for a in view.query.sources if a.tensor is not None]
    for edge in bad:
        if all(_asked_elsewhere(view, tensor, edge) for tensor in asked):
            continue
        reached: dict[int, Edge] = {edge.source: edge}
        todo = [edge.source]
        while todo:
            node = todo.pop()
            for before in _ways_back(view, good, node, since, limit):
                if before.source not in reached:
                    reached[before.source] = before
                    todo.append(before.source)
        carries = any(a.tensor in reached for a in view.query.sources)
        if carries and not _behind_a_source(view, edge):  # which costs the length of the way
            found.append((edge, reached))
        if len(found) >= MOST:
            break
    return found


def _behind_a_source(view: QueryView, cut: Edge) -> bool:
    """Whether the cut made the value of another source, which the tape found ready.

    A source that was updated from the last turn's gradients is where its own derivative begins.
    """
    asked = {a.tensor for a in view.query.sources}
    way = view.way(cut.target)
    passed = [cut.target, *(e.target for e in way.edges)] if way is not None else [cut.target]
    recorded = view.tracking.recorded if view.tracking is not None else {}
    return any(t in asked and view.graph.maker.get(t) not in recorded for t in passed)


def _ways_back(
    view: QueryView, good: dict[int, list[Edge]], node: int, since: int, limit: int
) -> list[Edge]:
    """The open steps into a node, also where the node itself is no near ancestor."""
    if node in good or node in view.ancestors:
        return good.get(node, [])
    return [e for e in view.graph.incoming(node, since, limit) if view.fault(e) is None]


def _carries(view: QueryView, edge: Edge, fault: str) -> bool:
    if not edge.certain or not view.is_float(edge.source) or edge.source < 0:
        return False
    if edge.kind == "leave" and _only_a_size(view, edge):
        return False
    if edge.kind == "state" and edge.write is not None and view.trace.ops[edge.write].library:
        return False  # a layer of the library keeps its own state
    if edge.kind != "op":
        return edge.kind in ("leave", "state", "query")
    op = view.trace.ops[edge.op]  # type: ignore[index]
    if op.type in STEPS and _is_remainder(view, op):
        return False
    if not view.is_float(edge.target) or view.cost(edge, fault) >= NEAR:
        return False
    tracking = view.tracking
    assert tracking is not None
    if op.library and (fault == "no-gradient" or tracking.recording_at(op.index)):
        return False  # but where the tape was not recording, that was not the layer's doing
    if fault == "untracked":
        return edge.source in tracking.tracked
    return True


def _asked_elsewhere(view: QueryView, source: int, edge: Edge) -> bool:
    """Whether another tape recorded the cut step, and was asked about the source after it.

    What an earlier turn of a loop hands on was differentiated there.
    """
    if edge.op is None or not view.trace.ops[edge.op].recorded:
        return False
    asked: dict[int, int] | None = view.memo.get("asked elsewhere")
    if asked is None:
        asked = view.memo["asked elsewhere"] = {}
        for query in view.trace.queries:
            if query.tape != view.query.tape:
                asked.update((a.tensor, query.op) for a in query.sources if a.tensor is not None)
    return edge.op < asked.get(source, 0)


def _is_remainder(view: QueryView, op: Op) -> bool:
    """Whether a step is taken off its own input, as in ``x - tf.floor(x)``: nothing is missing."""
    both = {op.inputs[0], op.outputs[0]}
    return any(
        other.type == "Sub" and set(other.inputs) == both
        for other in view.trace.ops[op.index + 1 : view.query.op]
    )


def _only_a_size(view: QueryView, edge: Edge) -> bool:
    """Whether a call gave an integer constant of a tensor, as tf.size does: it has no values."""
    made = [e.tensor for e in view.trace.entries if edge.mark in e.marks]
    mark = view.trace.marks[edge.mark] if edge.mark is not None else None
    return (
        mark is not None
        and mark.type.endswith("Tensor")
        and bool(made)
        and not any(view.is_float(t) for t in made)
    )


def _way(view: QueryView, source: int, cut: Edge, reached: dict[int, Edge]) -> Way:
    """The way from the source over the cut to the target."""
    edges = []
    node = source
    while node != cut.source:
        edges.append(reached[node])
        node = reached[node].target
    edges.append(cut)
    rest = view.way(cut.target)
    edges += rest.edges if rest is not None else []
    return Way(edges, [view.fault(e) for e in edges])


def _was_taken_before(case: Case) -> bool:
    """Whether the way leaves TensorFlow before the tape began: a value to compare with, or a size.

    The start that a proximal term pulls towards is a number on purpose.
    """
    view, way = case.view, case.way
    if way is None or view.tracking is None:
        return False
    begin = view.tracking.begin
    marks = [
        view.trace.marks[e.mark] for e in way.edges if e.kind == "leave" and e.mark is not None
    ]
    return any((mark.ops[0] if mark.ops else mark.index) < begin for mark in marks)


def _is_made_input(case: Case) -> bool:
    """Whether the way goes through the gradient of an earlier question to more than a term of the loss.

    A term that was made from a gradient, as a gradient penalty is, was to be differentiated. An input
    that was, as an adversarial example is, is taken as it is.
    """
    view, way = case.view, case.way
    tracking = view.tracking
    if way is None or tracking is None or all(e.kind != "query" for e in way.edges):
        return False
    begin = max(n for n, e in enumerate(way.edges) if e.kind == "query")
    for edge in way.edges[begin:]:
        if edge.op is None or edge.op not in tracking.recorded:
            continue
        op = view.trace.ops[edge.op]
        others = [t for n, t in enumerate(op.inputs) if n != edge.position]
        scaled = op.type in SCALES and not any(t in tracking.tracked for t in others)
        if op.type not in ADDS and not scaled:
            return True
    return False


def _not_the_persons(case: Case, edge: Edge) -> bool:
    """A stop_gradient or a step that stands inside a TensorFlow function."""
    op = case.op
    if op is not None and edge.kind == "op" and op.type in STEPS:
        return STEPS[op.type] not in case.written(op.at, 500)
    if op is None or edge.kind != "op" or op.type != "StopGradient":
        return False
    node = case.node(op.at)
    return not (isinstance(node, ast.Call) and dotted(node.func).endswith("stop_gradient"))
