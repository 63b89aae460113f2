"""Random programs on a tape, played by a small tape of our own: what is true of them is known."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

from tapemagic.traces.model import (
    Argument,
    BackwardStep,
    Gradient,
    Op,
    Query,
    Tape,
    TapeEvent,
    Tensor,
    Trace,
)

FINE, NONE = 2, 0
CUTTING = ("Round", "StopGradient")  # never recorded, or no gradient
RECORDED_CUT = "Floor"


@dataclass
class Played:
    """A trace and what our tapes did while it was made."""

    trace: Trace
    tracked: list[set[int]]
    recorded: list[set[int]]
    variables: list[int]
    made: list[int] = field(default_factory=list)


class Registry:
    """Which inputs have a gradient: all of them, but for the ops that cut."""

    def differentiable(self, op: Op, tensors: dict[int, Tensor]) -> tuple[bool, ...]:
        return tuple(
            op.type != RECORDED_CUT and tensors[t].dtype in ("float32", "resource")
            for t in op.inputs
        )


@st.composite
def programs(draw: st.DrawFn, tapes: int = 1, life: bool = True) -> Played:
    """A random program: reads, ops on what there is, and the life of its tapes."""
    trace = Trace()
    number = 10

    def tensor(**facts: object) -> int:
        nonlocal number
        number += 1
        facts.setdefault("dtype", "float32")
        trace.tensors[number] = Tensor(number, shape=(), **facts)  # type: ignore[arg-type]
        return number

    variables = [tensor(kind="variable", trainable=draw(st.booleans()) or n == 0) for n in range(3)]
    known = [tensor(kind="constant") for _ in range(2)]
    kinds = [tensor(kind="constant", dtype="int32")]
    settings = [draw(st.booleans()) if life else True for _ in range(tapes)]
    for n in range(tapes):
        trace.tapes[n] = Tape(n, True, settings[n], name=f"tape{n}")
    on = [False] * tapes
    tracked: list[set[int]] = [set() for _ in range(tapes)]
    recorded: list[set[int]] = [set() for _ in range(tapes)]
    if not life:
        on[0] = True
        trace.tapes[0].events.append(TapeEvent(0, "enter"))

    def run(kind: str, inputs: tuple[int, ...], dtype: str = "float32") -> int:
        index = len(trace.ops)
        out = tensor(op=index, dtype=dtype)
        any_tape = False
        for n in range(tapes):
            if not on[n]:
                continue
            for t in inputs:
                facts = trace.tensors[t]
                if facts.kind == "variable" and facts.trainable and settings[n]:
                    tracked[n].add(t)
            held = any(
                t in tracked[n]
                and (trace.tensors[t].kind == "variable" or trace.tensors[t].dtype == "float32")
                for t in inputs
            )
            if held and kind not in CUTTING:
                any_tape = True
                recorded[n].add(index)
                tracked[n].add(out)
        trace.ops.append(Op(index, kind, inputs, (out,), recorded=any_tape))
        return out

    values = list(known)
    for _ in range(draw(st.integers(3, 22))):
        step = draw(st.sampled_from(STEPS if life else STEPS[:6]))
        now = len(trace.ops)
        if step == "read":
            values.append(run("ReadVariableOp", (draw(st.sampled_from(variables)),)))
        elif step in ("Mul", "AddV2"):
            pair = draw(st.sampled_from(values)), draw(st.sampled_from([*values, *kinds]))
            values.append(run(step, pair))
        elif step in ("Sin", *CUTTING, RECORDED_CUT):
            values.append(run(step, (draw(st.sampled_from(values)),)))
        else:
            n = draw(st.integers(0, tapes - 1))
            events = trace.tapes[n].events
            if step == "toggle":
                on[n] = not on[n]
                events.append(TapeEvent(now, "enter" if on[n] else "exit"))
            elif step == "watch" and on[n]:
                watched = draw(st.sampled_from([*values, *variables]))
                tracked[n].add(watched)
                events.append(TapeEvent(now, "watch", watched))
            elif step == "reset" and on[n]:
                tracked[n].clear()
                recorded[n].clear()
                events.append(TapeEvent(now, "reset"))
    return Played(trace, tracked, recorded, variables, values)


STEPS = (
    "read", "Mul", "AddV2", "Sin", "read", "Floor", "Round", "StopGradient", "toggle", "toggle",
    "watch", "reset",
)  # fmt: skip


def ask(played: Played, target: int, number: int = 0) -> Query:
    """Ask a tape for the gradients of every variable, and play its backward pass."""
    trace, tracked = played.trace, played.tracked[number]
    arrived = {target}
    steps = []
    for index in sorted(played.recorded[number], reverse=True):
        op = trace.ops[index]
        if op.outputs[0] not in arrived:
            continue
        codes = []
        for t in op.inputs:
            fine = op.type != RECORDED_CUT and trace.tensors[t].dtype == "float32"
            codes.append(FINE if fine else NONE)
            if fine and t in tracked:
                arrived.add(t)
        skip = tuple(p for p, t in enumerate(op.inputs) if t not in tracked)
        steps.append(BackwardStep(index, tuple(not c for c in codes), skip, codes=bytes(codes)))
    end = len(trace.ops)
    gradients = [
        Gradient((), "float32") if v in arrived and v in tracked else None for v in played.variables
    ]
    query = Query(
        0, "gradient", number, end, end,
        [Argument("y", target, "tensor", "float32", ())],
        [Argument(f"v{n}", v, "variable", "float32", ()) for n, v in enumerate(played.variables)],
        gradients=gradients, steps=steps,
    )  # fmt: skip
    trace.queries.append(query)
    return query
