"""TensorFlow's private interfaces that the recorder uses: each fails here, loudly, if it changes."""

from __future__ import annotations

import inspect
import sys
import threading
from typing import Any

import pytest
import tensorflow as tf

from tapemagic.recorder.private import Private, is_imported, is_traced_code, is_tracer


@pytest.fixture(scope="module")
def private() -> Private:
    return Private()


def test_is_imported() -> None:
    assert is_imported()


def test_op_callback_arguments(private: Private) -> None:
    seen: list[dict[str, Any]] = []

    def callback(
        op_type: Any, inputs: Any, attrs: Any, outputs: Any, op_name: Any = None, graph: Any = None
    ) -> None:
        seen.append({"type": op_type, "in": inputs, "attrs": attrs, "out": outputs, "graph": graph})

    private.op_callbacks.add_op_callback(callback)
    try:
        made = tf.add(tf.constant(1.0), 2.0)
        tf.reshape(made, [1, 1])

        @tf.function
        def body() -> Any:
            return tf.square(made)

        body()
    finally:
        private.op_callbacks.remove_op_callback(callback)
    tf.add(made, 1.0)
    kinds = [s["type"].decode() if isinstance(s["type"], bytes) else s["type"] for s in seen]
    assert kinds[0] == "AddV2"
    assert "Reshape" in kinds
    assert seen[0]["out"][0]._id == made._id
    assert seen[0]["graph"] is None
    assert [s["graph"].name for s in seen if s["graph"] is not None][0] == "body"
    assert any(k.startswith("__inference_body") for k in kinds)
    assert kinds.count("AddV2") == 1


def test_code_above_an_op_that_is_traced() -> None:
    seen: list[str] = []

    def helper(x: Any) -> Any:
        frame = sys._getframe()
        while frame is not None and not is_tracer(frame.f_code):
            if is_traced_code(frame.f_code):
                seen.append(frame.f_code.co_name)
            frame = frame.f_back  # type: ignore[assignment]
        assert frame is not None
        return x

    @tf.function
    def body(x: Any) -> Any:
        return helper(x)

    body(tf.constant(1.0))
    assert "tf__helper" in seen
    assert "tf__body" in seen


def test_threads_begin_in_bootstrap_inner() -> None:
    assert list(inspect.signature(threading.Thread._bootstrap_inner).parameters) == ["self"]  # type: ignore[attr-defined]


def test_ids_grow() -> None:
    ids = [tf.constant(float(i))._id for i in range(2000)]
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)


def test_tensor_facts() -> None:
    tensor = tf.constant([[1.0, 2.0]])
    assert tensor._shape_tuple() == (1, 2)
    assert tensor._datatype_enum() == tf.float32.as_datatype_enum
    assert tensor._numpy_internal().tolist() == [[1.0, 2.0]]
    assert tensor.dtype.as_datatype_enum == tf.float32.as_datatype_enum


def test_should_record_is_per_tensor(private: Private) -> None:
    one, two = tf.constant(1.0), tf.constant(2.0)
    assert private.no_tape()
    with tf.GradientTape() as tape:
        tape.watch(one)
        assert not private.no_tape()
        assert private.should_record([one])
        assert not private.should_record([two])
        assert private.should_record([two, one * 1.0])
        with tape.stop_recording():
            assert private.no_tape()
            assert not private.should_record([one])


def test_tape_says_whether_it_records(private: Private) -> None:
    with tf.GradientTape(persistent=True) as tape:
        inside = private.is_recording(tape)
        with tape.stop_recording():
            stopped = private.is_recording(tape)
    assert (inside, stopped, private.is_recording(tape)) == (True, False, False)
    assert not private.is_recording(None)


def test_stop_gradient_pauses_every_tape(private: Private) -> None:
    seen: list[tuple[str, bool]] = []

    def callback(op_type: Any, *_args: Any, **_more: Any) -> None:
        seen.append((op_type, private.is_paused()))

    variable = tf.Variable(2.0)
    private.op_callbacks.add_op_callback(callback)
    try:
        with tf.GradientTape():
            tf.stop_gradient(variable)
            tf.square(variable)
    finally:
        private.op_callbacks.remove_op_callback(callback)
    assert seen == [("StopGradient", True), ("Square", False)]


def test_gradient_function_can_be_replaced(private: Private) -> None:
    original = private.gradient_function()
    seen: list[str] = []

    def heard(op_name: str, *more: Any) -> Any:
        seen.append(op_name)
        return original(op_name, *more)

    names = list(inspect.signature(original).parameters)
    assert names == [
        "op_name", "attr_tuple", "num_inputs", "inputs", "outputs", "out_grads",
        "skip_input_indices", "forward_pass_name_scope",
    ]  # fmt: skip
    private.register_gradient_function(heard)
    try:
        value = tf.constant(2.0)
        with tf.GradientTape() as tape:
            tape.watch(value)
            out = tf.sin(value)
        assert tape.gradient(out, value) is not None
    finally:
        private.register_gradient_function(original)
    assert seen == ["Sin"]


def test_record_gradient_is_called_by_generated_wrappers(
    private: Private, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    original = private.execute.record_gradient

    def heard(op_name: str, inputs: Any, attrs: Any, outputs: Any) -> Any:
        seen.append(op_name)
        return original(op_name, inputs, attrs, outputs)

    monkeypatch.setattr(private.execute, "record_gradient", heard)
    value = tf.Variable([1.0, 2.0])
    with tf.GradientTape():
        tf.gather(value, [0])
    assert seen == ["ResourceGather"]


def test_record_operation_hears_functions_and_custom_gradients(
    private: Private, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    original = private.record.record_operation

    names = ["op_type", "output_tensors", "input_tensors", "backward_function", "forward_function"]
    assert list(inspect.signature(original).parameters) == names

    def heard(op_type: Any, *more: Any, **named: Any) -> Any:
        seen.append((op_type, callable(named.get("backward_function", more[-1]))))
        return original(op_type, *more, **named)

    monkeypatch.setattr(private.record, "record_operation", heard)

    @tf.custom_gradient
    def double(value: Any) -> Any:
        return value * 2.0, lambda up: up * 2.0

    @tf.function
    def square(value: Any) -> Any:
        return value * value

    value = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        out = square(double(value * 1.0))
    assert tape.gradient(out, value).numpy() == 24.0
    kinds = [k if isinstance(k, str) else k.decode() for k, _ in seen]
    assert any("square" in k for k in kinds)
    assert all(known for _, known in seen)
    assert len(kinds) >= 2


def test_imperative_grad_is_where_queries_meet(private: Private) -> None:
    names = list(inspect.signature(private.imperative_grad.imperative_grad).parameters)
    assert names[:4] == ["tape", "target", "sources", "output_gradients"]


@pytest.mark.parametrize("name", ["_push_tape", "_pop_tape", "reset", "watch", "gradient",
                                  "jacobian", "batch_jacobian"])  # fmt: skip
def test_tape_has_its_methods(private: Private, name: str) -> None:
    assert callable(vars(private.tape_class)[name])
    assert inspect.getsource(vars(private.tape_class)[name])


def test_arguments_of_queries(private: Private) -> None:
    def names(method: str) -> list[str]:
        return list(inspect.signature(getattr(private.tape_class, method)).parameters)

    assert names("gradient") == [
        "self", "target", "sources", "output_gradients", "unconnected_gradients",
    ]  # fmt: skip
    assert names("jacobian")[:4] == ["self", "target", "sources", "unconnected_gradients"]
    assert names("batch_jacobian")[:4] == ["self", "target", "source", "unconnected_gradients"]


def test_tape_keeps_its_own() -> None:
    tape = tf.GradientTape(persistent=True, watch_accessed_variables=False)
    assert tape._persistent is True
    assert tape._watch_accessed_variables is False
    assert tape._tape is None
    with tape:
        assert tape._tape is not None
    once = tf.GradientTape()
    value = tf.Variable(1.0)
    with once:
        out = value * 2.0
    once.gradient(out, value)
    assert once._tape is None


def test_variable_handle(private: Private) -> None:
    value = tf.Variable(1.0)
    assert isinstance(value, private.variable_class)
    assert value.__dict__["_handle"]._id == value.handle._id
    assert "_handle" not in vars(private.variable_class)


def test_reads_in_c_read_the_handle(private: Private, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    class Handle:
        def __get__(self, variable: Any, owner: Any = None) -> Any:
            read.append(variable.__dict__["_handle"]._id)
            return variable.__dict__["_handle"]

        def __set__(self, variable: Any, handle: Any) -> None:
            variable.__dict__["_handle"] = handle

    monkeypatch.setattr(private.variable_class, "_handle", Handle(), raising=False)
    value = tf.Variable(2.0)
    read.clear()
    tf.multiply(tf.constant(3.0), value)
    assert value.__dict__["_handle"]._id in read


def test_variable_accessed_is_told() -> None:
    from tensorflow.python.eager import tape as tape_module

    assert list(inspect.signature(tape_module.variable_accessed).parameters) == ["variable"]
    assert tape_module.variable_accessed in vars(tape_module).values()


def test_registered(private: Private) -> None:
    assert private.registered("Sin")[0] is True
    assert callable(private.registered("Sin")[1])
    assert private.registered("Shape") == (True, None)
    assert private.registered("AdjustHue") == (False, None)


def test_mock_op(private: Private) -> None:
    names = list(inspect.signature(private.backprop._MockOp).parameters)
    assert names == ["attrs", "inputs", "outputs", "typ", "skip_input_indices"]
    made = private.mock_op((), [1], [2], "Sin", [])
    assert (made.inputs, made.outputs) == ([1], [2])


def test_dtype_name(private: Private) -> None:
    assert private.dtype_name(tf.float32.as_datatype_enum) == "float32"
    assert private.dtype_name(987654) == "unknown"


def test_stack_of_a_traced_function(private: Private) -> None:
    found: list[str] = []

    @tf.function
    def body(value: Any) -> Any:
        out = value * 2.0
        found.extend(f.filename for f in private.tf_stack.extract_stack())
        return out

    body(tf.constant(1.0))
    assert __file__ in found


def test_concrete_function_call(private: Private) -> None:
    method = vars(private.concrete_function)["_call_flat"]
    assert inspect.getsource(method)

    @tf.function
    def body(value: Any) -> Any:
        return value * 2.0

    concrete = body.get_concrete_function(tf.constant(1.0))
    assert isinstance(concrete, private.concrete_function)
    assert concrete.graph.name == "body"


def test_accumulator_has_its_method(private: Private) -> None:
    method = vars(private.accumulator_class)["_push_accumulator"]
    assert list(inspect.signature(method).parameters) == ["self"]
    assert inspect.getsource(method)


def test_jvp_function_can_be_replaced(private: Private) -> None:
    """It is called with the op and its tensors, before a callback hears of the op."""
    names = list(inspect.signature(private.jvp_function).parameters)
    assert names == ["op_name", "attr_tuple", "inputs", "outputs", "tangents", "use_batch"]
    seen: list[tuple[str, str, Any]] = []
    original = private.jvp_function

    def jvp(op_name: str, attrs: Any, inputs: Any, outputs: Any, *more: Any) -> Any:
        seen.append(("jvp", op_name, attrs is None))
        return original(op_name, attrs, inputs, outputs, *more)

    def callback(op_type: Any, *_args: Any, graph: Any = None, **_more: Any) -> None:
        if graph is None and op_type == "Sin":
            seen.append(("op", op_type, None))

    value = tf.Variable(2.0)
    tangent = tf.constant(1.0)
    private.register_jvp_function(jvp)
    private.op_callbacks.add_op_callback(callback)
    try:
        with tf.autodiff.ForwardAccumulator(value, tangent) as forward:
            made = tf.sin(value)
    finally:
        private.op_callbacks.remove_op_callback(callback)
        private.register_jvp_function(original)
    assert forward.jvp(made).numpy() == pytest.approx(tf.cos(2.0).numpy())
    assert seen == [("jvp", "ReadVariableOp", True), ("jvp", "Sin", False), ("op", "Sin", None)]


def test_replica_threads_know_their_number(private: Private) -> None:
    names = list(inspect.signature(private.replica_thread.__init__).parameters)
    assert "replica_id" in names
    assert "self.replica_id = replica_id" in inspect.getsource(private.replica_thread.__init__)
    assert private.replica() is None


def test_keras_has_its_methods() -> None:
    assert "__call__" in vars(tf.keras.layers.Layer)
    owners = tf.keras.optimizers.SGD.__mro__
    assert any("apply_gradients" in vars(c) for c in owners)
    assert any("apply" in vars(c) for c in owners)


def test_what_is_differentiable_is_what_tensorflow_says() -> None:
    from tensorflow.python.eager import backprop_util

    from tapemagic.traces.tracking import DIFFERENTIABLE

    for dtype in (tf.float16, tf.bfloat16, tf.float32, tf.float64, tf.complex64, tf.complex128):
        assert backprop_util.IsTrainable(dtype)
        assert dtype.name in DIFFERENTIABLE
    for dtype in (tf.int32, tf.bool, tf.string, tf.uint8, tf.int64):
        assert not backprop_util.IsTrainable(dtype)
        assert dtype.name not in DIFFERENTIABLE


def test_compiled_functions_and_constants(private: Private) -> None:
    def square(x: Any) -> Any:
        return x * 3.0

    plain = tf.function(square).get_concrete_function(tf.constant(1.0))
    compiled = tf.function(square, jit_compile=True).get_concrete_function(tf.constant(1.0))
    assert not private.is_compiled(plain)
    assert private.is_compiled(compiled)
    constant = next(op for op in plain.graph.get_operations() if op.type == "Const")
    assert private.constant_in(constant) == 3.0


def test_backward_ops_of_a_graph_have_a_scope_of_their_own(private: Private) -> None:
    x = tf.Variable(2.0)

    @tf.function
    def slope() -> tf.Tensor:
        with tf.GradientTape() as tape:
            y = tf.sin(x)
        return tape.gradient(y, x)

    @tf.function
    def plain() -> tf.Tensor:
        return tf.sin(x)

    with_tape, without = (f.get_concrete_function().graph.get_operations() for f in (slope, plain))
    assert {op.type for op in with_tape if private.is_backward(op)} == {"Cos", "Mul"}
    assert not any(map(private.is_backward, without))
