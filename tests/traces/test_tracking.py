"""Replaying a tape from its trace, against a tape of our own; no TensorFlow."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tapemagic.traces.model import Op, Tape, TapeEvent, Tensor, Trace
from tapemagic.traces.tracking import spans_of, track
from tests.traces.simulate import Played, programs

quick = settings(max_examples=150, deadline=None, database=None, derandomize=True)


@quick
@given(programs())
def test_one_tape(played: Played) -> None:
    made = track(played.trace, played.trace.tapes[0])
    assert made.recorded == played.recorded[0]
    assert set(made.tracked) == played.tracked[0]


@quick
@given(programs(tapes=2))
def test_two_tapes_are_told_apart(played: Played) -> None:
    for number, tape in played.trace.tapes.items():
        made = track(played.trace, tape)
        assert made.recorded == played.recorded[number]
        assert set(made.tracked) == played.tracked[number]


@quick
@given(programs(), st.integers(0, 25))
def test_until_a_query_nothing_later_counts(played: Played, until: int) -> None:
    until = min(until, len(played.trace.ops))
    made = track(played.trace, played.trace.tapes[0], until)
    assert all(index < until for index in made.recorded)
    whole = track(played.trace, played.trace.tapes[0])
    if not any(e.kind == "reset" for e in played.trace.tapes[0].events):
        assert made.recorded <= whole.recorded


@quick
@given(programs())
def test_tracked_from_when_it_was_made(played: Played) -> None:
    made = track(played.trace, played.trace.tapes[0])
    for tensor, since in made.tracked.items():
        op = played.trace.tensors[tensor].op
        assert op is None or since > op
        assert made.tracks(tensor, since)
        assert not made.tracks(tensor, since - 1)


EVENTS = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(["enter", "exit", "reset", "watch"])), max_size=10
)


@quick
@given(EVENTS)
def test_spans(steps: list[tuple[int, str]]) -> None:
    tape, index, on, recording = Tape(0, True, True), 0, False, {}
    for advance, kind in steps:
        for passed in range(index, index + advance):
            recording[passed] = on
        index += advance
        on = {"enter": True, "exit": False}.get(kind, on)
        tape.events.append(TapeEvent(index, kind))
    for passed in range(index, index + 3):
        recording[passed] = on
    end = index + 3
    made = track(Trace(ops=[Op(i, "NoOp", (), ()) for i in range(end)]), tape)
    spans = spans_of(tape, end)
    assert {i: made.recording_at(i) for i in recording} == recording
    assert spans == sorted(spans)
    assert all(begin <= stop for begin, stop, _ in spans)
    assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:], strict=False))


def test_why_a_span_ended() -> None:
    def ends(*kinds: str) -> list[str]:
        tape = Tape(0, True, True, events=[TapeEvent(n, k) for n, k in enumerate(kinds)])
        return [why for _, _, why in spans_of(tape, 9)]

    assert ends("enter") == ["open"]
    assert ends("enter", "exit") == ["exit"]
    assert ends("enter", "exit", "enter", "exit") == ["stop", "exit"]
    assert ends("enter", "reset", "exit") == ["reset", "exit"]
    assert ends() == []


def test_integers_are_not_recorded_through() -> None:
    trace = Trace(tensors={1: Tensor(1, "int32", ()), 2: Tensor(2, "int32", (), op=0)})
    trace.ops = [Op(0, "AddV2", (1,), (2,), recorded=True)]
    tape = Tape(0, True, True, events=[TapeEvent(0, "enter"), TapeEvent(0, "watch", 1)])
    assert track(trace, tape).recorded == set()


def test_reset_tells_what_was_lost() -> None:
    trace = Trace(tensors={1: Tensor(1, "float32", (), kind="variable", trainable=True),
                           2: Tensor(2, "float32", (), op=0)})  # fmt: skip
    trace.ops = [Op(0, "ReadVariableOp", (1,), (2,), recorded=True)]
    tape = Tape(0, True, True, events=[TapeEvent(0, "enter"), TapeEvent(1, "reset")])
    made = track(trace, tape)
    assert made.lost == {1: 1, 2: 1}
    assert made.tracked == {}


def test_watched_variable_that_is_not_trainable() -> None:
    trace = Trace(tensors={1: Tensor(1, "float32", (), kind="variable", trainable=False),
                           2: Tensor(2, "float32", (), op=0)})  # fmt: skip
    trace.ops = [Op(0, "ReadVariableOp", (1,), (2,), recorded=True)]
    silent = Tape(0, True, True, events=[TapeEvent(0, "enter")])
    assert track(trace, silent).recorded == set()
    told = Tape(0, True, True, events=[TapeEvent(0, "enter"), TapeEvent(0, "watch", 1)])
    made = track(trace, told)
    assert made.recorded == {0}
    assert made.watches == {1: [0]}
