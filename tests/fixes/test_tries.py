"""Trying a fix leaves the session as it was."""

import collections
import os
import random
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import tapemagic
from tapemagic.report.model import Report
from tapemagic.trying import CANNOT_BE_PUT_BACK
from tapemagic.trying.tries import retry

ROUNDED = """with tf.GradientTape() as tape:
    y = tf.reduce_sum(tf.round(x) * 6.0)
grad = tape.gradient(y, x)
"""


def names() -> dict[str, object]:
    return {"__name__": "__main__", "tf": tf, "np": np, "x": tf.Variable([1.4])}


def why_of(report: Report):  # type: ignore[no-untyped-def]
    return next(s.why for c in report.calls for s in c.sources if s.why is not None)


def test_a_fix_is_tried_and_told() -> None:
    why = why_of(tapemagic.run_cell(ROUNDED, names(), try_fixes=True))
    assert why.fix_verified is True
    assert why.fix_result == "tried: the gradient of `x` is now [6.0]"


def test_what_one_change_brings_back_is_counted() -> None:
    cell = (
        "v, w = tf.Variable(2.0), tf.Variable(3.0)\n"
        "with tf.GradientTape() as tape:\n    y = tf.stop_gradient(v * w) * v\n"
        "    z = tf.constant((v * w).numpy()) * 1.0\n"
        "g = tape.gradient(z, [v, w])\n"
    )
    why = why_of(tapemagic.run_cell(cell, names(), try_fixes=True))
    assert why.fix_result == "tried: both gradients arrive now (`v`: 3.0)"


def test_nothing_is_tried_unasked() -> None:
    why = why_of(tapemagic.run_cell(ROUNDED, names()))
    assert why.fixed_source is not None
    assert why.fix_verified is None
    assert why.fix_result is None


def test_an_earlier_report_is_tried_later() -> None:
    space = names()
    report = tapemagic.run_cell(ROUNDED, space)
    kept = dict(space)
    assert retry(report, space) == 1
    assert why_of(report).fix_verified is True
    assert list(space.items()) == list(kept.items())


CHANGING = """history.append(1)
table["a"] = len(history)
seen.add(len(seen))
queue.append(2)
array += 1.0
thing.count += 1
thing.new = True
Thing.shared.append(3)
Thing.total += 1
counter()
x.assign_add([0.1])
model.kernel.assign_sub(model.kernel * 0.1)
a, b, c = tf.random.normal([2]), np.random.rand(2), random.random()
d = tf.random.normal([2], seed=3)
layer = tf.keras.layers.Dense(2)
os.environ["TRIED_HERE"] = str(len(history))
made = Thing()
with tf.GradientTape() as tape:
    h = layer(tf.ones([1, 2]))
    y = tf.reduce_sum(tf.round(x) * 6.0) + tf.reduce_sum(h) * 0.0
grad = tape.gradient(y, x)
opt.apply_gradients([(tf.ones([1]), x)])
print("said once")
"""


def session() -> dict[str, object]:
    tf.keras.backend.clear_session()
    tf.keras.utils.set_random_seed(5)
    space: dict[str, object] = {"__name__": "__main__", "random": random, "os": os}
    exec(
        """
class Thing:
    shared = []
    total = 0
    def __init__(self):
        self.count = 0
def counting():
    n = 0
    def counter():
        nonlocal n
        n += 1
        return n
    return counter
counter = counting()
""",
        space,
    )
    model = tf.keras.layers.Dense(2)
    model.build((None, 2))
    space |= {
        "tf": tf, "np": np, "x": tf.Variable([1.4]), "model": model, "history": [], "table": {},
        "seen": set(), "queue": collections.deque(), "array": np.zeros(3), "thing": space["Thing"](),
        "opt": tf.keras.optimizers.Adam(0.1),
    }  # fmt: skip
    return space


def state(space: dict[str, object]) -> dict[str, object]:
    """Everything of a session that a later cell could see."""
    thing, model, kind = space["thing"], space["model"], space["Thing"]
    return {
        "names": list(space),
        "x": space["x"].numpy().tolist(),
        "kernel": model.kernel.numpy().tolist(),
        "slots": [v.numpy().tolist() for v in space["opt"].variables],
        "plain": [list(space["history"]), dict(space["table"]), set(space["seen"]), list(space["queue"])],
        "array": space["array"].tolist(),
        "thing": [dict(vars(thing)), list(kind.shared), kind.total, space["counter"]()],
        "drawn": [space[k].numpy().tolist() for k in "ad"] + [space["b"].tolist(), space["c"]],
        "next": [
            tf.random.normal([2]).numpy().tolist(), tf.random.normal([2], seed=3).numpy().tolist(),
            np.random.rand(), random.random(), tf.keras.layers.Dense(2).name,
            tf.keras.initializers.GlorotUniform()((2, 2)).numpy().tolist(),
        ],
        "place": [os.environ.get("TRIED_HERE"), str(Path.cwd())],
    }  # fmt: skip


def test_the_session_is_what_it_is_without_the_try(capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    for asked in (False, True):
        space = session()
        report = tapemagic.run_cell(CHANGING, space, try_fixes=asked)
        assert report.error is None
        assert capsys.readouterr().out == "said once\n"
        assert why_of(report).fix_verified is (True if asked else None)
        found.append(state(space))
    os.environ.pop("TRIED_HERE", None)
    for key, value in found[0].items():
        assert found[1][key] == value, key


def test_a_fix_that_does_not_help_is_not_verified() -> None:
    space = names() | {"calls": []}
    # The second run of the very same line gives an integer: the fix is right for the first only.
    source = """calls.append(1)
k = tf.stop_gradient(x) if len(calls) > 5 else x
with tf.GradientTape() as tape:
    y = tf.reduce_sum(tf.round(k))
grad = tape.gradient(y, x)
if grad is not None:
    raise KeyError("only after the fix")
"""
    why = why_of(tapemagic.run_cell(source, space, try_fixes=True))
    assert why.fix_verified is False
    assert why.fix_result == "tried: the changed cell raised KeyError: 'only after the fix'"
    assert space["calls"] == [1]


def test_a_try_that_takes_too_long_is_ended() -> None:
    source = """with tf.GradientTape() as tape:
    y = tf.reduce_sum(tf.round(x))
grad = tape.gradient(y, x)
while grad is not None:
    z = x + 1.0
"""
    why = why_of(tapemagic.run_cell(source, names(), try_fixes=True))  # it comes back at all
    assert why.fix_verified is False
    assert "too long" in why.fix_result


def test_a_question_to_the_person_is_not_asked_again() -> None:
    source = ROUNDED + "if grad is not None:\n    input('sure?')\n"
    why = why_of(tapemagic.run_cell(source, names(), try_fixes=True))
    assert why.fix_verified is False
    assert "EOFError" in why.fix_result


def test_a_model_that_the_cell_built_is_built_by_the_try_as_well() -> None:
    space = names() | {"layer": tf.keras.layers.Dense(2, activation=tf.round)}
    source = """with tf.GradientTape() as tape:
    y = tf.reduce_sum(tf.round(layer(tf.ones([1, 2]))))
grad = tape.gradient(y, layer.trainable_variables)
"""
    report = tapemagic.run_cell(source, space, try_fixes=True)
    kernel = space["layer"].kernel  # type: ignore[attr-defined]
    assert kernel.shape == (2, 2)
    assert report.error is None


def test_a_try_works_without_tensorflow_names_from_before() -> None:
    source = "import tensorflow as tf\nx = tf.Variable([1.4])\n" + ROUNDED
    space: dict[str, object] = {"__name__": "__main__"}
    why = why_of(tapemagic.run_cell(source, space, try_fixes=True))
    assert why.fix_verified is True
    assert space["grad"] is None


def test_what_cannot_be_put_back_is_said() -> None:
    assert "files" in CANNOT_BE_PUT_BACK
    assert "network" in CANNOT_BE_PUT_BACK
    assert "time" in CANNOT_BE_PUT_BACK


def test_seeds_set_in_the_cell_are_where_the_cell_left_them() -> None:
    source = "tf.random.set_seed(3)\na = tf.random.normal([2])\n" + ROUNDED
    source += "grad + 1.0\nb = tf.random.normal([2])\n"  # reached by the try alone
    drawn = []
    for asked in (False, True):
        space = names()
        report = tapemagic.run_cell(source, space, try_fixes=asked)
        assert report.error is not None
        assert "b" not in space
        drawn.append(tf.random.normal([2]).numpy().tolist())
        if asked:
            assert why_of(report).fix_verified is True
    assert drawn[0] == drawn[1]


def test_a_change_that_does_not_help_is_not_shown(tmp_path: Path) -> None:
    # A file can't be put back: the second run of the cell meets another world than the first.
    source = f"""seen = Path({str(tmp_path / "seen")!r})
k = tf.stop_gradient(x) if seen.exists() else x
seen.touch()
with tf.GradientTape() as tape:
    y = tf.reduce_sum(tf.round(k))
grad = tape.gradient(y, x)
"""
    space = names() | {"Path": Path}
    why = why_of(tapemagic.run_cell(source, space, try_fixes=True))
    assert why.cause == "no-gradient-op"
    assert why.fix is not None
    assert (why.fixed_source, why.fix_verified, why.fix_result) == (None, None, None)
