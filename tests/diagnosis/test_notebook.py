"""A notebook's cells one after the other: what an earlier one did is told with its place there."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from tapemagic.api import run_cell

BEGIN = "import numpy as np\nimport tensorflow as tf\nw = tf.Variable(2.0)\nx = tf.constant(3.0)\n"
TAPE = "with tf.GradientTape() as tape:\n    loss = tf.square({value})\ngrad = tape.gradient(loss, w)\n"

CELLS = {
    "computed before": ([BEGIN + "y = w * x\n", TAPE.format(value="y")], "outside-tape", 5),
    "computed two cells before": (
        [BEGIN + "y = w * x\n", "z = y + 1.0\n", TAPE.format(value="z")], "outside-tape", 1,
    ),
    "left before": ([BEGIN + "n = float(w)\n", TAPE.format(value="x * n")], "left-tensorflow", 5),
    "an array before": (
        [BEGIN + "a = np.sqrt(w * 2.0)\n", TAPE.format(value="x * a")], "left-tensorflow", 5,
    ),
    "a whole number before": (
        [BEGIN + "n = int(w)\n", TAPE.format(value="tf.cast(n, tf.float32)")], "left-tensorflow", 5,
    ),
    "in a list before": (
        [BEGIN + "kept = [x, w.numpy(), 1]\n", TAPE.format(value="x * kept[1]")],
        "left-tensorflow", 5,
    ),
    "in an object before": (
        [
            BEGIN + "class Box:\n    def __init__(self):\n        self.k = float(w) * 2.0\nbox = Box()\n",
            TAPE.format(value="x * box.k"),
        ],
        "left-tensorflow", 7,
    ),
    "by a library's call before": (
        [
            BEGIN + "net = tf.keras.layers.Dense(1)\nnet.build((None, 1))\nk, b = net.get_weights()\n"
            "w = net.kernel\n",
            TAPE.format(value="x * k"),
        ],
        "left-tensorflow", 7,
    ),
    "rebound before": ([BEGIN, "w = w - 0.1\n", TAPE.format(value="w")], "rebound-name", 1),
    "in a function of an earlier cell": (
        [BEGIN + "def f(v):\n    return tf.round(v)\n", TAPE.format(value="f(w)")],
        "no-gradient-op", 6,
    ),
}  # fmt: skip


def ran(cells: list[str], names: dict[str, Any] | None = None) -> dict[str, Any]:
    names = {"__name__": "__main__"} if names is None else names
    for cell in cells:
        report = run_cell(cell, names)
        assert not [n for n in report.notes if "tapemagic" in n]
    return report.to_dict()


@pytest.mark.parametrize("name", CELLS)
def test_cause_in_an_earlier_cell(name: str) -> None:
    cells, cause, line = CELLS[name]
    made = ran(cells)
    why = made["calls"][-1]["sources"][0]["why"]
    assert (why["cause"], why["line"], why["place"]["line"]) == (cause, None, line)
    assert why["place"]["cell"] is not None
    assert made["agreement"]["mismatches"] == 0


def test_a_model_made_anew_is_named() -> None:
    build = (
        "model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(2), "
        "tf.keras.layers.Dense(1)])\n"
    )
    ask = (
        "with tf.GradientTape() as tape:\n    loss = tf.reduce_mean(model(tf.ones((2, 3))))\n"
        "grads = tape.gradient(loss, mine)\n"
    )
    made = ran([BEGIN + build + "mine = model.trainable_variables\n", build, ask])
    why = made["calls"][-1]["sources"][0]["why"]
    assert why["cause"] == "different-object"
    assert "`model`" in why["message"]
    assert "tape.gradient(loss, model.trainable_variables)" in why["fixed_source"]


def test_earlier_ops_do_not_count() -> None:
    made = ran([BEGIN + "y = w * x\n", TAPE.format(value="y")])
    assert made["ops"] == {"executed": 1, "recorded": 0}


@pytest.mark.parametrize(
    "cells",
    [
        [BEGIN + "y = w * x\n", TAPE.format(value="w * x")],
        [BEGIN + "data = x * 2.0\n", TAPE.format(value="w * data")],
        [BEGIN + "start = w.numpy()\n", TAPE.format(value="w - start + 1.0")],
        [BEGIN + "shown = float(w * x)\n", "print(shown)\n" + TAPE.format(value="w * x")],
    ],
)
def test_nothing_is_said_of_a_healthy_gradient(cells: list[str]) -> None:
    source = ran(cells)["calls"][-1]["sources"][0]
    assert (source["status"], source["why"], source["partial"]) == ("connected", None, [])


@pytest.mark.parametrize("rule", ["tf.function", "tf.custom_gradient", "tf.recompute_grad"])
def test_a_later_cell_asks_through_a_function(rule: str) -> None:
    """Its backward function was recorded in the earlier cell, and is heard in the later one."""
    given = "(v * 3.0, lambda up: up * 3.0)" if "custom" in rule else "v * w"
    cell = (
        f"{BEGIN}@{rule}\ndef f(v):\n    return {given}\n"
        "with tf.GradientTape(persistent=True) as tape:\n"
        "    inner = w * 2.0\n    y = tf.reduce_sum(f(inner))\n"
    )
    asked = "grad = tape.gradient(y, [w, x], unconnected_gradients='zero')\n"
    for made in (ran([cell, asked]), ran([cell, "1\n", asked, asked])):
        assert [s["status"] for s in made["calls"][-1]["sources"]] == ["connected", "masked"]
        assert made["agreement"]["mismatches"] == 0
        assert made["agreement"]["tensors"] >= 4


def test_a_rule_of_an_earlier_cell_is_named_there() -> None:
    rule = (
        "@tf.custom_gradient\ndef f(v):\n    def grad(up):\n        return [None]\n"
        "    return v * 3.0, grad\n"
    )
    cell = "with tf.GradientTape() as tape:\n    y = f(w * 2.0)\n"
    made = ran([BEGIN + rule, cell, "g = tape.gradient(y, w)\n"])
    why = made["calls"][0]["sources"][0]["why"]
    assert (why["cause"], why["line"], why["place"]["line"]) == ("custom-gradient", None, 8)
    assert why["fixed_source"] is None


def test_the_optimizer_of_a_later_cell() -> None:
    grads = TAPE.format(value="tf.round(w)") + "opt = tf.keras.optimizers.SGD(0.1)\n"
    made = ran([BEGIN, grads, "opt.apply_gradients([(grad, w)])\n"])
    why = made["cell"]["error"]["why"]
    assert (why["cause"], why["line"], why["place"]["line"]) == ("no-gradient-op", None, 2)


def test_a_new_notebook_knows_nothing_of_the_old_one() -> None:
    ran([BEGIN + "y = w * x\nn = float(w)\n"])
    made = ran([BEGIN + TAPE.format(value="x * 2.0")])
    assert made["calls"][0]["sources"][0]["why"]["cause"] == "unconnected"


def test_arrays_are_freed_when_dropped() -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    ran([BEGIN + "a = np.sqrt(w * 2.0) * np.ones(3)\n"], names)
    seen = weakref.ref(names.pop("a"))
    gc.collect()
    assert seen() is None
