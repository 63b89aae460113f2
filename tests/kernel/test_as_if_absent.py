"""A cell under ``%%tape`` gives what the same cell gives without it."""

from __future__ import annotations

import pytest

from tests.kernel.compare import CELLS, NO_REPORT, facts
from tests.kernel.driver import Kernel

pytestmark = pytest.mark.kernel

NAMES = (
    "sorted(n for n in globals() if not n.startswith('_i') and not n.lstrip('_').isdigit()"
    " and not n.startswith('_exit'))"
)


@pytest.mark.parametrize("name", CELLS)
def test_same(kernel: Kernel, name: str) -> None:
    body = CELLS[name]
    kernel.done("%reset -f out\nkept = None")
    kernel.done("import stub_session")
    plain = kernel.run("# plain\n" + body)
    names = kernel.value(NAMES)
    traced = kernel.run("%%tape\n" + body)
    assert facts(traced) == facts(plain)
    assert kernel.value(NAMES) == names
    assert (traced.value_number is None) == (plain.value_number is None)
    assert kernel.value("stub_session.ACTIVE") == "[]"


@pytest.mark.parametrize("name", CELLS)
def test_same_without_a_session(kernel: Kernel, name: str) -> None:
    kernel.done("stub_session.FAIL.add('rewrite')")
    plain = kernel.run("# plain\n" + CELLS[name])
    assert facts(kernel.run("%%tape\n" + CELLS[name])) == facts(plain)


@pytest.mark.parametrize("name", CELLS)
def test_one_report(kernel: Kernel, name: str) -> None:
    outcome = kernel.run("%%tape\n" + CELLS[name])
    assert len(outcome.reports) == (name not in NO_REPORT)
    if outcome.reports:
        assert outcome.order[-1] == "report"
        assert "could not" not in outcome.report


def test_out_number(kernel: Kernel) -> None:
    traced = kernel.run("%%tape\n'kept ' + 'value'")
    assert traced.value_number == traced.reply["execution_count"]
    assert kernel.value(f"Out[{traced.value_number}]") == "'kept value'"


def test_every_interactivity(kernel: Kernel) -> None:
    try:
        for choice in ("all", "last", "none", "last_expr_or_assign"):
            kernel.done(f"get_ipython().ast_node_interactivity = {choice!r}")
            for body in ("int(1)\nint(2)", "x = int(3)", "x: int = int(4)"):
                plain = kernel.run("# plain\n" + body)
                assert facts(kernel.run("%%tape\n" + body)) == facts(plain), (choice, body)
    finally:
        kernel.run("get_ipython().ast_node_interactivity = 'last_expr'")


def test_blank_lines_above_keep_the_editor_line_numbers(kernel: Kernel) -> None:
    outcome = kernel.run("\n\n%%tape\nx = 1\n1 / 0\n")
    assert "----> 5 1 / 0" in outcome.traceback


def test_indented_cell(kernel: Kernel) -> None:
    assert kernel.run("    %%tape\n    x = 6\n    x + 1").text == "7"


def test_history_has_the_cell_as_typed(kernel: Kernel) -> None:
    cell = "%%tape -q\nx = 1"
    kernel.done(cell)
    assert kernel.value("get_ipython().history_manager.input_hist_raw[-2]") == repr(cell)
    assert kernel.run("%rerun -l 1").status == "ok"


def test_run_all_stops_at_an_error(kernel: Kernel) -> None:
    # Long enough for the next request to be in the queue when this one fails.
    first = kernel.send("%%tape\nimport time\ntime.sleep(0.5)\n1 / 0")
    second = kernel.send("'never'")
    assert kernel.collect(first).status == "error"
    aborted = kernel.collect(second)
    assert aborted.status in {"error", "aborted"}
    assert aborted.value is None


def test_frames_of_ours_are_nowhere(kernel: Kernel) -> None:
    outcome = kernel.run(
        "%%tape\nimport traceback\ntry:\n    1 / 0\nexcept Exception:\n    traceback.print_exc()"
    )
    assert "tapemagic" not in outcome.stderr
    outcome = kernel.run("%%tape\nimport traceback\nprint(*traceback.format_stack())")
    assert "tapemagic" not in outcome.stdout


def test_a_silent_request_shows_nothing(kernel: Kernel) -> None:
    outcome = kernel.run("%%tape\nquiet_value = 9", silent=True)
    assert (outcome.status, outcome.reports) == ("ok", [])
    assert kernel.value("quiet_value") == "9"


def test_a_cell_that_runs_cells(kernel: Kernel) -> None:
    outcome = kernel.done("%%tape\nget_ipython().run_cell('inner = 1 + 1')\ninner")
    assert outcome.text == "2"
    assert len(outcome.reports) == 1


def test_the_arrow_stands_where_a_function_raised(kernel: Kernel) -> None:
    """IPython takes the line of a kernel's cell from the frame itself, not from the traceback."""
    cell = "def f(a):\n    b = 1\n    c = [a]\n    raise ValueError(c)\nf(1)"
    plain = kernel.run(cell)
    traced = kernel.run(f"%%tape\n{cell}")
    assert "----> 4     raise ValueError(c)" in plain.traceback
    assert "----> 5     raise ValueError(c)" in traced.traceback
