"""A new ``tf.Variable`` was made from the value on the way."""

from __future__ import annotations

import itertools

from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.repairs.rebinding import assigned_instead
from tapemagic.diagnosis.repairs.unwrapped import unwrapped
from tapemagic.traces.model import Op

TEXT = """
`tf.Variable(value)` copies the value into a new piece of state. The copy does not remember how the
value was computed, so a gradient ends at the new variable.
"""
EXAMPLE = """import tensorflow as tf

x = tf.Variable([1.0, 2.0])
with tf.GradientTape() as tape:
    h = tf.Variable(x * 3.0)
    y = tf.reduce_sum(h * h)
grad = tape.gradient(y, x)
"""
MENDED = EXAMPLE.replace("tf.Variable(x * 3.0)", "tf.identity(x * 3.0)")


def recognise(case: Case) -> Found | None:
    """The cut is the write of a variable's initial value."""
    cut = case.cut
    renewed = _renewed(case)
    if renewed is not None:
        return renewed
    write = _initial(case)
    if cut is None or write is None:
        return None
    view = case.view
    handle = view.graph.root(write.inputs[0])
    made = view.trace.ops[view.graph.created[handle]].at or write.at
    facts = view.trace.tensors.get(handle)
    name = f" `{facts.name}`" if facts is not None and facts.name else ""
    return Found(
        made,
        f"{case.call_it(cut.source)} is copied into a new tf.Variable{name} on {case.line(made)} "
        f"(`{case.written(made)}`): the new variable does not remember where its value came from.",
        "Go on with the tensor itself; wrap it in no new variable on the way to the target.",
        unwrapped(case, made),
    )


def _initial(case: Case) -> Op | None:
    """The write of a variable's initial value, if that is the cut.

    An initial value that is a list is packed into a tensor by tf.Variable itself, which records
    nothing while it does so: then the cut is the first op of that packing.
    """
    view, way = case.view, case.way
    if way is None or way.cut is None:
        return None
    rest = way.edges[way.cut :]
    packing = list(itertools.takewhile(lambda edge: edge.kind == "op", rest))
    after = rest[len(packing)] if len(packing) < len(rest) else None
    if after is None or after.kind != "state" or after.write is None:
        return None
    write = view.trace.ops[after.write]
    if write.rule == "function" or not write.inputs:
        return None
    handle = view.graph.root(write.inputs[0])
    if not view.graph.is_first_write(handle, after.write):
        return None
    made = view.trace.ops[view.graph.created[handle]]
    ops = [view.trace.ops[edge.op] for edge in packing if edge.op is not None]
    inside = all(made.at is not None and made.at in (op.at, *op.via) for op in ops)
    return write if inside and not any(op.recorded for op in ops) else None


def _renewed(case: Case) -> Found | None:
    """The name holds a new variable, made from the old one's update; the old one is asked about."""
    view, source = case.view, case.source
    if (
        case.way is None
        or source.kind != "variable"
        or case.fault not in ("untracked", "unrecorded")
    ):
        return None
    for edge in case.way.edges:
        if edge.kind != "state" or edge.write is None:
            continue
        write = view.trace.ops[edge.write]
        handle = view.graph.root(write.inputs[0]) if write.inputs else None
        if handle is None or write.rule == "function" or handle == source.tensor:
            return None
        if not view.graph.is_first_write(handle, edge.write):
            return None
        new = [b for b in view.trace.bindings if b.tensor == handle and b.kind == "variable"]
        old = [b for b in view.trace.bindings if b.tensor == source.tensor]
        same = [(n, o) for n in new for o in old if n.name == o.name and o.index <= n.index]
        if not same:
            return None
        now, before = same[0]
        return Found(
            now.at,
            f"Since {case.line(now.at)} the name `{now.name}` holds a new variable, and "
            f"`{case.target}` was computed from that; `{case.name}` still is the variable that was "
            f"bound to the name on {case.line(before.at)}.",
            f"Change the variable in place with `{now.name}.assign(...)` (or assign_add, "
            "assign_sub) instead of making a new one.",
            assigned_instead(case, now),
        )
    return None


CAUSE = Cause(
    "new-variable", "A new variable was made from the value", "warning", TEXT, EXAMPLE, MENDED,
    recognise,
)  # fmt: skip
