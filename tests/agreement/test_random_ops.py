"""Agreement at breadth: what is captured is what the tape does, for operations of every kind.

Each program is run plainly and traced. The values must be equal bit for bit, each status must be
what TensorFlow's own answer says, every None must have a reason, and what the trace predicts of each
tensor must be what the backward pass did.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.agreement.check import complaints
from tests.agreement.pool import COMPILED, POOL, RAISING
from tests.agreement.programs import Program, Writer, every_operation

quick = settings(
    max_examples=250,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],  # a program is short enough to be read as it is
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)
deep = settings(quick, max_examples=2000, derandomize=False)
RANDOM = st.randoms(use_true_random=False, note_method_calls=False)
PARTS = 12
OPERATIONS = every_operation()


def verify(program: Program) -> None:
    said = complaints(program)
    assert not said, "\n".join([*said, program.source])


def test_pool_is_wide() -> None:
    assert len(POOL) + len(RAISING) > 400
    assert len({t.text for t in (*POOL, *COMPILED)}) > 400


@pytest.mark.parametrize("part", range(PARTS))
def test_each_operation(part: int) -> None:
    for _, program in OPERATIONS[part::PARTS]:
        verify(program)


@settings(quick)
@given(RANDOM)
def test_random_programs(rng: random.Random) -> None:
    verify(Writer(rng).program())


@pytest.mark.deep
@settings(deep)
@given(RANDOM)
def test_many_random_programs(rng: random.Random) -> None:
    verify(Writer(rng, rng.choice((4, 8, 8, 12, 20))).program())


FAULTS = {
    "an op's flag": lambda op: replace(op, recorded=False),
    "an op's input": lambda op: replace(op, inputs=(10**9, *op.inputs[1:])),
    "an op's type": lambda op: replace(op, type="Floor"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_check_can_fail(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """With a fault in the trace, the check that the programs pass complains."""
    from tapemagic.recorder.build import Builder

    title = "V V tf.nn.softplus({a})"
    program = dict(OPERATIONS)[title]
    assert complaints(program) == []
    build = Builder.build

    def faulty(self: Any) -> Any:
        trace = build(self)
        index = [o.index for o in trace.ops if o.type == "Softplus"][-1]  # an earlier cell may stay
        trace.ops[index] = FAULTS[name](trace.ops[index])
        return trace

    monkeypatch.setattr(Builder, "build", faulty)
    assert any(c.startswith("agreement") for c in complaints(program))
