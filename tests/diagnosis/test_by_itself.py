"""Questions about a value by itself: ``tape.gradient(t, t)`` and ``tape.jacobian(t, t)``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tapemagic.api import run_cell

HEAD = "import tensorflow as tf\nx = tf.constant([1.0, 2.0])\nw = tf.Variable([3.0, 4.0])\n"
OPEN = "with tf.GradientTape() as tape:\n"
# What comes before the question; the value; why its Jacobian is None, and on which line.
UNTRACKED = {
    "made before": (f"t = x * 2.0\n{OPEN}    y = t * 1.0\n", "t", "unwatched-tensor", 5),
    "of a variable, before": (f"t = w * 2.0\n{OPEN}    y = w * 1.0\n", "t", "unwatched-tensor", 5),
    "a constant": (f"{OPEN}    y = w * 1.0\n", "x", "unwatched-tensor", 4),
    "made inside of what nothing watches": (f"{OPEN}    t = x * 2.0\n", "t", "unwatched-tensor", 4),
    "made without a gradient": (f"{OPEN}    t = tf.stop_gradient(w)\n", "t", "unwatched-tensor", 4),
    "made while recording was stopped": (
        f"{OPEN}    with tape.stop_recording():\n        t = w * 2.0\n", "t", "outside-tape", 6,
    ),
    "made after": (f"{OPEN}    y = w * 1.0\nt = w * 2.0\n", "t", "unwatched-tensor", 4),
    "forgotten": (f"{OPEN}    tape.watch(x)\n    tape.reset()\n", "x", "outside-tape", 6),
    "a variable of a tape that watches nothing": (
        "with tf.GradientTape(watch_accessed_variables=False) as tape:\n    y = w * 1.0\n",
        "w", "auto-watch-off", 4,
    ),
    "a variable that is not trainable": (
        f"w = tf.Variable([3.0, 4.0], trainable=False)\n{OPEN}    y = w * 1.0\n",
        "w", "non-trainable", 4,
    ),
    "integers": (
        f"i = tf.constant([1, 2])\n{OPEN}    tape.watch(i)\n", "i", "non-float-dtype", 4,
    ),
}  # fmt: skip
TRACKED = {
    "watched": (f"t = x * 2.0\n{OPEN}    tape.watch(t)\n", "t"),
    "watched late": (f"{OPEN}    t = x * 2.0\n    tape.watch(t)\n", "t"),
    "recorded": (f"{OPEN}    t = w * 2.0\n", "t"),
    "a variable": (f"{OPEN}    t = w * 2.0\n", "w"),
    "a variable that nothing read": (f"{OPEN}    pass\n", "w"),
}


def asked(body: str, method: str, value: str, more: str = "") -> tuple[Any, Any]:
    """The report of the question's only source, and what TensorFlow gave."""
    names: dict[str, Any] = {"__name__": "__main__"}
    report = run_cell(f"{HEAD}{body}g = tape.{method}({value}, {value}{more})\n", names)
    assert report.error is None
    assert report.mismatches == 0
    return report.calls[0].sources[0], names["g"]


@pytest.mark.parametrize("name", UNTRACKED)
def test_no_jacobian_of_what_is_not_tracked(name: str) -> None:
    body, value, cause, line = UNTRACKED[name]
    source, given = asked(body, "jacobian", value)
    assert given is None
    assert (source.status, source.why.cause, source.why.at.line) == ("none", cause, line)
    assert "can't say" not in source.why.message
    assert value in source.why.message
    mended = source.why.fixed_source
    assert (mended is None) == (name == "made after")
    if mended is not None:
        names: dict[str, Any] = {}
        exec(mended, names)
        assert np.array_equal(names["g"], np.eye(2))


@pytest.mark.parametrize("name", UNTRACKED)
def test_zeros_in_place_of_none(name: str) -> None:
    body, value, cause, _ = UNTRACKED[name]
    source, given = asked(body, "jacobian", value, ", unconnected_gradients='zero'")
    assert not np.any(given)
    assert (source.status, source.why.cause) == ("masked", "masked-none")
    assert source.why.because.cause == cause


@pytest.mark.parametrize("name", UNTRACKED)
def test_a_gradient_needs_no_tracking(name: str) -> None:
    """The backward pass begins with ones at the target itself."""
    body, value, _, _ = UNTRACKED[name]
    source, given = asked(body, "gradient", value)
    assert np.array_equal(given, np.ones(2))
    assert (source.status, source.why, source.partial) == ("connected", None, [])


@pytest.mark.parametrize("method", ["gradient", "jacobian"])
@pytest.mark.parametrize("name", TRACKED)
def test_of_what_is_tracked(name: str, method: str) -> None:
    body, value = TRACKED[name]
    source, given = asked(body, method, value)
    assert np.array_equal(given, np.eye(2) if method == "jacobian" else np.ones(2))
    assert (source.status, source.why, source.partial) == ("connected", None, [])


def test_a_batch_jacobian_gives_zeros() -> None:
    body = f"t = tf.ones([2, 3])\n{OPEN}    y = t * 1.0\n"
    source, given = asked(body, "batch_jacobian", "t")
    assert not np.any(given)
    assert (source.status, source.why.cause) == ("zero", "unwatched-tensor")
