"""What one tape tracked: its watching and recording, replayed from the trace.

TensorFlow answers "is this tensor tracked?" for all live tapes together. Replaying the events of
one tape over the ops, with that observed answer as an upper bound, gives the answer per tape. The
rule is the tape's own: an op is recorded when the tape is recording and one of the op's inputs of a
differentiable dtype is tracked; then all its outputs are tracked.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from tapemagic.traces.model import Tape, Trace

DIFFERENTIABLE = frozenset(
    [
        "float16",
        "float32",
        "float64",
        "bfloat16",
        "complex64",
        "complex128",
        "resource",
        "variant",
        "float8_e4m3fn",
        "float8_e5m2",
        "half",
        "double",
    ]
)
"""The dtypes that a tape differentiates, as ``tensorflow.python.eager.backprop_util`` lists them."""


@dataclass(slots=True)
class Tracking:
    """What a tape tracked and recorded.

    Attributes:
        tracked: For each tensor the op index from which the tape tracked it.
        recorded: Indices of the ops that the tape recorded and still held at its last event.
        spans: Half-open ranges of op indices in which it was recording, with why each one ended:
            "exit", "stop" (``stop_recording``), "reset" or "open".
        lost: Tensors that were tracked until a ``reset``, with the reset's op index.
    """

    tape: Tape
    tracked: dict[int, int] = field(default_factory=dict)
    recorded: set[int] = field(default_factory=set)
    spans: list[tuple[int, int, str]] = field(default_factory=list)
    lost: dict[int, int] = field(default_factory=dict)
    watches: dict[int, list[int]] = field(default_factory=dict)  # tensor -> op indices of watch

    def recording_at(self, index: int) -> bool:
        """Whether the tape was recording when op ``index`` ran."""
        return any(begin <= index < end for begin, end, _ in self.spans)

    def tracks(self, tensor: int, index: int) -> bool:
        """Whether the tape tracked a tensor when op ``index`` ran."""
        since = self.tracked.get(tensor)
        return since is not None and since <= index

    @property
    def begin(self) -> int:
        """The op index at which the tape was first entered."""
        return self.spans[0][0] if self.spans else 0


def spans_of(tape: Tape, end: int) -> list[tuple[int, int, str]]:
    """The ranges in which a tape was recording.

    TensorFlow pauses a tape for ``stop_recording`` by leaving and entering it again: an exit that
    is followed by an enter was a pause.
    """
    spans: list[tuple[int, int, str]] = []
    opened: int | None = None
    for event in tape.events:
        if event.kind == "enter" and opened is None:
            opened = event.index
            if spans and spans[-1][2] == "exit":
                spans[-1] = (*spans[-1][:2], "stop")
        elif event.kind == "exit" and opened is not None:
            spans.append((opened, event.index, "exit"))
            opened = None
        elif event.kind == "reset" and opened is not None:
            spans.append((opened, event.index, "reset"))
            opened = event.index
    if opened is not None:
        spans.append((opened, end, "open"))
    return spans


def track(trace: Trace, tape: Tape, until: int | None = None) -> Tracking:
    """Replay one tape.

    Args:
        trace: The trace.
        tape: One of its tapes.
        until: Number of ops after which to stop: those before the query.
    """
    end = len(trace.ops) if until is None else until
    made = Tracking(tape)
    made.spans = spans_of(tape, end)
    events = [e for e in tape.events if e.kind in ("watch", "reset") and e.index <= end]
    for event in events:
        if event.kind == "watch" and event.tensor is not None:
            made.watches.setdefault(event.tensor, []).append(event.index)
    tensors, tracked, recorded = trace.tensors, made.tracked, made.recorded
    position = 0
    begins = [b for b, _, _ in made.spans]
    first = min([*begins, *(e.index for e in events)], default=end)
    for index in range(first, end):
        while position < len(events) and events[position].index <= index:
            position = _apply(made, events, position)
        at = bisect_right(begins, index) - 1
        if at < 0 or index >= made.spans[at][1]:
            continue
        op = trace.ops[index]
        if not op.outputs or op.phase in ("earlier", "thread"):
            continue
        held = False
        for tensor in op.inputs:
            facts = tensors.get(tensor)
            if facts is None:
                continue
            if facts.kind == "variable" and tensor not in tracked:
                if tape.auto_watch and facts.trainable:
                    tracked[tensor] = index
            if tensor in tracked and (facts.kind == "variable" or facts.dtype in DIFFERENTIABLE):
                held = True
        if held and op.recorded:
            recorded.add(index)
            for tensor in op.outputs:
                tracked.setdefault(tensor, index + 1)
    while position < len(events):
        position = _apply(made, events, position)
    return made


def _apply(made: Tracking, events: list, position: int) -> int:  # type: ignore[type-arg]
    event = events[position]
    if event.kind == "watch":
        made.tracked.setdefault(event.tensor, event.index)
    else:
        for tensor in made.tracked:
            made.lost[tensor] = event.index
        made.tracked.clear()
        made.recorded.clear()
    return position + 1
