"""The value graph: where values came from; no TensorFlow."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tapemagic.traces.flow import ValueGraph, mark_node, node_mark
from tapemagic.traces.model import Argument, Entry, Mark, Op, Query, Tensor, Trace
from tests.traces.simulate import Played, programs

quick = settings(max_examples=120, deadline=None, database=None, derandomize=True)
EVER = 10**6


@given(st.integers(0, 10**6))
def test_marks_are_nodes_of_their_own(mark: int) -> None:
    assert node_mark(mark_node(mark)) == mark
    assert mark_node(mark) < 0
    assert node_mark(mark) is None


@quick
@given(programs())
def test_ops_are_edges(played: Played) -> None:
    graph = ValueGraph(played.trace)
    for op in played.trace.ops:
        edges = [e for e in graph.incoming(op.outputs[0], 0, EVER) if e.kind == "op"]
        assert [(e.source, e.position) for e in edges] == [(t, n) for n, t in enumerate(op.inputs)]
        assert all(e.op == op.index and e.target == op.outputs[0] for e in edges)
        assert graph.incoming(op.outputs[0], 0, op.index) == []


@quick
@given(programs())
def test_no_way_leads_forward(played: Played) -> None:
    graph = ValueGraph(played.trace)
    for op in played.trace.ops:
        assert all(e.source < op.outputs[0] for e in graph.incoming(op.outputs[0], 0, EVER))


STATE_STEPS = st.lists(st.sampled_from(["assign", "add", "read"]), min_size=1, max_size=14)


@quick
@given(STATE_STEPS, st.integers(0, 14))
def test_state(steps: list[str], since: int) -> None:
    handle = 1
    trace = Trace(tensors={handle: Tensor(handle, "float32", (), kind="variable", trainable=True)})
    number, held = 100, []
    reads: dict[int, list[int]] = {}
    for index, step in enumerate(steps):
        number += 1
        trace.tensors[number] = Tensor(number, "float32", ())
        if step == "read":
            trace.ops.append(Op(index, "ReadVariableOp", (handle,), (number,)))
            reads[number] = list(held)
        else:
            kind = "AssignVariableOp" if step == "assign" else "AssignAddVariableOp"
            trace.ops.append(Op(index, kind, (handle, number), ()))
            held = [number] if step == "assign" else [*held, number]
    graph = ValueGraph(trace)
    for read, values in reads.items():
        edges = [e for e in graph.incoming(read, since, EVER) if e.kind == "state"]
        alive = [v for v in values if v - 101 >= since]
        # A write before the tape began hides what was written before it.
        assert sorted(e.source for e in edges) == alive
        assert all(trace.ops[e.write or 0].type.startswith("Assign") for e in edges)


def test_first_value_of_a_variable_counts_always() -> None:
    trace = Trace(tensors={1: Tensor(1, "resource", (), kind="variable", trainable=True),
                           2: Tensor(2, "float32", ()), 3: Tensor(3, "float32", ())})  # fmt: skip
    trace.ops = [
        Op(0, "VarHandleOp", (), (1,)),
        Op(1, "AssignVariableOp", (1, 2), ()),
        Op(2, "ReadVariableOp", (1,), (3,)),
    ]
    graph = ValueGraph(trace)
    assert graph.created == {1: 0}
    assert graph.is_first_write(1, 1)
    assert [e.source for e in graph.incoming(3, 2, EVER) if e.kind == "state"] == [2]


def test_updates_by_an_optimizer_do_not_connect() -> None:
    trace = Trace(tensors={1: Tensor(1, "float32", (), kind="variable", trainable=True),
                           2: Tensor(2, "float32", ()), 3: Tensor(3, "float32", ())})  # fmt: skip
    trace.ops = [
        Op(0, "AssignSubVariableOp", (1, 2), ()),
        Op(1, "ReadVariableOp", (1,), (3,)),
    ]
    trace.queries = [Query(0, "apply_gradients", None, 0, 1, [], [])]
    graph = ValueGraph(trace)
    assert graph.is_update(0)
    assert [e for e in graph.incoming(3, 0, EVER) if e.kind == "state"] == []


def test_a_value_leaves_and_comes_back() -> None:
    trace = Trace(tensors={n: Tensor(n, "float32", ()) for n in (1, 2, 3)})
    trace.ops = [Op(0, "Sin", (1,), (2,))]
    trace.marks = {
        0: Mark(0, 1, "y.numpy()", "ndarray", None, tensors=(2,)),
        1: Mark(1, 1, "a.mean()", "float32", None, marks=(0,)),
    }
    trace.entries = [Entry(3, (1,), None, 1), Entry(3, (0,), None, 1, certain=False)]
    graph = ValueGraph(trace)
    into = graph.incoming(3, 0, EVER)
    assert [(e.kind, e.source, e.certain) for e in into] == [
        ("enter", mark_node(1), True), ("enter", mark_node(0), False),
    ]  # fmt: skip
    assert [(e.kind, e.source) for e in graph.incoming(mark_node(1), 0, EVER)] == [
        ("python", mark_node(0))
    ]
    assert [(e.kind, e.source) for e in graph.incoming(mark_node(0), 0, EVER)] == [("leave", 2)]


def test_ops_inside_the_call_that_made_a_mark() -> None:
    trace = Trace(tensors={n: Tensor(n, "float32", ()) for n in (1, 2, 3)})
    trace.ops = [Op(0, "Sin", (1,), (2,)), Op(1, "Cos", (2,), (3,), query=0)]
    trace.marks = {0: Mark(0, 2, "model.predict(x)", "ndarray", None, ops=(0, 2))}
    edges = ValueGraph(trace).incoming(mark_node(0), 0, EVER)
    assert [(e.kind, e.source) for e in edges] == [("leave", 2)]


def test_results_of_queries() -> None:
    trace = Trace(tensors={n: Tensor(n, "float32", ()) for n in (1, 2, 3)})
    trace.queries = [
        Query(0, "gradient", 0, 0, 0, [Argument("y", 2, "tensor")], [Argument("x", 1, "tensor")],
              results=[3])
    ]  # fmt: skip
    edges = ValueGraph(trace).incoming(3, 0, EVER)
    assert [(e.kind, e.source, e.query) for e in edges] == [("query", 2, 0), ("query", 1, 0)]
