"""The way of a value through the body of a ``tf.function``, and where it is cut there."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass

from tapemagic.diagnosis.view import MISSING, SHAPES, QueryView
from tapemagic.traces.model import Body, Op, Tensor
from tapemagic.traces.sizes import SIZES, counted
from tapemagic.traces.tracking import DIFFERENTIABLE

DEEP = 4
"""How far functions are followed into functions."""
NO_VALUES = frozenset({"Placeholder", "NoOp", "Const"})


@dataclass(slots=True)
class Culprit:
    """The op at which a gradient ends, and the input of it that gets none.

    Attributes:
        op: The op; of a function body when ``function`` is set.
        position: Which of its inputs.
        tensors: Facts of the tensors around it.
        function: The op that called the function, if the op is in a body.
        answer: Per input whether the op has a gradient for it (see QueryView.differentiable).
    """

    op: Op
    position: int
    tensors: dict[int, Tensor]
    function: Op | None = None
    answer: object = None

    def dtype(self, tensor: int) -> str:
        """A tensor's dtype, "" when not known."""
        facts = self.tensors.get(tensor)
        return facts.dtype if facts is not None else ""

    def is_float(self, tensor: int) -> bool:
        """Whether a tensor's values can have a derivative."""
        facts = self.tensors.get(tensor)
        return facts is None or facts.kind == "variable" or facts.dtype in DIFFERENTIABLE


def culprit(view: QueryView, op: Op, position: int, depth: int = 0) -> Culprit:
    """The op at which a gradient ends, looked up inside function bodies."""
    outer = Culprit(op, position, view.trace.tensors, answer=view.differentiable(op))
    if op.inner and depth <= DEEP:
        return _in_branches(view, op, position, depth) or outer
    if op.rule != "function" or op.body is None or view.registry is None or depth > DEEP:
        return outer
    body = view.registry.body(op.body)
    if body is None:
        return outer
    view.trace.bodies.setdefault(op.body, body)
    found = _cut(view, body, position)
    if found is None:
        return outer
    return _deepest(view, op, body, found, depth)


def _deepest(
    view: QueryView, op: Op, body: Body, found: tuple[Op, int, object], depth: int
) -> Culprit:
    """The op found in a body, or the one in a body that it runs itself."""
    inner, at, answer = found
    if inner.inner:
        deeper = culprit(view, inner, at, depth + 1)
        if deeper.op is not inner:
            deeper.function = op
            return deeper
    return Culprit(inner, at, body.tensors, op, answer)


def _in_branches(view: QueryView, op: Op, position: int, depth: int) -> Culprit | None:
    """The cut inside one of the bodies that an op of a graph runs."""
    for key, before in op.inner:
        body = view.registry.body(key) if position >= before else None
        found = None if body is None else _cut(view, body, position - before, depth + 1)
        if body is None or found is None:
            continue
        view.trace.bodies.setdefault(key, body)
        return _deepest(view, op, body, found, depth)
    return None


def _answer(view: QueryView, op: Op, body: Body, depth: int) -> object:
    """Per input whether an op in a body has a gradient for it; of one that runs bodies: in any."""
    if not op.inner or depth > DEEP:
        return view.registry.differentiable(op, body.tensors)
    flags = [True] * len(op.inputs)
    for number in range(len(op.inputs)):
        known = [
            _passes(view, inner, number - before, depth + 1)
            for key, before in op.inner
            if number >= before and (inner := view.registry.body(key)) is not None
        ]
        flags[number] = number >= op.inner[0][1] and (not known or any(known))
    return tuple(flags)


def _passes(view: QueryView, body: Body, position: int, depth: int) -> bool:
    """Whether a gradient has a way through a body, from an output to this input."""
    memo = view.memo.setdefault(f"passes {body.name} {depth > DEEP}", {})
    if not memo:
        made = {t: op for op in body.ops for t in op.outputs}
        seen, todo = set(body.outputs), list(body.outputs)
        while todo:
            op = made.get(todo.pop())
            if op is None or op.type in NO_VALUES:
                continue
            answer = _answer(view, op, body, depth)
            for at, tensor in enumerate(op.inputs):
                bad = answer == MISSING or (isinstance(answer, tuple) and not answer[at])
                if not bad and _floating(body.tensors, tensor) and tensor not in seen:
                    seen.add(tensor)
                    todo.append(tensor)
        memo.update({number: t in seen for number, t in enumerate(body.inputs)})
    return bool(memo.get(position, False))


def unreached(view: QueryView, op: Op, position: int) -> Body | None:
    """The body of a called function, if an input of it has no way to any of its outputs."""
    body = view.registry.body(op.body) if view.registry is not None and op.body else None
    if body is None or position >= len(body.inputs):
        return None
    made = {t: inner for inner in body.ops for t in inner.outputs}
    writes = _writes(body)
    seen, todo = set(body.outputs), list(body.outputs)
    counts = counted(body.ops)
    while todo:
        inner = made.get(todo.pop())
        if inner is None:
            continue
        if inner.type in SHAPES and not (inner.type in SIZES and inner.inputs[0] in counts):
            continue
        written = [t for _, t in _written(inner, writes)]
        for tensor in (*inner.inputs, *written):
            if tensor not in seen:
                seen.add(tensor)
                todo.append(tensor)
    return None if body.inputs[position] in seen else body


def _writes(body: Body) -> dict[int, list[Op]]:
    """The ops of a body that write state, by the handle's placeholder."""
    found: dict[int, list[Op]] = {}
    for op in body.ops:
        if not op.outputs and len(op.inputs) > 1:
            facts = body.tensors.get(op.inputs[0])
            if facts is not None and facts.dtype == "resource":
                found.setdefault(op.inputs[0], []).append(op)
    return found


def _written(read: Op, writes: dict[int, list[Op]]) -> list[tuple[Op, int]]:
    """The values that were written before a read of the same state, nearest first."""
    found = []
    for handle in read.inputs:
        for write in reversed(writes.get(handle, ())):
            if write.index < read.index:
                found += [(write, t) for t in write.inputs[1:]]
                if write.type == "AssignVariableOp":
                    break
    return found


def _cut(
    view: QueryView, body: Body, position: int, depth: int = 0
) -> tuple[Op, int, object] | None:
    """The first step from a placeholder on the cheapest way to an output that has no gradient."""
    if position >= len(body.inputs):
        return None
    made = {t: op for op in body.ops for t in op.outputs}
    writes = _writes(body)
    best: dict[int, float] = dict.fromkeys(body.outputs, 0.0)
    following: dict[int, tuple[Op, int, int, bool, object]] = {}
    count = itertools.count()
    heap = [(0.0, next(count), t) for t in body.outputs]
    done: set[int] = set()
    while heap:
        cost, _, node = heapq.heappop(heap)
        if node in done or node not in made:
            continue
        done.add(node)
        op = made[node]
        if op.type in NO_VALUES:
            continue
        for write, tensor in _written(op, writes):
            price = cost + 14.0
            if price < best.get(tensor, float("inf")):
                best[tensor] = price
                following[tensor] = (write, write.inputs.index(tensor), node, True, None)
                heapq.heappush(heap, (price, next(count), tensor))
        answer = _answer(view, op, body, depth)
        for at, tensor in enumerate(op.inputs):
            bad = answer == MISSING or (isinstance(answer, tuple) and not answer[at])
            price = cost + 1e-4 + _price(op, tensor, node, bad, body.tensors)
            if price < best.get(tensor, float("inf")):
                best[tensor] = price
                following[tensor] = (op, at, node, bad, answer)
                heapq.heappush(heap, (price, next(count), tensor))
    node = body.inputs[position]
    floating = _floating(body.tensors, node)
    ruled = None
    while node in following:
        op, at, after, bad, answer = following[node]
        if op.rule == "custom_gradient":
            ruled = (op, at, None)
        now = _floating(body.tensors, after)
        if bad or (floating and not now):
            return op, at, answer
        node, floating = after, now
    return ruled  # no other cut: then its own rule gave none


def _floating(tensors: dict[int, Tensor], node: int) -> bool:
    facts = tensors.get(node)
    return facts is None or facts.dtype in DIFFERENTIABLE


def _price(op: Op, tensor: int, node: int, bad: bool, tensors: dict[int, Tensor]) -> float:
    if op.type in SHAPES:
        return 1000.0
    if not _floating(tensors, tensor):
        return 60.0 if any(_floating(tensors, t) for t in op.inputs if t != tensor) else 2.0
    if not _floating(tensors, node):
        return 20.0
    return 12.0 if bad else 0.0
