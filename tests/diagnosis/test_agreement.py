"""Agreement on real cells, and that a trace with a fault in it disagrees."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from typing import Any

import pytest

from tapemagic.api import run_cell
from tapemagic.diagnosis.view import QueryView
from tapemagic.traces.flow import ValueGraph
from tapemagic.traces.model import Op, Tensor, Trace

CELL = """
import tensorflow as tf
w, v = tf.Variable([1.0, 2.0]), tf.Variable(3.0)
with tf.GradientTape() as tape:
    h = tf.tanh(w) * v
    y = tf.reduce_sum(h * h)
g = tape.gradient(y, [w, v])
"""


class Registry:
    """Every float input of these cells' ops has a gradient."""

    def differentiable(self, op: Op, tensors: dict[int, Tensor]) -> tuple[bool, ...]:
        return tuple(
            tensors[t].dtype == "float32" or tensors[t].kind == "variable" for t in op.inputs
        )


def traced() -> Trace:
    with contextlib.redirect_stdout(io.StringIO()):
        trace: Any = run_cell(CELL, {}).trace
    return trace


def agreement(trace: Trace) -> tuple[int, int]:
    view = QueryView(trace, ValueGraph(trace), trace.queries[0], Registry())
    return view.agreement()


def test_agrees() -> None:
    compared, mismatches = agreement(traced())
    assert compared >= 6
    assert mismatches == 0


@pytest.mark.parametrize("kind", ["Tanh", "Mul", "Sum", "ReadVariableOp"])
def test_flipped_flag_disagrees(kind: str) -> None:
    trace = traced()
    index = next(o.index for o in trace.ops if o.type == kind and o.recorded)
    trace.ops[index] = replace(trace.ops[index], recorded=False)
    assert agreement(trace)[1] > 0


@pytest.mark.parametrize("kind", ["Tanh", "Sum", "ReadVariableOp"])
def test_dropped_edge_disagrees(kind: str) -> None:
    trace = traced()
    index = next(o.index for o in trace.ops if o.type == kind and o.recorded)
    trace.tensors[10**9] = Tensor(10**9, "float32", (), kind="constant")
    op = trace.ops[index]
    trace.ops[index] = replace(op, inputs=(10**9, *op.inputs[1:]))
    assert agreement(trace)[1] > 0


def test_forgotten_step_disagrees() -> None:
    trace = traced()
    query = trace.queries[0]
    for number in range(len(query.steps)):
        kept = query.steps
        if trace.ops[kept[number].op].type == "ReadVariableOp":
            continue  # at the source itself the result that the person got is what counts
        query.steps = kept[:number] + kept[number + 1 :]
        assert agreement(trace)[1] > 0
        query.steps = kept


def test_fault_in_the_recorder_shows_in_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    from tapemagic.recorder.build import Builder

    build = Builder.build

    def faulty(self: Any) -> Trace:
        trace = build(self)
        index = next(o.index for o in trace.ops if o.type == "Tanh")
        trace.ops[index] = replace(trace.ops[index], recorded=False)
        return trace

    assert run_cell(CELL, {}).to_dict()["agreement"]["mismatches"] == 0
    monkeypatch.setattr(Builder, "build", faulty)
    made = run_cell(CELL, {}).to_dict()
    assert made["agreement"]["mismatches"] > 0
