"""Bodies of functions are opened: nested ones, branches, those of earlier cells and of SavedModels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from tapemagic.api import run_cell
from tests.saved_model import CELL, Model

FUNCTIONS = """import tensorflow as tf
w, u = tf.Variable([1.0, 2.0]), tf.Variable(2.0)
@tf.function
def inner(x):
    return tf.round(x * 2.0)
@tf.function
def nested(x):
    return tf.reduce_sum(inner(x * w)) + u
@tf.function
def branches(x):
    h = x * w
    if tf.reduce_sum(h) > 0.0:
        b = tf.round(h)
    else:
        b = tf.floor(h)
    return tf.reduce_sum(b) + u
@tf.function
def one_of_two(x):
    h = x * w
    if tf.reduce_sum(h) > 0.0:
        h = h * 2.0
    else:
        h = tf.round(h)
    return tf.reduce_sum(h) + u
@tf.function
def twice(x):
    return nested(x) * branches(x)
"""
ASKED = """with tf.GradientTape() as tape:
    y = {name}(tf.constant([1.0, 2.0]))
g = tape.gradient(y, [w, u])
"""


@pytest.mark.parametrize("earlier", [False, True], ids=["in this cell", "in an earlier cell"])
@pytest.mark.parametrize(
    ("name", "lines"), [("nested", (5,)), ("branches", (13,)), ("twice", (5, 13))]
)
def test_cut_inside(name: str, lines: tuple[int, ...], earlier: bool) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    asked = ASKED.format(name=name)
    if earlier:
        run_cell(FUNCTIONS + f"{name}(tf.constant([1.0, 2.0]))\n", names)
        report = run_cell(asked, names)
    else:
        report = run_cell(FUNCTIONS + asked, names)
    assert report.mismatches == 0
    w, u = report.calls[-1].sources
    assert w.status == "none"
    assert w.why is not None
    assert w.why.cause == "no-gradient-op"
    assert w.why.at is not None
    assert w.why.at.line in lines
    assert (w.why.at.cell is None) == (not earlier)
    assert (u.status, u.why) == ("connected", None)


def test_a_way_through_one_branch_is_a_way() -> None:
    report = run_cell(FUNCTIONS + ASKED.format(name="one_of_two"), {"__name__": "__main__"})
    assert [s.status for s in report.calls[-1].sources] == ["connected"] * 2


def test_saved_model_has_no_lines_and_says_so(tmp_path: Path) -> None:
    tf.saved_model.save(Model(), str(tmp_path))
    report = run_cell(CELL, {"__name__": "__main__", "path": str(tmp_path)})
    w, k = report.calls[0].sources
    assert (w.status, k.status) == ("connected", "none")
    assert k.why is not None
    assert k.why.cause == "no-gradient-op"
    assert "Round" in k.why.message
    assert "no Python lines" in k.why.message
    assert k.why.at is not None
    assert k.why.at.line == 4


def test_retracing_is_counted() -> None:
    cell = """import tensorflow as tf
@tf.function
def f(x):
    return x * 2.0
for n in range(1, 5):
    f(tf.ones([n]))
count = f.experimental_get_tracing_count()
"""
    names: dict[str, Any] = {"__name__": "__main__"}
    report = run_cell(cell, names)
    said = [n for n in report.notes if "was traced" in n]
    assert len(said) == 1
    assert said[0].startswith(f"`f` was traced {names['count']} times")
    again = run_cell("f(tf.ones([2]))\n", names)
    assert [n for n in again.notes if "was traced" in n] == []
