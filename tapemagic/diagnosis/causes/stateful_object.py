"""The value was written into a variable, table, metric or other state, and read back."""

from __future__ import annotations

import re

from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.repairs.metrics import loss_instead
from tapemagic.diagnosis.repairs.state import by_value
from tapemagic.diagnosis.repairs.streams import as_list
from tapemagic.traces.model import Site

TEXT = """
A variable, a lookup table, a Keras metric or an iterator keeps a state. A tape knows reads of state,
not writes: what was written by `assign` is read back as a value without a past.
"""
EXAMPLE = """import tensorflow as tf

x = tf.Variable(3.0)
total = tf.Variable(0.0)
with tf.GradientTape() as tape:
    total.assign_add(x)
    y = total * total
grad = tape.gradient(y, x)
"""
MENDED = EXAMPLE.replace(
    "total.assign_add(x)\n    y = total * total",
    "new_total = total + x\n    total.assign(new_total)\n    y = new_total * new_total",
)


def recognise(case: Case) -> Found | None:
    """The cut is a write into state that is read back on the way."""
    cut = case.cut
    if cut is None:
        return None
    inner = case.culprit
    if inner is not None and inner.op.type.startswith(WRITES):
        return _in_function(case, inner.op.at)
    if cut.kind != "state" or cut.write is None:
        return None
    view = case.view
    write = view.trace.ops[cut.write]
    read = view.trace.ops[cut.op] if cut.op is not None else None
    handle = view.graph.root(write.inputs[0])
    if write.rule == "function" and read is not None:
        handle = next((view.graph.root(t) for t in read.inputs if t in write.inputs), handle)
        write = view.graph.write_in_call(write.index, handle) or write
    facts = view.trace.tensors.get(handle)
    name = (
        f"`{facts.name or facts.label}`"
        if facts is not None and (facts.name or facts.label)
        else "state"
    )
    metric = "metric" in case.written(write.at, 500).lower()
    at = write.at
    where = f" and read back on {case.line(read.at)}" if read is not None else ""
    return Found(
        at,
        f"{case.value_before(at)} is written into {name} by `{case.written(at)}` on "
        f"{case.line(at)}{where}: a tape follows no value through the state of an object.",
        f"Ask about {case.value_before(at)} itself, and keep the metric for display: it keeps its "
        "result in state."
        if re.search(r"metrics\.Mean\(", case.here.source)
        else "Use a loss from keras.losses instead of the metric object, which keeps its result in state."
        if metric or _is_metric(case, write)
        else "Compute with the value itself instead of assigning it to state and reading it back.",
        by_value(case, at, write, read) or as_list(case, at) or loss_instead(case),
    )


WRITES = ("AssignVariable", "AssignAdd", "AssignSub", "ResourceScatter", "LookupTableInsert")


def _in_function(case: Case, at: Site | None) -> Found:
    """The write and the read are both inside a tf.function."""
    return Found(
        at,
        f"The value of `{case.name}` is written into a variable by `{case.written(at)}` on "
        f"{case.line(at)} and read back from it: a tape follows no value through state.",
        "Compute with the value itself instead of assigning it to state and reading it back.",
        by_value(case, at, None, None),
    )


def _is_metric(case: Case, write) -> bool:  # type: ignore[no-untyped-def]
    text = case.here.source
    return bool(re.search(r"metrics\.[A-Z]", text)) and "ssign" in write.type


CAUSE = Cause(
    "stateful-object", "The value was written into state and read back", "warning",
    TEXT, EXAMPLE, MENDED, recognise,
)  # fmt: skip
