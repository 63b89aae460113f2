"""TensorFlow's private interfaces, in one place.

Every use of something that TensorFlow does not promise to keep stands here, with the versions in
which it was seen to work. ``tests/recorder/test_private.py`` fails loudly when one of them changes.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import CodeType
from typing import Any


def is_imported() -> bool:
    """Whether the person's code has imported TensorFlow, to the end."""
    module = sys.modules.get("tensorflow")
    spec = getattr(module, "__spec__", None)
    return module is not None and not getattr(spec, "_initializing", False)


def is_tracer(code: CodeType) -> bool:
    """Whether code is the function that traces a Python function into a graph."""
    return code.co_name == "func_graph_from_py_func"


def is_traced_code(code: CodeType) -> bool:
    """Whether code is what autograph made of a person's function."""
    return "__autograph_generated_file" in code.co_filename


class Private:
    """The modules and functions that the probes use. Seen in TensorFlow 2.16 to 2.21."""

    def __init__(self) -> None:
        from tensorflow.python import pywrap_tfe
        from tensorflow.python.distribute import mirrored_run
        from tensorflow.python.eager import (
            backprop,
            context,
            execute,
            forwardprop,
            imperative_grad,
            record,
        )
        from tensorflow.python.eager.polymorphic_function import concrete_function
        from tensorflow.python.framework import dtypes, op_callbacks, ops, tensor_util
        from tensorflow.python.ops import resource_variable_ops
        from tensorflow.python.util import tf_stack

        self.pywrap_tfe = pywrap_tfe
        self.backprop = backprop
        self.context = context
        self.execute = execute
        self.imperative_grad = imperative_grad
        self.record = record
        self.op_callbacks = op_callbacks
        self.ops = ops
        self.dtypes = dtypes
        self.tf_stack = tf_stack
        self.tensor_util = tensor_util
        self.concrete_function = concrete_function.ConcreteFunction
        self.replica_thread = mirrored_run._MirroredReplicaThread
        self.accumulator_class = forwardprop.ForwardAccumulator
        self.jvp_function = forwardprop._jvp_dispatch
        self.tape_class = backprop.GradientTape
        self.variable_class = resource_variable_ops.BaseResourceVariable
        self.eager_tensor = ops.EagerTensor

    def gradient_function(self) -> Callable[..., Any]:
        """What the tape calls for each recorded op. Registered by name, since there is no getter."""
        return self.backprop._gradient_function  # type: ignore[no-any-return]

    def register_gradient_function(self, function: Callable[..., Any]) -> None:
        """Replace what the tape calls for each recorded op; the old one is not returned."""
        self.pywrap_tfe.TFE_Py_RegisterGradientFunction(function)

    def register_jvp_function(self, function: Callable[..., Any]) -> None:
        """Replace what forward mode calls for each op that it follows."""
        self.pywrap_tfe.TFE_Py_RegisterJVPFunction(function)

    def should_record(self, tensors: Any) -> bool:
        """Whether a live tape of this thread tracks one of the tensors: exact, per tensor."""
        return bool(self.pywrap_tfe.TFE_Py_TapeSetShouldRecordBackprop(tensors))

    def observed_here(self, callback: Callable[..., Any] | None) -> bool:
        """Whether an op callback is in force on this thread: they are per thread."""
        return callback in self.context.context().op_callbacks

    def replica(self) -> int | None:
        """The number of the replica whose thread this is; a strategy gives each one a thread."""
        thread = threading.current_thread()
        if not isinstance(thread, self.replica_thread):
            return None
        number = thread.replica_id
        return number if isinstance(number, int) else None

    def no_tape(self) -> bool:
        """Whether no tape is recording on this thread."""
        return bool(self.pywrap_tfe.TFE_Py_TapeSetIsEmpty())

    def is_recording(self, tape: Any) -> bool:
        """Whether a tape is entered, and not stopped."""
        return bool(getattr(tape, "_recording", False))

    def is_paused(self) -> bool:
        """Whether recording is stopped for all tapes, as inside ``tf.stop_gradient``."""
        return bool(self.pywrap_tfe.TFE_Py_TapeSetIsStopped())

    def is_compiled(self, function: Any) -> bool:
        """Whether a concrete function is one with ``jit_compile=True``."""
        attribute = getattr(function, "_attrs", {}).get("_XlaMustCompile")
        return bool(getattr(attribute, "b", False))

    @staticmethod
    def is_backward(op: Any) -> bool:
        """Whether an op of a graph was made by a tape that was asked while the graph was traced.

        Seen in 2.16 to 2.21: ``backprop._gradient_function`` opens this name scope for its ops.
        """
        return "gradient_tape/" in op.name

    def constant_in(self, op: Any) -> Any:
        """The array that a graph's ``Const`` op holds."""
        return self.tensor_util.MakeNdarray(op.get_attr("value"))

    def constant_of(self, attrs: Any) -> Any:
        """The array of a graph's constant, from the attributes that op callbacks are given."""
        pairs = dict(zip(attrs[::2], attrs[1::2], strict=True)) if attrs else {}
        proto = pairs.get("value")
        return self.tensor_util.MakeNdarray(proto.tensor) if proto is not None else None

    def dtype_name(self, enum: int) -> str:
        """The name of a dtype by its number in the protocol buffer."""
        try:
            return str(self.dtypes.as_dtype(enum).name)
        except (TypeError, KeyError, ValueError):
            return "unknown"

    def registered(self, op_type: str) -> tuple[bool, Any]:
        """Whether a gradient was registered for an op type, and the function (None: no gradient)."""
        try:
            return True, self.ops._gradient_registry.lookup(op_type)
        except LookupError:
            return False, None

    def mock_op(self, *args: Any) -> Any:
        """The stand-in for an op that TensorFlow's eager gradients are given."""
        return self.backprop._MockOp(*args)
