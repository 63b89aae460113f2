"""Other threads, traces inside traces, and tracing in a worker of pytest-xdist."""

from __future__ import annotations

import threading
from typing import Any

import tensorflow as tf

import tapemagic
from tapemagic.api import run_cell
from tapemagic.session import Session, SessionActive


def test_ops_of_another_thread_are_not_mixed_in() -> None:
    cell = """
import threading
import tensorflow as tf
w = tf.Variable(2.0)
def other():
    with tf.GradientTape() as tape:
        y = tf.cos(w) * 3.0
    found.append(tape.gradient(y, w))
def work(begun, go_on):
    begun.set()
    go_on.wait()
    other()
found = []
begun, go_on = threading.Event(), threading.Event()
thread = threading.Thread(target=work, args=(begun, go_on))
thread.start()
begun.wait()
with tf.GradientTape() as tape:
    y = tf.sin(w)
    go_on.set()
    thread.join()
    y = y * w
g = tape.gradient(y, w)
"""
    names: dict[str, Any] = {}
    report = run_cell(cell, names)
    assert report.mismatches == 0
    assert len(report.calls) == 1
    assert report.calls[0].sources[0].status == "connected"
    assert "Cos" not in {op.type for op in report.trace.ops}
    assert any("another thread" in n for n in report.notes)
    assert names["found"][0].numpy() == (-3.0 * tf.sin(2.0)).numpy()


def test_what_another_thread_computed_comes_with_its_line() -> None:
    cell = """
import threading
import tensorflow as tf
w = tf.Variable(2.0)
made = []
def work():
    made.append(tf.cos(w) * 3.0)
with tf.GradientTape() as tape:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    y = made[0] + 1.0
g = tape.gradient(y, w)
"""
    begin = vars(threading.Thread)["_bootstrap_inner"]
    report = run_cell(cell, {})
    assert vars(threading.Thread)["_bootstrap_inner"] is begin
    assert report.mismatches == 0
    brought = [op for op in report.trace.ops if op.phase == "thread"]
    assert [op.type for op in brought if op.type != "ReadVariableOp"] == ["Cos", "Mul"]
    assert {op.at.line for op in brought if op.at is not None} == {7}
    assert not any(op.recorded for op in brought)


def test_variables_of_one_shape_are_told_apart_on_several_threads() -> None:
    cell = """
from concurrent.futures import ThreadPoolExecutor
import tensorflow as tf
parts = [tf.Variable(tf.ones((2, 1)) * i) for i in range(4)]
x = tf.ones((3, 2))
with tf.GradientTape(persistent=True) as tape, ThreadPoolExecutor(4) as pool:
    made = list(pool.map(lambda w: tf.matmul(x, w), parts))
    ends = [m * 2.0 for m in made]
for end, part in zip(ends, parts):
    g = tape.gradient(end, part)
h = tape.gradient(ends[0], parts[1])
"""
    calls = run_cell(cell, {}).to_dict()["calls"]
    causes = [(c["line"], s["why"]["cause"]) for c in calls for s in c["sources"]]
    assert {cause for line, cause in causes if line == 10} == {"outside-tape"}
    assert [cause for line, cause in causes if line == 11] == ["unconnected"]


def test_a_pool_of_an_earlier_cell_is_heard_and_a_silent_one_forgotten() -> None:
    names: dict[str, Any] = {}
    run_cell(
        """
from concurrent.futures import ThreadPoolExecutor
import tensorflow as tf
w = tf.Variable(2.0)
pool = ThreadPoolExecutor(1)
pool.submit(lambda: tf.sin(1.0)).result()
""",
        names,
    )
    between = names["pool"].submit(lambda: tf.sin(names["w"]).numpy()).result()
    assert between == tf.sin(2.0).numpy()
    report = run_cell(
        """
with tf.GradientTape() as tape:
    y = pool.submit(lambda: tf.sin(w)).result() * 1.0
g = tape.gradient(y, w)
""",
        names,
    )
    names["pool"].shutdown()
    why = report.to_dict()["calls"][0]["sources"][0]["why"]
    assert (why["cause"], why["line"]) == ("outside-tape", 3)


def test_the_traceback_of_a_thread_is_as_without_us() -> None:
    cell = """
import threading
import traceback
import tensorflow as tf
told = []
threading.excepthook = lambda args: told.append(
    "".join(traceback.format_exception(args.exc_type, args.exc_value, args.exc_traceback))
)
def fails():
    return tf.reshape(tf.constant(1.0), [2])
thread = threading.Thread(target=fails)
thread.start()
thread.join()
threading.excepthook = threading.__excepthook__
"""
    traced: dict[str, Any] = {}
    run_cell(cell, traced)
    plain: dict[str, Any] = {}
    exec(compile(cell, "<tapemagic plain>", "exec"), plain)

    def rows(text: str) -> list[str]:
        return [r for r in text.splitlines() if "threading.py" in r or "Error" in r]

    assert rows(traced["told"][0]) == rows(plain["told"][0])


def test_trace_on_another_thread_while_one_runs_is_refused() -> None:
    told: list[BaseException] = []

    def inner() -> None:
        try:
            with tapemagic.trace():
                pass
        except SessionActive as error:
            told.append(error)

    with tapemagic.trace() as outer:
        thread = threading.Thread(target=inner)
        thread.start()
        thread.join()
    assert len(told) == 1
    assert "must end first" in str(told[0])
    assert Session.active is None
    assert outer.report is not None


def test_trace_inside_a_trace_is_refused_and_leaves_the_outer_one_whole() -> None:
    w = tf.Variable(2.0)
    with tapemagic.trace() as outer:
        with tf.GradientTape() as tape:
            y = tf.sin(w)
        try:
            with tapemagic.trace():
                pass
        except SessionActive:
            pass
        grad = tape.gradient(y, w)
    assert grad is not None
    assert outer.report is not None
    assert [s.status for s in outer.report.calls[0].sources] == ["connected"]
    assert outer.report.mismatches == 0


def test_trace_in_this_worker() -> None:
    """The ordinary command runs these tests in workers of pytest-xdist."""
    w = tf.Variable(2.0)

    def step() -> Any:
        with tf.GradientTape() as tape:
            y = tf.round(w * 1.5)
        return tape.gradient(y, w)

    with tapemagic.trace(step) as traced:
        assert step() is None
    assert traced.report is not None
    source = traced.report.calls[0].sources[0]
    assert source.why is not None
    assert source.why.cause == "no-gradient-op"
