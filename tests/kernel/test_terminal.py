"""``%%tape`` in a plain IPython terminal shell, in this process."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import tapemagic
from tests.kernel import stub_session


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A shell without a kernel."""
    monkeypatch.setitem(sys.modules, "tapemagic.session", stub_session)  # type: ignore[arg-type]
    shell = InteractiveShell.instance()
    tapemagic.load_ipython_extension(shell)
    try:
        yield shell
    finally:
        tapemagic.unload_ipython_extension(shell)
        InteractiveShell.clear_instance()
        stub_session.ACTIVE.clear()


def test_runs_and_shows_the_text_form(shell: InteractiveShell) -> None:
    with capture_output() as caught:
        result = shell.run_cell("%%tape\nlen([1])")
    assert (result.success, result.result) == (True, 1)
    assert caught.outputs[-1].data["text/plain"].startswith("stub report: NoneType, 1 calls")


@pytest.mark.parametrize("store_history", [True, False])
def test_the_name_of_the_code_is_known_before_it_runs(
    shell: InteractiveShell, store_history: bool
) -> None:
    shell.run_cell("%%tape\ndef f(): pass", store_history=store_history)
    session = stub_session.FINISHED[-1]
    assert session.first_filename == session.filename == shell.user_ns["f"].__code__.co_filename


@pytest.mark.parametrize(
    ("typed", "state"),
    [
        ("%%tape", "incomplete"),
        ("%%tape\nx = 1", "incomplete"),
        ("%%tape\nx = 1\n\n", "complete"),
    ],
)
def test_a_typed_cell_ends_with_a_blank_line(
    shell: InteractiveShell, typed: str, state: str
) -> None:
    assert shell.input_transformer_manager.check_complete(typed)[0] == state


def test_await(shell: InteractiveShell) -> None:
    result: Any = shell.run_cell("%%tape\nimport asyncio\nawait asyncio.sleep(0, 'slept')")
    assert result.result == "slept"


def test_blank_cell_within_a_cell(shell: InteractiveShell) -> None:
    shell.run_cell("get_ipython().run_cell('')\nget_ipython().run_cell('%%tape\\ninner = 1')")
    assert shell.user_ns["inner"] == 1
    assert stub_session.ACTIVE == []


def test_another_thread_is_left_alone(shell: InteractiveShell) -> None:
    from concurrent.futures import ThreadPoolExecutor

    shell.user_ns["pool"] = ThreadPoolExecutor(1)
    shell.user_ns["shell"] = shell
    shell.user_ns["tree"] = tree = ast.parse("len([])")
    result = shell.run_cell("%%tape\npool.submit(shell.transform_ast, tree).result()")
    assert result.result is tree
    assert ast.unparse(tree) == "len([])"
    shell.user_ns["pool"].shutdown()
