"""``%%tape`` below other magics, called from code, and interrupted."""

from __future__ import annotations

import pytest

from tests.kernel.driver import Kernel

pytestmark = pytest.mark.kernel


def test_below_time(kernel: Kernel) -> None:
    outcome = kernel.done("%%time\n%%tape\nx = len([1])\nx + 1")
    assert outcome.text == "2"
    assert "Wall time" in outcome.stdout
    assert outcome.report == "stub report: NoneType, 1 calls"
    assert kernel.value("x") == "1"


def test_below_time_silenced(kernel: Kernel) -> None:
    outcome = kernel.done("%%time\n%%tape\n41 + 1;")
    assert outcome.value is None


def test_below_time_an_error_is_an_error(kernel: Kernel) -> None:
    outcome = kernel.run("%%time\n%%tape\n\ndef f():\n    1 / 0\nf()")
    assert outcome.status == "error"
    assert "----> 6 f()" in outcome.traceback  # the line in the editor
    assert "run_body" not in outcome.traceback
    assert "magics/magic.py" not in outcome.traceback
    assert "ZeroDivisionError" in outcome.report


def test_below_capture(kernel: Kernel) -> None:
    outcome = kernel.done("%%capture caught\n%%tape\nprint('inside')\nlen([])")
    assert (outcome.stdout, outcome.reports) == ("", [])
    assert kernel.value("caught.stdout") == r"'inside\n'"
    shown = kernel.value("[o.data['text/plain'] for o in caught.outputs]")
    assert shown == "['0', 'stub report: NoneType, 2 calls']"


def test_capture_that_leaves_displays_alone(kernel: Kernel) -> None:
    outcome = kernel.done("%%capture --no-display caught\n%%tape\nprint('inside')\n3")
    assert outcome.text == "3"
    assert len(outcome.reports) == 1


def test_run_cell_magic(kernel: Kernel) -> None:
    outcome = kernel.done("get_ipython().run_cell_magic('tape', '', 'y = len([1, 2])\\ny')")
    assert outcome.text == "2"
    assert "1 calls" in outcome.report


def test_run_cell_magic_error_reaches_the_caller(kernel: Kernel) -> None:
    outcome = kernel.done(
        "try:\n    get_ipython().run_cell_magic('tape', '', '1 / 0')\n"
        "except ZeroDivisionError as e:\n    print('caught', e)"
    )
    assert outcome.stdout == "caught division by zero\n"
    assert "ZeroDivisionError" in outcome.report


def test_nested_run_cell(kernel: Kernel) -> None:
    outcome = kernel.done("result = get_ipython().run_cell('%%tape\\nz = 5\\nz')\nresult.result")
    assert outcome.text == "5"
    assert len(outcome.reports) == 1


def test_source_of_a_function_below_another_magic(kernel: Kernel) -> None:
    kernel.done("%%time\n%%tape\ndef below():\n    return 1")
    source = kernel.done("import inspect\nprint(inspect.getsource(below))").stdout
    assert source == "def below():\n    return 1\n\n"


def test_magics_within_a_nested_body(kernel: Kernel) -> None:
    outcome = kernel.done("%%time\n%%tape\nwhere = %pwd\n!echo hello\nlen(where) > 0")
    assert outcome.text == "True"
    assert "hello" in outcome.stdout


def test_syntax_error_below_another_magic(kernel: Kernel) -> None:
    outcome = kernel.run("%%time\n%%tape\nx = (\n")
    assert outcome.status == "error"
    assert outcome.error is not None
    assert outcome.error["ename"] in {"SyntaxError", "_IncompleteInputError"}
    assert outcome.reports == []


def test_another_cell_magic_below(kernel: Kernel) -> None:
    outcome = kernel.done("%%tape\n%%time\nlen([1])")
    assert outcome.text == "1"
    assert "put %%tape below %%time" in outcome.report


def test_tape_within_tape(kernel: Kernel) -> None:
    outcome = kernel.done("%%tape\nget_ipython().run_cell_magic('tape', '', 'deep = 1')")
    assert kernel.value("deep") == "1"
    assert any("another trace is still running" in r["text/plain"] for r in outcome.reports)
    assert kernel.value("stub_session.ACTIVE") == "[]"


CLEAN = "stub_session.ACTIVE, 'run_code' in vars(get_ipython()), get_ipython().ast_transformers"


@pytest.mark.parametrize("head", ["%%tape\n", "%%time\n%%tape\n"])
def test_interrupt(kernel: Kernel, head: str) -> None:
    outcome = kernel.interrupt(
        head + "import time\nprint('go', flush=True)\nwhile True: time.sleep(0.01)"
    )
    assert outcome.status == "error"
    assert outcome.error is not None
    assert outcome.error["ename"] == "KeyboardInterrupt"
    assert "KeyboardInterrupt" in outcome.report
    assert kernel.value(CLEAN) == "([], False, [])"


def test_interrupt_while_awaiting(kernel: Kernel) -> None:
    outcome = kernel.interrupt(
        "%%tape\nimport asyncio\nprint('go', flush=True)\nwhile True: await asyncio.sleep(0.01)"
    )
    assert outcome.status == "error"
    assert len(outcome.reports) == 1
    assert kernel.value(CLEAN) == "([], False, [])"
    assert kernel.done("%%tape\n1").report == "stub report: NoneType, 0 calls"


@pytest.mark.parametrize("head", ["%%tape\n", "%%time\n%%tape\n"])
def test_interrupt_before_the_cell_runs(kernel: Kernel, head: str) -> None:
    kernel.done("stub_session.FAIL.add('interrupt')")
    outcome = kernel.run(head + "print('ran')")
    assert (outcome.status, "ran" in outcome.stdout) == ("error", False)
    assert outcome.error is not None
    assert outcome.error["ename"] == "KeyboardInterrupt"
    assert kernel.value(CLEAN) == "([], False, [])"
    kernel.done("stub_session.FAIL.clear()")
    assert kernel.done("%%tape\n1").report == "stub report: NoneType, 0 calls"
