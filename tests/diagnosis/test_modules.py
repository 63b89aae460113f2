"""Causes inside modules of the person's own: told by the module's file and line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tapemagic.api import run_cell

MODULE = """import numpy as np
import tensorflow as tf


def mean_of(values):
    return np.mean(values)


def rounded(values):
    return tf.round(values)


class Scale(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.w = self.add_weight(shape=(), initializer="ones")

    def call(self, inputs):
        return tf.constant(inputs.numpy()) * self.w


def quiet(values):
    print("mean", np.mean(values))
    return tf.square(values)
"""
CELL = """import tensorflow as tf
import my_own_helpers as mine

x = tf.Variable([1.0, 2.0])
with tf.GradientTape() as tape:
    y = tf.reduce_sum({expression})
grad = tape.gradient(y, x)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "my_own_helpers.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("my_own_helpers", None)


def source_of(expression: str, before: str = "") -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(before, namespace)
    made = run_cell(before + CELL.format(expression=expression), namespace).to_dict()
    return dict(made["calls"][0]["sources"][0])


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("expression", "cause", "line"),
    [
        ("mine.mean_of(x * x) * tf.constant(2.0)", "left-tensorflow", 6),
        ("mine.rounded(x * x)", "no-gradient-op", 10),
        ("mine.Scale()(x * x)", "left-tensorflow", 19),
    ],
)
@pytest.mark.parametrize("before", ["", "import my_own_helpers\n"])
def test_cut_in_a_module(expression: str, cause: str, line: int, before: str) -> None:
    why = source_of(expression, before)["why"]
    assert why["cause"] == cause
    assert why["line"] is None
    assert why["place"]["line"] == line
    assert why["place"]["file"].endswith("my_own_helpers.py")
    assert f"line {line} of my_own_helpers.py" in why["message"]


@pytest.mark.usefixtures("folder")
def test_healthy_in_a_module(capsys: pytest.CaptureFixture[str]) -> None:
    source = source_of("mine.quiet(x)")
    assert (source["status"], source["why"], source["partial"]) == ("connected", None, [])
    assert capsys.readouterr().out == "mean 1.5\n"


@pytest.mark.usefixtures("folder")
def test_modules_get_their_code_back() -> None:
    import my_own_helpers  # type: ignore[import-not-found]

    functions = (my_own_helpers.mean_of, my_own_helpers.Scale.call, my_own_helpers.rounded)
    before = [f.__code__ for f in functions]
    source_of("mine.mean_of(x * x) * tf.constant(2.0)")
    assert all(f.__code__ is code for f, code in zip(functions, before, strict=True))


def test_libraries_are_left_alone() -> None:
    import json

    import numpy as np

    before = [json.dumps.__code__, np.mean.__wrapped__.__code__]  # type: ignore[attr-defined]
    seen: list[Any] = []
    run_cell("look()", {"look": lambda: seen.extend([json.dumps.__code__]), "json": json, "np": np})
    assert seen == before[:1]
