"""Values of TensorFlow variables, read and written unseen by any tape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def variable_class() -> type:
    """The class of all variables."""
    from tensorflow.python.ops import resource_variable_ops

    return resource_variable_ops.BaseResourceVariable  # type: ignore[no-any-return]


def keep_variable(variable: Any) -> Callable[[], None]:
    """Keep a variable's value; the function puts it back.

    The buffer is shared until one of the two is written: nothing is copied here.
    """
    from tensorflow.python.eager import record
    from tensorflow.python.framework import ops
    from tensorflow.python.ops import gen_resource_variable_ops as raw

    handle = variable.__dict__.get("_handle")
    dtype = variable.dtype
    if not isinstance(handle, ops.EagerTensor):
        return lambda: None
    with ops.init_scope(), record.stop_recording():
        kept = raw.read_variable_op(handle, dtype)

    def put_back() -> None:
        with ops.init_scope(), record.stop_recording():
            raw.assign_variable_op(handle, kept)

    return put_back
