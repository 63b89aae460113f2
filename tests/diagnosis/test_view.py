"""A query seen whole, on traces made by a tape of our own; agreement, and that it can fail."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tapemagic.diagnosis.view import QueryView
from tapemagic.traces.flow import ValueGraph, mark_node
from tapemagic.traces.model import Entry, Mark, Op, Tensor
from tests.traces.simulate import Played, Registry, ask, programs

quick = settings(max_examples=150, deadline=None, database=None, derandomize=True)


def view_of(played: Played) -> QueryView:
    query = played.trace.queries[0]
    return QueryView(played.trace, ValueGraph(played.trace), query, Registry())


def target_of(played: Played) -> int:
    return max(t for t in played.made)


@quick
@given(programs())
def test_prediction_agrees_with_the_tape(played: Played) -> None:
    ask(played, target_of(played))
    compared, mismatches = view_of(played).agreement()
    assert mismatches == 0
    assert compared >= len(played.variables)


@quick
@given(programs(tapes=2), st.integers(0, 1))
def test_prediction_agrees_with_each_of_two_tapes(played: Played, number: int) -> None:
    ask(played, target_of(played), number)
    assert view_of(played).agreement()[1] == 0


def only_read(played: Played) -> int:
    """The one op by which a gradient came to a variable: without it none can come."""
    reads = [
        s.op for s in played.trace.queries[0].steps
        if played.trace.ops[s.op or 0].type == "ReadVariableOp"
    ]  # fmt: skip
    assume(len(reads) == 1)
    assert reads[0] is not None
    return reads[0]


@quick
@given(programs(life=False))
def test_flipped_flag_is_a_mismatch(played: Played) -> None:
    ask(played, target_of(played))
    assert view_of(played).agreement()[1] == 0
    index = only_read(played)
    played.trace.ops[index] = replace(played.trace.ops[index], recorded=False)
    assert view_of(played).agreement()[1] > 0


@quick
@given(programs(life=False))
def test_dropped_edge_is_a_mismatch(played: Played) -> None:
    ask(played, target_of(played))
    index = only_read(played)
    stranger = 10**6
    played.trace.tensors[stranger] = Tensor(stranger, "float32", (), kind="constant")
    played.trace.ops[index] = replace(played.trace.ops[index], inputs=(stranger,))
    assert view_of(played).agreement()[1] > 0


@pytest.mark.parametrize("index", range(4))
def test_flag_flipped_anywhere_in_a_chain(index: int) -> None:
    played = chain("Sin", "Cos", "Tanh")
    ask(played, target_of(played))
    played.trace.ops[index] = replace(played.trace.ops[index], recorded=False)
    assert view_of(played).agreement()[1] > 0


@quick
@given(programs())
def test_ways_are_ways(played: Played) -> None:
    target = target_of(played)
    ask(played, target)
    view = view_of(played)
    for source in played.variables:
        way = view.way(source)
        assert (way is None) == (not view.ancestor(source))
        if way is None:
            continue
        assert way.edges[0].source == source
        assert way.edges[-1].target == target
        for one, following in zip(way.edges, way.edges[1:], strict=False):
            assert one.target == following.source
        assert len(way.faults) == len(way.edges)


@quick
@given(programs())
def test_a_connected_source_has_a_way_without_a_cut(played: Played) -> None:
    query = ask(played, target_of(played))
    view = view_of(played)
    for argument, gradient in zip(query.sources, query.gradients, strict=True):
        assert argument.tensor is not None
        way = view.way(argument.tensor)
        connected = way is not None and way.cut is None
        assert connected == (gradient is not None)


def chain(*kinds: str, recorded: bool = True) -> Played:
    """A variable, and ops one after the other."""
    from tapemagic.traces.model import Tape, TapeEvent, Trace

    trace = Trace(tensors={1: Tensor(1, "float32", (), kind="variable", trainable=True)})
    trace.tapes[0] = Tape(0, True, True, events=[TapeEvent(0, "enter")])
    at = 1
    for index, kind in enumerate(("ReadVariableOp", *kinds)):
        trace.tensors[index + 2] = Tensor(index + 2, "float32", (), op=index)
        trace.ops.append(Op(index, kind, (at,), (index + 2,), recorded=recorded))
        at = index + 2
    tensors = set(trace.tensors)
    return Played(trace, [tensors], [set(range(len(trace.ops)))], [1], [at])


@pytest.mark.parametrize(
    ("kinds", "cut", "fault"),
    [
        (("Sin", "Cos"), None, None),
        (("Sin", "Floor", "Cos"), 2, "no-gradient"),
        (("Floor",), 1, "no-gradient"),
    ],
)
def test_cut_of_a_chain(kinds: tuple[str, ...], cut: int | None, fault: str | None) -> None:
    played = chain(*kinds)
    ask(played, target_of(played))
    way = view_of(played).way(1)
    assert way is not None
    assert way.cut == cut
    assert [f for f in way.faults if f] == ([fault] if fault else [])


def test_nothing_recorded() -> None:
    played = chain("Sin", recorded=False)
    played.tracked, played.recorded = [{1}], [set()]
    ask(played, target_of(played))
    way = view_of(played).way(1)
    assert way is not None
    assert way.faults == ["unrecorded", "untracked"]


def test_a_detour_is_cheaper_than_a_shape() -> None:
    played = chain("Sin")
    trace = played.trace
    trace.tensors |= {n: Tensor(n, "float32", ()) for n in (20, 21, 22)}
    trace.tensors[21].dtype = "int32"
    trace.marks[0] = Mark(0, 2, "np.mean(h)", "float32", None, tensors=(3,))
    trace.entries.append(Entry(20, (0,), None, 2))
    trace.ops.append(Op(2, "Shape", (3,), (21,)))
    trace.ops.append(Op(3, "Fill", (21, 20), (22,)))
    played.made.append(22)
    ask(played, 22)
    view = view_of(played)
    way = view.way(1)
    assert way is not None
    assert [e.kind for e in way.edges] == ["op", "op", "leave", "enter", "op"]
    assert way.cut == 2
    assert view.ancestor(mark_node(0))
    assert not view.ancestor(999)
    assert view.price(999) == float("inf")


def test_error_is_not_compared() -> None:
    played = chain("Sin")
    ask(played, target_of(played))
    played.trace.queries[0].error = ("LookupError", "no gradient")
    assert view_of(played).agreement() == (0, 0)
