"""After any end everything is as it was: attributes, callbacks, functions, finders, tensors."""

from __future__ import annotations

import gc
import sys
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf
from tensorflow.python import pywrap_tfe
from tensorflow.python.eager import backprop, context, execute, forwardprop, record
from tensorflow.python.eager import tape as tape_module
from tensorflow.python.eager.polymorphic_function import concrete_function
from tensorflow.python.ops import resource_variable_ops

from tapemagic.api import run_cell
from tapemagic.recorder import flow
from tapemagic.recorder.flow.hooks import Hooks
from tapemagic.recorder.probes import backward, functions, ops, tapes, variables
from tapemagic.session import Session

CELL = """
import tensorflow as tf
class Scaled:
    def __init__(self): self.w = tf.Variable(2.0)
    def __call__(self, v): return v * self.w
layer = tf.keras.layers.Dense(2)
model = Scaled()
@tf.function
def body(v):
    return v * 3.0
def helper(v):
    kept = [v]
    return kept[0] + 1.0
with tf.GradientTape(persistent=True) as tape:
    h = helper(body(model(tf.constant(1.5))))
    out = tf.reduce_sum(layer(tf.ones([1, 2]))) * h
grads = tape.gradient(out, [model.w, *layer.trainable_variables])
tf.keras.optimizers.SGD(0.1).apply_gradients(zip(grads[1:], layer.trainable_variables))
with tf.autodiff.ForwardAccumulator(model.w, tf.constant(1.0)) as forward:
    with tf.GradientTape() as inner:
        twice = model.w * model.w
    slope = inner.gradient(twice, model.w)
curve = forward.jvp(slope)
del tape, inner, forward
"""


def attributes() -> dict[str, Any]:
    """Every attribute of the classes and modules that are patched, as the very objects."""
    owners = [
        backprop.GradientTape, execute, record, tape_module, concrete_function.ConcreteFunction,
        resource_variable_ops.BaseResourceVariable, tf.keras.layers.Layer, forwardprop,
        forwardprop.ForwardAccumulator,
        *tf.keras.optimizers.Optimizer.__mro__[:-1],
    ]  # fmt: skip
    return {f"{o.__name__}.{n}": v for o in owners for n, v in list(vars(o).items())}


def callbacks() -> list[Any]:
    return list(context.context().op_callbacks)


def heard() -> bool:
    """Whether TensorFlow calls its own functions for gradients and JVPs, found out by asking."""
    seen: dict[str, Any] = {}
    originals = (backprop._gradient_function, forwardprop._jvp_dispatch)
    wanted = {function.__name__: function.__code__ for function in originals}
    value = tf.constant(2.0)

    def trace(frame: Any, event: str, _argument: Any) -> None:
        if event == "call" and frame.f_code.co_name in wanted:
            seen.setdefault(frame.f_code.co_name, frame.f_code)

    sys.setprofile(trace)
    try:
        with tf.GradientTape() as tape:
            tape.watch(value)
            out = tf.sin(value)
        tape.gradient(out, value)
        with tf.autodiff.ForwardAccumulator(value, value):
            tf.sin(value)
    finally:
        sys.setprofile(None)
    return seen == wanted


@pytest.fixture
def untouched() -> Any:
    """Everything must be the same after the test as before it."""
    run_cell(CELL, {})
    before, calls, finders = attributes(), callbacks(), list(sys.meta_path)
    yield
    after = attributes()
    assert after.keys() == before.keys()
    assert [n for n in before if after[n] is not before[n]] == []
    assert callbacks() == calls
    assert sys.meta_path == finders
    assert Session.active is None
    assert heard()


def plain_code(namespace: dict[str, Any]) -> None:
    for name, value in namespace.items():
        value = getattr(value, "python_function", value)
        for one in [value, *(vars(value).values() if isinstance(value, type) else ())]:
            code = getattr(one, "__code__", None)
            if code is not None:
                assert not any(isinstance(c, Hooks) for c in code.co_consts), name


def test_normal_end(untouched: Any) -> None:
    namespace: dict[str, Any] = {}
    report = run_cell(CELL, namespace)
    assert report.to_dict()["cell"]["error"] is None
    plain_code(namespace)


@pytest.mark.parametrize(
    "fault", ["1 / 0", "raise ValueError('x')", "tf.matmul(tf.ones([2, 3]), tf.ones([2, 3]))",
              "with tf.GradientTape() as t:\n    t.gradient(None, [tf.Variable(1.0)])",
              "body(object() + 1)"],
)  # fmt: skip
def test_exception(untouched: Any, fault: str) -> None:
    namespace: dict[str, Any] = {}
    report = run_cell(CELL + fault + "\n", namespace)
    assert report.to_dict()["cell"]["error"] is not None
    plain_code(namespace)


@pytest.mark.parametrize("kind", ["KeyboardInterrupt", "SystemExit", "GeneratorExit"])
def test_interrupt(untouched: Any, kind: str) -> None:
    namespace: dict[str, Any] = {}
    with pytest.raises(BaseException, match="stop") as caught:
        run_cell(CELL + f"raise {kind}('stop')\n", namespace)
    assert type(caught.value).__name__ == kind
    plain_code(namespace)


def test_interrupt_inside_a_query(untouched: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = """
import tensorflow as tf
@tf.custom_gradient
def f(v):
    def grad(up):
        raise KeyboardInterrupt('in the backward pass')
    return v * 1.0, grad
w = tf.Variable(1.0)
with tf.GradientTape() as tape:
    out = f(w * 2.0)
tape.gradient(out, w)
"""
    with pytest.raises(KeyboardInterrupt):
        run_cell(cell, {})


def test_interrupt_while_a_function_is_traced(untouched: Any) -> None:
    cell = """
import tensorflow as tf
@tf.function(autograph=False)
def f(v):
    tf.square(v)
    raise KeyboardInterrupt('while tracing')
f(tf.constant(1.0))
"""
    with pytest.raises(KeyboardInterrupt):
        run_cell(cell, {})
    assert tf.executing_eagerly()


def broken(*_arguments: Any, **_options: Any) -> Any:
    raise RuntimeError("injected")


FAULTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "ops row": lambda m: m.setattr(ops, "copied", broken),
    "ops unknown inputs": lambda m: m.setattr(ops.OpsProbe, "_unknown", broken),
    "ops in graphs": lambda m: m.setattr(ops.OpsProbe, "_in_graph", broken),
    "ops install": lambda m: m.setattr(ops.OpsProbe, "install", broken),
    "ops recorded": lambda m: m.setattr(ops.OpsProbe, "_recorded", broken),
    "backward install": lambda m: m.setattr(backward.BackwardProbe, "install", broken),
    "backward called": lambda m: m.setattr(backward.BackwardProbe, "_called", broken),
    "backward step": lambda m: m.setattr(backward.BackwardProbe, "_step", broken),
    "backward heard": lambda m: m.setattr(backward.BackwardProbe, "_heard", broken),
    "tapes install": lambda m: m.setattr(tapes.TapesProbe, "install", broken),
    "tapes begin": lambda m: m.setattr(tapes.TapesProbe, "_begin", broken),
    "tapes end": lambda m: m.setattr(tapes.TapesProbe, "_end", broken),
    "tapes told": lambda m: m.setattr(tapes.TapesProbe, "_told", broken),
    "tapes watched": lambda m: m.setattr(tapes.TapesProbe, "_watched", broken),
    "tapes apply": lambda m: m.setattr(tapes.TapesProbe, "_begin_apply", broken),
    "variables": lambda m: m.setattr(variables.VariablesProbe, "install", broken),
    "functions": lambda m: m.setattr(functions.FunctionsProbe, "_enter", broken),
    "layers": lambda m: m.setattr(functions.FunctionsProbe, "_into", broken),
    "data flow made": lambda m: m.setattr(flow.Flow, "_made", broken),
    "data flow bind": lambda m: m.setattr(flow.Flow, "_bind", broken),
    "data flow enter": lambda m: m.setattr(flow.Flow, "_pass_shared", broken),
    "rewriting": lambda m: m.setattr("tapemagic.session.rewrite", broken),
    "building": lambda m: m.setattr("tapemagic.recorder.build.Builder.build", broken),
    "reporting": lambda m: m.setattr("tapemagic.report.build.build_report", broken),
    "adopting": lambda m: m.setattr("tapemagic.session.functions_of", broken),
}
UNHEARD = {"ops unknown inputs", "tapes watched", "data flow enter", "ops recorded"}


@pytest.mark.parametrize("name", FAULTS)
def test_injected_fault(untouched: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    plain: dict[str, Any] = {}
    tf.keras.utils.set_random_seed(3)
    exec(compile(CELL, "<plain>", "exec"), plain)
    wanted = [g.numpy().tolist() for g in plain["grads"]]
    FAULTS[name](monkeypatch)
    namespace: dict[str, Any] = {}
    tf.keras.utils.set_random_seed(3)
    report = run_cell(CELL, namespace)
    monkeypatch.undo()
    assert [g.numpy().tolist() for g in namespace["grads"]] == wanted
    assert namespace.keys() - {"__name__"} == plain.keys() - {"__name__"}
    plain_code(namespace)
    said = [n for n in report.notes if "injected" in n]
    assert 1 <= len(said) <= 2 or name in UNHEARD
    assert all("\n" not in n and "not affected" in n for n in said)
    report.to_dict()
    str(report)


def test_second_trace_is_refused(untouched: Any) -> None:
    from tapemagic.session import SessionActive

    cell = "from tapemagic.api import run_cell\nrun_cell('x = 1', {})\n"
    report = run_cell(cell, {})
    assert report.to_dict()["cell"]["error"]["type"] == SessionActive.__name__


def test_functions_of_an_earlier_cell_are_plain_again(untouched: Any) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    run_cell("import tensorflow as tf\ndef f(v):\n    return tf.round(v)\n", namespace)
    code = namespace["f"].__code__
    cell = (
        "w = tf.Variable(1.5)\nwith tf.GradientTape() as t:\n    y = f(w)\ng = t.gradient(y, w)\n"
    )
    made = run_cell(cell, namespace).to_dict()
    assert namespace["f"].__code__ is code
    assert made["calls"][0]["sources"][0]["why"]["place"]["line"] == 3


def test_objects_patched_by_the_cell_stay_patched(untouched: Any) -> None:
    original = tf.GradientTape.watch
    cell = """
import tensorflow as tf
kept = tf.nn.relu
tf.nn.relu = lambda v: v
"""
    real = tf.nn.relu
    try:
        run_cell(cell, {})
        assert tf.nn.relu is not real
    finally:
        tf.nn.relu = real
    assert tf.GradientTape.watch is original


class Held:
    """Told to cells, which fill it with weak references."""

    references: list[Any] = []  # noqa: RUF012


CELL_OF_TENSORS = """
import tensorflow as tf, weakref, gc
w = tf.Variable(tf.ones([8]))
def forward(v):
    hidden = tf.tanh(v * 2.0)
    held.references.append(weakref.ref(hidden))
    return tf.reduce_sum(hidden)
with tf.GradientTape() as tape:
    loss = forward(w)
inside = [r() is None for r in held.references]
g = tape.gradient(loss, w)
held.references.append(weakref.ref(loss))
held.references.append(weakref.ref(g))
del loss, g, tape
"""


def test_tensors_are_freed_when_dropped() -> None:
    held = Held()
    held.references = []
    report = run_cell(CELL_OF_TENSORS, {"held": held, "__name__": "__main__"})
    gc.collect()
    assert len(held.references) == 3
    assert [r() is None for r in held.references] == [True, True, True]
    assert report.to_dict()["calls"][0]["sources"][0]["status"] == "connected"


def test_variables_and_models_are_freed() -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    report = run_cell(CELL, namespace)
    references = [weakref.ref(namespace[n]) for n in ("layer", "model", "body", "helper")]
    namespace.clear()
    gc.collect()
    assert [r() is None for r in references] == [True] * 4
    assert report.to_dict()["calls"]


@pytest.mark.deep
def test_memory_stays_flat_over_a_thousand_cells() -> None:
    """The memory of the process, which also counts what TensorFlow holds."""
    psutil = pytest.importorskip("psutil")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    me = psutil.Process()
    sizes = []
    for turn in range(1000):
        run_cell(CELL.replace("del tape", "kept = tape") if turn % 2 else CELL, namespace)
        namespace.pop("kept", None)
        if turn % 100 == 99:
            gc.collect()
            sizes.append(me.memory_info().rss / 2**20)
    # TensorFlow itself keeps some of each new tf.function; plain cells tell how much.
    code = compile(CELL, "<plain>", "exec")
    begin = me.memory_info().rss / 2**20
    for _ in range(300):
        exec(code, namespace)
    gc.collect()
    plain = (me.memory_info().rss / 2**20 - begin) / 300
    traced = (sizes[-1] - sizes[1]) / 800
    assert traced < plain + 0.05, (sizes, plain)


def test_memory_stays_flat() -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    cell = """
import tensorflow as tf
w = tf.Variable([1.0, 2.0])
def f(v):
    return tf.reduce_sum(tf.tanh(v) ** 2)
with tf.GradientTape() as tape:
    y = f(w)
g = tape.gradient(y, w)
"""
    for _ in range(20):
        run_cell(cell, namespace)
    gc.collect()
    tracemalloc.start()
    try:
        begin = tracemalloc.get_traced_memory()[0]
        for _ in range(200):
            run_cell(cell, namespace)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - begin
    finally:
        tracemalloc.stop()
    assert grown < 200 * 20_000  # the cells' own texts stay readable for tracebacks


def test_gradient_function_is_registered_again() -> None:
    assert heard()
    run_cell(CELL, {})
    assert heard()
    assert callable(pywrap_tfe.TFE_Py_RegisterGradientFunction)
