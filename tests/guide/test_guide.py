"""Every situation of the guide: status, cause, line, and agreement with the tape."""

from __future__ import annotations

import re

import pytest

from tests.diagnosis.check import report_of
from tests.guide.cells import CELLS

QUERIES = ("gradient", "jacobian", "batch_jacobian")


def expected(source: str) -> dict[int, list[str]]:
    """Line of a query -> what is true of each of its sources."""
    found = {}
    for number, row in enumerate(source.splitlines(), 1):
        said = re.search(r"#: (.*)$", row)
        if said:
            found[number] = said[1].split(", ")
    return found


@pytest.mark.parametrize("name", CELLS)
def test_situation(name: str) -> None:
    source = CELLS[name].lstrip("\n")
    made = report_of(source)
    wanted = expected(source)
    consumed = name == "a tape that is asked twice"
    assert (made["cell"]["error"] is not None) == consumed
    assert made["agreement"]["mismatches"] == 0
    assert made["agreement"]["tensors"] > 0 or "error" in str(wanted)
    calls = {c["line"]: c for c in made["calls"] if c["method"] in QUERIES}
    assert list(calls) == list(wanted)
    for line, truths in wanted.items():
        sources = calls[line]["sources"]
        assert len(sources) == len(truths)
        for source_row, truth in zip(sources, truths, strict=True):
            status, *reason = truth.split(" ")
            assert source_row["status"] == status, source_row
            assert source_row["partial"] == []
            why = source_row["why"] or (calls[line]["error"] or {}).get("why")
            if not reason:
                assert why is None
                continue
            assert why["cause"] in reason[0].split(",")
            assert reason[1] == "*" or why["line"] == int(reason[1]), why
            assert why["place"] == {"cell": None, "file": None, "line": None}
            assert why["message"]


def test_gradient_is_told() -> None:
    made = report_of(CELLS["a scalar"].lstrip("\n"))
    call = made["calls"][0]
    assert call["method"] == "gradient"
    assert call["tape"] == "tape"
    assert call["targets"] == [{"name": "area", "dtype": "float32", "shape": []}]
    assert call["sources"][0]["gradient"] == {
        "shape": [], "dtype": "float32", "norm": 10.0, "min": 10.0, "max": 10.0,
        "nonfinite": 0, "sparse": False,
    }  # fmt: skip


def test_ops_are_counted() -> None:
    made = report_of(CELLS["a scalar"].lstrip("\n"))
    assert 0 < made["ops"]["recorded"] <= made["ops"]["executed"]


def test_sparse_is_told() -> None:
    made = report_of(CELLS["sparse gradients"].lstrip("\n"))
    assert made["calls"][0]["sources"][0]["gradient"]["sparse"] is True


def test_masked_says_why() -> None:
    made = report_of(CELLS["zeros instead of None"].lstrip("\n"))
    why = made["calls"][0]["sources"][0]["why"]
    assert why["because"]["cause"] == "unconnected"


def test_loop_with_equal_verdicts_is_one_call() -> None:
    made = report_of(CELLS["a tape in a loop"].lstrip("\n"))
    assert [c["times"] for c in made["calls"]] == [5]


def test_loop_shows_the_turn_that_failed() -> None:
    made = report_of(CELLS["a name that was bound to a tensor"].lstrip("\n"))
    seen = [(c["times"], c["sources"][0]["status"]) for c in made["calls"]]
    assert seen == [(1, "connected"), (1, "none")]


def test_error_is_in_the_cell_and_the_call() -> None:
    made = report_of(CELLS["a tape that is asked twice"].lstrip("\n"))
    error = made["cell"]["error"]
    assert (error["type"], error["line"]) == ("RuntimeError", 6)
    assert made["calls"][-1]["error"]["type"] == "RuntimeError"
    assert [s["status"] for s in made["calls"][-1]["sources"]] == ["error"]


def test_tape_of_an_earlier_cell() -> None:
    from tapemagic.api import run_cell

    namespace = {"__name__": "__main__"}
    first = "import tensorflow as tf\nx = tf.Variable(1.0)\nwith tf.GradientTape() as tape:\n"
    run_cell(first + "    y = tf.round(x)\n", namespace)
    made = run_cell("grad = tape.gradient(y, x)\n", namespace).to_dict()
    why = made["calls"][0]["sources"][0]["why"]
    assert why["cause"] == "no-gradient-op"
    assert why["line"] is None
    assert why["place"]["line"] == 4
    assert why["place"]["cell"]
