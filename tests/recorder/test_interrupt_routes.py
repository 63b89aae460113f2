"""Ctrl-C at any line of the two other routes: ``%%tape`` in a shell, and ``trace()``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import tapemagic
from tests.recorder.test_interrupt import ARMING, CELL_OF_LITTLE, checked, lines_of

NATIVE = ("magics/native.py", "magics/run.py", "magics/magic.py", "magics/show.py", *ARMING)
TRACING = ("tracing.py", *ARMING)


def by_trace(cell: str, namespace: dict[str, Any]) -> Any:
    """The cell's code in a ``with tapemagic.trace()`` block."""
    with tapemagic.trace() as traced:
        exec(compile(cell, "<a block>", "exec"), namespace)
    return traced.report


def test_at_each_line_of_trace() -> None:
    lines = lines_of(CELL_OF_LITTLE, TRACING, by_trace)
    assert lines > 300
    assert checked(CELL_OF_LITTLE, TRACING, range(1, lines, 7), by_trace) > lines // 12


@pytest.mark.deep
def test_at_every_line_of_trace() -> None:
    lines = lines_of(CELL_OF_LITTLE, TRACING, by_trace)
    assert checked(CELL_OF_LITTLE, TRACING, range(1, lines), by_trace) > lines - 50


class Native:
    """``%%tape`` in a shell: the route by which a notebook's cell is traced."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.before = self.state()

    def state(self) -> dict[str, Any]:
        """What of the shell is changed while a cell is traced."""
        shell = self.shell
        return {
            "cleanup": list(shell.input_transformers_cleanup),
            "ast": list(shell.ast_transformers),
            "events": {name: list(found) for name, found in shell.events.callbacks.items()},
            "run_code": vars(shell).get("run_code"),
            "cache": vars(shell.compile).get("cache"),
        }

    def __call__(self, cell: str, namespace: dict[str, Any]) -> Any:
        """Trace a cell in the shell."""
        with capture_output() as caught:
            result = self.shell.run_cell("%%tape\n" + cell)
        names = self.shell.user_ns
        namespace.update({name: names[name] for name in ("f", "w", "y", "g") if name in names})
        assert self.state() == self.before
        # IPython prints an interrupt of its listeners, ours says that the report was interrupted.
        shown = caught.stdout + caught.stderr + str([o.data for o in caught.outputs])
        if isinstance(result.error_in_exec, KeyboardInterrupt) or re.search(
            "KeyboardInterrupt|interrupted", shown
        ):
            raise KeyboardInterrupt
        return SimpleNamespace(notes=[])


@pytest.fixture
def native() -> Iterator[Native]:
    """A shell with the extension."""
    shell = InteractiveShell.instance()
    tapemagic.load_ipython_extension(shell)
    try:
        yield Native(shell)
    finally:
        tapemagic.unload_ipython_extension(shell)
        InteractiveShell.clear_instance()


def test_at_each_line_around_a_cell(native: Native) -> None:
    lines = lines_of(CELL_OF_LITTLE, NATIVE, native)
    assert lines > 500
    assert checked(CELL_OF_LITTLE, NATIVE, range(1, lines, 8), native) > lines // 16


@pytest.mark.deep
def test_at_every_line_around_a_cell(native: Native) -> None:
    lines = lines_of(CELL_OF_LITTLE, NATIVE, native)
    assert checked(CELL_OF_LITTLE, NATIVE, range(1, lines), native) > lines - 100
