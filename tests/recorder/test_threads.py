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
