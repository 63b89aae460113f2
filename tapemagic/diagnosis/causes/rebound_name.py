"""The name no longer holds the variable: it was rebound to a tensor."""

from __future__ import annotations

from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.repairs.rebinding import in_place, new_variable, rebinding
from tapemagic.traces.model import Binding, Tensor

TEXT = """
`x = x + 1` does not change the variable `x`: it makes a new tensor and lets the name `x` hold it.
From the next turn on you ask about a plain tensor that no tape watches. `x.assign_add(1.0)` changes
the variable and keeps the name.
"""
EXAMPLE = """import tensorflow as tf

x = tf.Variable(2.0)
for step in range(2):
    with tf.GradientTape() as tape:
        y = x * x
    grad = tape.gradient(y, x)
    x = x - 0.1
"""
MENDED = EXAMPLE.replace("x = x - 0.1", "x.assign_sub(0.1)")


FAR = 500.0
"""The price above which only a shape joins two values."""


def recognise(case: Case) -> Found | None:
    """The asked name was bound to a variable before, and holds a plain tensor now."""
    source, view = case.source, case.view
    tracking = view.tracking
    if source.tensor is None or source.kind != "tensor" or view.query.error is not None:
        return None
    if tracking is not None and source.tensor in tracking.watches:
        return None
    if tracking is not None and tracking.tracks(source.tensor, view.query.op):
        if view.price(source.tensor) < FAR:
            return None  # the tape knows the new tensor, and the target was made from it
    pair = rebinding(view, source)
    if pair is None:
        return None
    before, now = pair
    said = (
        f"Since {case.line(now.at)} the name `{now.name}` holds a plain tensor, no longer the "
        f"variable of {case.line(before.at)}: `{_statement(case, now)}` rebinds the name "
    )
    old, new = (view.trace.tensors.get(one.tensor) for one in (before, now))
    if old is not None and new is not None and not _takes(old, new):
        return Found(
            now.at,
            f"{said}to a tensor of another dtype or shape, which the variable can't take.",
            f"Make a variable of it, `{now.name} = tf.Variable(...)`, or make the first one as it "
            "shall be; or call tape.watch on the tensor.",
            new_variable(case, now),
        )
    return Found(
        now.at,
        f"{said}instead of assigning to the variable.",
        f"Change the variable in place with `{now.name}.assign(...)` (or assign_add, "
        "assign_sub); or call tape.watch on the tensor.",
        in_place(case, now),
    )


def _takes(variable: Tensor, value: Tensor) -> bool:
    """Whether a variable can be assigned a value: by its dtype and what is known of the shapes."""
    if variable.dtype != value.dtype:
        return False
    if variable.shape is None or value.shape is None:
        return True
    pairs = zip(variable.shape, value.shape, strict=False)
    same = all(None in pair or pair[0] == pair[1] for pair in pairs)
    return len(variable.shape) == len(value.shape) and same


def _statement(case: Case, binding: Binding) -> str:
    text = case.text(binding.at)
    rows = text.lines if text is not None else []
    row = rows[binding.at.line - 1].strip() if binding.at.line <= len(rows) else binding.name
    return row if len(row) < 60 else row[:59] + "…"


CAUSE = Cause(
    "rebound-name", "The name no longer holds the variable", "warning", TEXT, EXAMPLE, MENDED,
    recognise,
)  # fmt: skip
