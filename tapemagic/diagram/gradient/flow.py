"""Where the gradient went in one call: which inputs got one, and how large it was."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tapemagic.diagram.gradient.inside import inside

if TYPE_CHECKING:
    from tapemagic.diagram.graph import Graph
    from tapemagic.report.model import Call
    from tapemagic.traces.model import Op, Query, Tensor

Slot = tuple[int, int]  # index of an op, position of its input
UNKNOWN = object()
NOT_FINITE = b"\3"  # see BackwardStep.codes
SMALL = 9  # elements of a tensor whose values are kept
_BY_ELEMENT = """
Abs Acos Acosh Add AddV2 Asin Asinh Atan Atan2 Atanh BiasAdd Cast Cos Cosh Div DivNoNan Elu
Erf Erfc Exp Expm1 Floor Identity Inv Lgamma Log Log1p Maximum Minimum Mul MulNoNan Neg Pow
RealDiv Reciprocal Relu Relu6 Rint Round Rsqrt Selu SelectV2 Sigmoid Sign Sin Sinh Softplus
Softsign Sqrt Square SquaredDifference Sub Tan Tanh Xdivy Xlogy
"""
ELEMENTWISE = frozenset(_BY_ELEMENT.split())
"""Ops that work on each element for itself."""


@dataclass(slots=True)
class Flow:
    """The backward pass of one call, laid over the forward graph."""

    live: set[Slot] = field(default_factory=set)  # a gradient was handed to this input
    path: set[Slot] = field(default_factory=set)  # and it went on to a source that was asked for
    values: dict[Slot, Any] = field(default_factory=dict)  # small ones
    gradients: dict[int, Any] = field(default_factory=dict)  # summed per tensor, small ones
    reached: set[int] = field(default_factory=set)  # tensors that a gradient reached
    broken: set[Slot] = field(default_factory=set)  # what was handed to this input is NaN or Inf
    spoilt: set[int] = field(default_factory=set)  # tensors whose gradient is
    doubtful: set[int] = field(default_factory=set)  # opened calls of which that is not known


def follow(graph: Graph, call: Call, query: Query | None) -> Flow:
    """Lay one call's backward pass over the graph."""
    flow = Flow()
    targets = [graph.same(t.tensor) for t in call.targets if t.tensor is not None]
    if query is not None and query.steps:
        _observed(flow, query)
    else:
        _expected(graph, flow, targets)
    if graph.opened.calls:
        found, flow.doubtful = inside(graph, query, flow.live, targets)
        flow.live |= found
    _sum(graph, flow, call, targets)
    _path(graph, flow, call)
    return flow


def _observed(flow: Flow, query: Query) -> None:
    """Read the live inputs off the backward ops that ran."""
    for step in query.steps:
        if step.op is None:
            continue
        for position, none in enumerate(step.none):
            if none or position in step.skip:
                continue
            slot = (step.op, position)
            flow.live.add(slot)
            if step.codes[position : position + 1] == NOT_FINITE:
                flow.broken.add(slot)
            if position < len(step.values) and step.values[position] is not None:
                flow.values[slot] = step.values[position]


def _expected(graph: Graph, flow: Flow, targets: list[int]) -> None:
    """Without an observed backward pass, take every recorded float input on the way back."""
    wanted = set(targets)
    for op in reversed(graph.ops):
        if not op.recorded or op.phase != "forward" or not wanted.intersection(op.outputs):
            continue
        for position, tensor in enumerate(op.inputs):
            known = graph.tensors.get(tensor)
            floats = known is None or known.dtype.startswith(("float", "bfloat", "complex"))
            if floats or (known is not None and known.kind == "variable"):
                flow.live.add((op.index, position))
                wanted.add(tensor)
                wanted.add(graph.same(tensor))


def _sum(graph: Graph, flow: Flow, call: Call, targets: list[int]) -> None:
    """Add up what each tensor got; where one part is not known, the sum is not either."""
    flow.reached.update(targets)
    plain = call.method == "gradient" and len(call.targets) > 0
    if plain:
        weighted = "output_gradients" in graph.trace.source
        for tensor in targets:
            flow.gradients[tensor] = UNKNOWN if weighted else _ones(graph.tensors.get(tensor))
    for op in graph.ops:
        if not graph.drawn(op):
            continue
        for position, tensor in enumerate(graph.inputs(op)):
            slot = (op.index, position)
            if slot not in flow.live:
                continue
            flow.reached.add(tensor)
            if slot in flow.broken:
                flow.spoilt.add(tensor)
            part = flow.values.get(slot, UNKNOWN) if plain else UNKNOWN
            flow.gradients[tensor] = _add(flow.gradients.get(tensor), part)
    flow.gradients = {t: v for t, v in flow.gradients.items() if v is not UNKNOWN}


def _ones(known: Tensor | None) -> Any:
    """Return what the way back begins with, a 1 for each element of a small target."""
    dims = known.shape if known is not None else None
    sizes = [dim for dim in dims or () if dim is not None]
    if dims is None or len(sizes) < len(dims) or math.prod(sizes) > SMALL:
        return UNKNOWN
    made: Any = 1.0
    for dim in reversed(sizes):
        made = [made] * dim
    return made


def _add(first: Any, second: Any) -> Any:
    if first is None:
        return second
    if first is UNKNOWN or second is UNKNOWN:
        return UNKNOWN
    if isinstance(first, list) and isinstance(second, list):
        if len(first) != len(second):
            return UNKNOWN
        parts = [_add(a, b) for a, b in zip(first, second, strict=True)]
        return UNKNOWN if any(part is UNKNOWN for part in parts) else parts
    if isinstance(first, (int, float, complex)) and isinstance(second, (int, float, complex)):
        return first + second
    return UNKNOWN


def _path(graph: Graph, flow: Flow, call: Call) -> None:
    """Keep the live inputs that lie between a target and a source which got a gradient."""
    got = [source for source in call.sources if source.gradient is not None]
    on = {graph.same(source.tensor) for source in got if source.tensor is not None}
    for op in graph.ops:
        hits = [
            (op.index, position)
            for position, tensor in enumerate(graph.inputs(op))
            if tensor in on and (op.index, position) in flow.live
        ]
        if hits:
            flow.path.update(hits)
            on.update(op.outputs)


def local_derivative(flow: Flow, op: Op, position: int) -> Any:
    """Return what the chain rule multiplies by: d(output)/d(input), a number or a list of them.

    Where an op worked element by element, the ratio of what it was handed and what it handed on is
    its derivative. Elsewhere, and where nothing came from above, it is None.
    """
    if len(op.outputs) != 1:
        return None
    value, upstream = flow.values.get((op.index, position)), flow.gradients.get(op.outputs[0])
    if isinstance(value, list) and op.type not in ELEMENTWISE:
        return None
    return _ratio(value, upstream)


def _ratio(value: Any, upstream: Any) -> Any:
    if isinstance(value, list) and isinstance(upstream, list) and len(value) == len(upstream):
        parts = [_ratio(one, other) for one, other in zip(value, upstream, strict=True)]
        return None if not parts or any(part is None for part in parts) else parts
    if not isinstance(value, float) or not isinstance(upstream, float) or upstream == 0:
        return None
    ratio = value / upstream
    return ratio if math.isfinite(ratio) else None


def rounded(value: Any) -> Any:
    """Return numbers with three digits; equal ones in a row become one number."""
    if isinstance(value, list):
        parts = [rounded(part) for part in value]
        return parts[0] if all(part == parts[0] for part in parts) else parts
    return float(f"{value:.3g}") if isinstance(value, float) else value


def size(value: Any) -> float | None:
    """Return the norm of a small gradient, or None where it has none."""
    if isinstance(value, list):
        parts = [size(part) for part in value]
        known = [part for part in parts if part is not None]
        return math.hypot(*known) if len(known) == len(parts) else None
    return abs(value) if isinstance(value, float) and math.isfinite(value) else None
