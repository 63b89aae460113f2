"""The capture is proven: gradients computed again from the trace are those of the tape."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tapemagic.api import run_cell
from tests.agreement.check import flat, quiet
from tests.agreement.programs import Program, Writer, every_operation
from tests.agreement.recompute import Kept, Uncovered, keeping, recompute
from tests.agreement.steps import BY_HAND, HEAD

STEPS = {
    "lstm by hand": "grads",
    "transformer by hand": "grads",
    "transformer": "grads",
    "convolutions": "grads",
    "vae": "grads",
    "graph network": "grads",
    "gan with a gradient penalty": "b",
    "actor and critic": "b",
    "shared layers, nested models": "grads",
}


def equal(mine: Any, true: Any) -> bool:
    if mine is None or true is None:
        return mine is None and true is None
    mine, true = (
        tf.convert_to_tensor(mine),
        tf.convert_to_tensor(getattr(true, "flat_values", true)),
    )
    if mine.dtype != true.dtype or mine.shape != true.shape:
        return False
    loose = 2e-2 if true.dtype in (tf.float16, tf.bfloat16) else 1e-4
    wide = tf.complex128 if true.dtype.is_complex else tf.float64
    return bool(
        np.allclose(tf.cast(mine, wide), tf.cast(true, wide), loose, loose * 0.1, equal_nan=True)
    )


def compared(program: Program) -> tuple[Counter[str], list[str]]:
    """How the ops of a program's queries were covered, and what differs."""
    covered: Counter[str] = Counter()
    wrong: list[str] = []
    names: dict[str, Any] = {"__name__": "__main__"}
    with quiet(), keeping() as kept:
        report = run_cell(program.source, names)
    calls = [c for c in report.calls if c.at is not None and c.method == "gradient"]
    queries = {c.at.line: report.trace.queries[c.query] for c in calls}
    for line, name in program.queries.items():
        asked = program.source.splitlines()[line - 1]
        if name not in names or line not in queries or "output_gradients" in asked:
            continue
        query = queries[line]
        if query.zero_for_none or query.error is not None:
            continue
        try:
            with quiet():
                made = recompute(report.trace, query, kept)
        except Uncovered as reason:
            covered["uncovered"] += len(query.steps)
            covered[f"uncovered: {reason}"] += 0
            continue
        covered += made.covered
        for source, mine, true in zip(
            query.sources, made.gradients, flat(names[name]), strict=True
        ):
            if not equal(mine, true):
                wrong.append(f"line {line}: {source.name}: {mine}, the tape says {true}")
    names.clear()
    return covered, wrong


def share(covered: Counter[str]) -> float:
    return 1.0 - covered["uncovered"] / max(1, sum(covered.values()))


def test_each_operation() -> None:
    covered: Counter[str] = Counter()
    wrong = []
    for title, program in every_operation():
        more, said = compared(program)
        covered += more
        wrong += [f"{title}: {line}" for line in said]
    assert not wrong, "\n".join(wrong)
    print(dict(covered), f"{share(covered):.1%}")
    assert share(covered) > 0.95
    assert covered["registered"] > 1000


def random_programs(seeds: range) -> None:
    covered: Counter[str] = Counter()
    for seed in seeds:
        program = Writer(random.Random(seed)).program()
        program.split = None
        more, wrong = compared(program)
        assert not wrong, "\n".join([f"seed {seed}", *wrong, program.source])
        covered += more
    print(dict(covered), f"{share(covered):.1%}")
    assert share(covered) > 0.9


def test_random_programs() -> None:
    random_programs(range(40))


@pytest.mark.deep
def test_many_random_programs() -> None:
    random_programs(range(1000, 1400))


@pytest.mark.parametrize("name", STEPS)
def test_steps(name: str) -> None:
    source = HEAD + BY_HAND[name]
    line = next(
        n for n, text in reversed(list(enumerate(source.splitlines(), 1)))
        if text.strip().startswith(f"{STEPS[name]} = ")
    )  # fmt: skip
    covered, wrong = compared(Program(source, {line: STEPS[name]}))
    assert not wrong, "\n".join(wrong)
    assert covered["uncovered"] == 0
    assert covered["registered"] > 5


def test_dropped_edge_shows() -> None:
    """With one edge of the trace changed, other numbers come out."""
    source = """
import tensorflow as tf
w = tf.Variable([1.0, 2.0])
with tf.GradientTape() as tape:
    y = tf.reduce_sum(tf.tanh(w) * tf.sin(w))
g = tape.gradient(y, w)
"""
    names: dict[str, Any] = {}
    with keeping() as kept:
        report = run_cell(source, names)
    trace: Any = report.trace
    assert isinstance(kept, Kept)
    query = trace.queries[report.calls[0].query]
    assert equal(recompute(trace, query, kept).gradients[0], names["g"])
    tanh, sin = (
        next(op for op in reversed(trace.ops) if op.type == kind) for kind in ("Tanh", "Sin")
    )
    trace.ops[sin.index] = replace(sin, inputs=tanh.outputs)
    assert not equal(recompute(trace, query, kept).gradients[0], names["g"])
