"""What stands in a node: names from the person's code, small values and gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tapemagic.diagram.bodies.rules import RULE
from tapemagic.diagram.nodes.expressions import assign_method
from tapemagic.wording import names, numbers
from tapemagic.wording.escape import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapemagic.report.model import Source
    from tapemagic.traces.model import Op, Tensor, Trace

NAME = 28  # letters of a name that are shown
_PLAIN = {  # as the person wrote it
    "AssignVariableOp": "assign",
    "AssignAddVariableOp": "assign_add",
    "AssignSubVariableOp": "assign_sub",
    "If": "cond",
    "StatelessIf": "cond",
    "Case": "switch_case",
    "StatelessCase": "switch_case",
    "TensorListFromTensor": "unstack",
    "TensorListGetItem": "element",
    "TensorListSetItem": "set element",
    "TensorListStack": "stack",
    "EagerPyFunc": "py_function",
}
VALUE = 26  # letters of a value that are shown


def path(tensor: Tensor, model: str = "") -> str | None:
    """Return the path that Keras gives a variable, without its model's name; its end if long."""
    if tensor.kind != "variable" or tensor.label is None or "/" not in tensor.label:
        return None
    parts = one_line(tensor.label.removeprefix(model)).split("/")
    while len(parts) > 2 and len("/".join(parts)) > NAME:
        del parts[0]
    return "/".join(parts)


def model_of(tensors: Iterable[Tensor | None]) -> str:
    """Return what the paths of all variables begin with, the model's name."""
    known = [t.label for t in tensors if t is not None and t.kind == "variable" and t.label]
    return names.model_of(known)


def op_type(op: Op, trace: Trace) -> str:
    """Return an op's type; a call of a ``tf.function`` is named after the function."""
    body = trace.bodies.get(op.body) if op.body is not None else None
    if body is not None:
        return f"{body.function}()"
    if op.rule == RULE:
        return one_line(op.attrs.get("rule", op.type), NAME)
    for prefix in ("__forward_", "__inference_", "__backward_"):
        if op.type.startswith(prefix):
            return op.type[len(prefix) :].rsplit("_", 1)[0] + "()"
    if op.type in _PLAIN:
        return assign_method(op, trace.source) or _PLAIN[op.type]
    return op.type


def op_title(kind: str, name: str | None) -> str:
    """Return ``y = MatMul``, or what the op is called alone where the result has no name."""
    return f"{one_line(name, NAME)} = {kind}" if name else kind


def content(tensor: Tensor | None, dtype: bool = True, read: Any = None) -> str:
    """Return a small value, else dtype and shape.

    Args:
        tensor: What to describe.
        dtype: Name the dtype beside a shape.
        read: The value that a variable had when it was read.
    """
    if tensor is None:
        return ""
    value = numbers.small(tensor.value if read is None else read, VALUE)
    if value is not None:
        return value
    where = numbers.shape(tensor.shape)
    return f"{tensor.dtype} {where}".strip() if dtype else where


def source_gradient(source: Source) -> str:
    """Return what a source got, in a few letters."""
    if source.gradient is None:
        return "error" if source.status == "error" else "None"
    value = numbers.small(source.gradient.value, VALUE)
    if source.status == "masked":
        return "0 for None"
    if value is not None:
        return value
    if source.gradient.norm is not None:
        return f"norm {numbers.number(source.gradient.norm, 3)}"
    return numbers.shape(source.gradient.shape)


def gradient(value: Any) -> str | None:
    """Return a small gradient of an intermediate tensor, or None."""
    return numbers.small(value, VALUE)


def not_finite(values: Iterable[Any]) -> str:
    """Return which of NaN and Inf some gradients hold, as far as their values were kept."""
    told = " ".join(map(str, values)).lower()
    found = [word for word in ("NaN", "Inf") if word.lower() in told]
    return found[0] if len(found) == 1 else "NaN or Inf"


def join(*parts: str | None) -> str:
    """Join the parts that there are with a middle dot."""
    return " · ".join(part for part in parts if part)
