"""The bodies of called functions, made ready to be drawn: which inputs of their ops get a gradient.

A tape records the call of a function as one op, and what the call handed back for each of its inputs
is observed. Inside, each op's answer is its registered gradient's: that is what TensorFlow itself
differentiates the body by. Where the two don't agree, the diagram leaves the call closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tapemagic.traces.tracking import DIFFERENTIABLE

if TYPE_CHECKING:
    from tapemagic.traces.model import Body, Op, Trace

DEEP = 8
"""How far functions are followed into functions."""


def open_bodies(trace: Trace, registry: Any) -> None:
    """Add to the trace the bodies of the calls that a query's gradient can pass.

    Where no gradient was asked for, every call is opened: the tape may be inside of it.

    Args:
        trace: Changed in place: ``Trace.bodies``, and ``Op.inner`` of the calls.
        registry: Knows the bodies, and which inputs of an op have a gradient.
    """
    graphs = {query.graph for query in trace.queries} or {None}
    for op in trace.ops if trace.queries else trace.ops[trace.begun :]:
        if op.phase != "forward" or op.graph not in graphs:
            continue
        if not op.recorded and trace.queries:
            continue
        try:
            inner = op.inner or registry.runs(op)
            for key, _ in inner:
                _open(trace, registry, key, 0)
            op.inner = inner
        except Exception as fault:
            # The call is then drawn as one box, and the report says what went wrong.
            text = f"function body: {type(fault).__name__}: {fault}"
            if text not in trace.faults:
                trace.faults.append(text)


def _open(trace: Trace, registry: Any, key: str, depth: int) -> None:
    """Add one body, and those that its ops run."""
    known = trace.bodies.get(key)
    done = known is not None and (
        not trace.queries or any(op.passes is not None for op in known.ops)
    )
    if depth > DEEP or done:
        return
    body = known or registry.body(key)
    if body is None:
        return
    trace.bodies[key] = body
    used = {tensor for op in body.ops for tensor in op.inputs}
    for op in body.ops:
        for inner, _ in op.inner:
            _open(trace, registry, inner, depth + 1)
        if trace.queries:
            op.passes = _passes(op, body, registry, used)


def _passes(op: Op, body: Body, registry: Any, used: set[int]) -> tuple[bool | None, ...]:
    """Per input whether the op hands a gradient on to it; None where that can't be foretold."""
    answer = registry.differentiable(op, body.tensors)
    flags: list[bool | None] = [None] * len(op.inputs)
    if isinstance(answer, tuple):
        flags = list(answer)
    elif answer is not None:
        flags = [False] * len(op.inputs)  # no gradient was ever registered
    if op.rule == "custom_gradient":
        # Its first inputs are what the function computed: their derivatives are never asked for.
        results = max((at + 1 for at, t in enumerate(op.outputs) if t in used), default=0)
        flags[:results] = [False] * len(flags[:results])
    floats = (body.tensors[t].dtype in DIFFERENTIABLE for t in op.inputs)
    return tuple(flag if float_ else False for flag, float_ in zip(flags, floats, strict=True))


def traced_before(trace: Trace) -> list[str]:
    """Say which calls run a function whose own tape ran in an earlier cell, when it was traced."""
    said = {}
    for op in trace.ops[trace.begun :]:
        if op.body is not None and op.at is not None and op.at.here and _old_tape(trace, op.body):
            said[op.body] = (
                f"The call on line {op.at.line} runs a tf.function that was traced before this cell, "
                "with a tape in it. A tape in a tf.function runs while it is traced, and not again. To "
                "see it, define the function anew (for model.fit: call model.compile again), and put "
                "%%tape on the cell that calls it first."
            )
    return list(said.values())


def _old_tape(trace: Trace, key: str) -> bool:
    """Whether a function that was not traced in this cell was asked for gradients, deep inside too."""
    todo, seen = [key], {key}
    while todo:
        body = trace.bodies.get(todo.pop())
        if body is None or body.traces:
            continue
        if body.tape:
            return True
        for op in body.ops:
            new = {inner for inner, _ in op.inner} - seen
            seen |= new
            todo += new
    return False
