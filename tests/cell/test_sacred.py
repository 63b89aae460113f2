"""The cell is sacred: traced, it does what it does plainly, bit for bit."""

from __future__ import annotations

import sys

import pytest

from tests.cell.run import Outcome, cells, run
from tests.questions.reading import names, read

PLAIN = cells("plain.ipy")
TENSORFLOW = cells("tensorflow.ipy")
CAUGHT = ("raises RecursionError", "raises SystemExit caught")
QUESTIONS = names()
NEW_SYNTAX = {"type parameters of functions": (3, 12)}


def same(source: str) -> Outcome:
    plain = run(source, traced=False)
    traced = run(source, traced=True)
    assert traced.order == plain.order
    assert traced.names == plain.names
    assert traced.stdout == plain.stdout
    assert traced.stderr == plain.stderr
    assert traced.error == plain.error
    assert traced.warnings == plain.warnings
    assert traced.random == plain.random
    assert [n for n in traced.report.notes if "tapemagic" in n] == []
    return traced


@pytest.mark.parametrize("name", PLAIN)
def test_plain_python(name: str) -> None:
    if sys.version_info < NEW_SYNTAX.get(name, (3, 0)):
        pytest.skip("syntax of a later Python")
    outcome = same(PLAIN[name])
    assert (outcome.error is not None) == (
        (name.startswith("raises") and "caught" not in name and "RecursionError" not in name)
        or name == "numpy errors"
    )


@pytest.mark.parametrize("name", TENSORFLOW)
def test_tensorflow(name: str) -> None:
    import tensorflow as tf

    assert tf.executing_eagerly()
    outcome = same(TENSORFLOW[name])
    assert (outcome.error is not None) == name.startswith("error")


def test_battery_is_large() -> None:
    assert len(PLAIN) + len(TENSORFLOW) >= 150


@pytest.fixture(scope="module")
def warm() -> None:
    """The first use of Keras in a process draws random numbers, traced or not."""
    run("import tensorflow as tf\ntf.keras.layers.Dense(1)(tf.ones([1, 1]))\n", traced=False)


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("name", QUESTIONS)
def test_question(name: str) -> None:
    """The cells that people ask about, of which most have a None somewhere."""
    same(read(name)[1])


def test_there_are_a_few_hundred() -> None:
    assert len(PLAIN) + len(TENSORFLOW) + len(QUESTIONS) > 400
