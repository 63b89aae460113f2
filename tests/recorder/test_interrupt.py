"""Ctrl-C at any point, also in the middle of our own code: everything is as it was afterwards."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import tensorflow as tf

import tapemagic
from tapemagic.api import run_cell
from tapemagic.session import Session
from tests.recorder.test_restore import CELL, attributes, callbacks, heard, plain_code

OURS = str(Path(tapemagic.__file__).parent)
ARMING = (
    "recorder/recorder.py",
    "recorder/patches.py",
    "recorder/imports.py",
    "session.py",
    "api.py",
)
CELL_OF_LITTLE = """
import tensorflow as tf
w = tf.Variable(1.5)
def f(v):
    return tf.sin(v)
with tf.GradientTape() as tape:
    y = f(w)
g = tape.gradient(y, w)
del tape
"""


Route = Callable[[str, dict[str, Any]], Any]
"""How a cell is traced: it gives the report, or raises the interrupt."""


class Interrupt:
    """Raises KeyboardInterrupt at the n-th line of ours that runs, or counts the lines."""

    def __init__(self, files: tuple[str, ...], number: int = -1) -> None:
        self.number = number
        self.lines = 0
        self.at: tuple[str, str, int] | None = None
        self._files = tuple(f"{OURS}/{f}" for f in files)

    def _call(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        return self._line if frame.f_code.co_filename.startswith(self._files) else None

    def _line(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            self.lines += 1
            if self.lines == self.number:
                code = frame.f_code
                self.at = code.co_filename[len(OURS) :], code.co_name, frame.f_lineno
                raise KeyboardInterrupt("at a line of ours")
        return self._line

    def run(self, cell: str, namespace: dict[str, Any], route: Route = run_cell) -> bool:
        """Run a cell; whether it was interrupted, or the report said that it was."""
        sys.settrace(self._call)
        try:
            report = route(cell, namespace)
        except KeyboardInterrupt:
            return True
        finally:
            sys.settrace(None)
        return any("interrupted" in note for note in report.notes)


def checked(cell: str, files: tuple[str, ...], numbers: range, route: Route = run_cell) -> int:
    """Interrupt at each of these lines; how often it was done."""
    before, calls, finders = attributes(), callbacks(), list(sys.meta_path)
    done = 0
    for number in numbers:
        interrupt = Interrupt(files, number)
        namespace: dict[str, Any] = {}
        raised = interrupt.run(cell, namespace, route)
        where = f"line {number}: {interrupt.at}"
        assert Session.active is None, where
        after = attributes()
        assert after.keys() == before.keys(), where
        assert [n for n in before if after[n] is not before[n]] == [], where
        assert callbacks() == calls, where
        assert sys.meta_path == finders, where
        assert raised == (interrupt.at is not None), where
        plain_code(namespace)
        done += raised
    assert heard()
    report = run_cell(CELL_OF_LITTLE, {})
    assert report.notes == []
    assert report.mismatches == 0
    return done


def lines_of(cell: str, files: tuple[str, ...], route: Route = run_cell) -> int:
    route(cell, {})
    route(cell, {})
    counter = Interrupt(files)
    counter.run(cell, {}, route)
    return counter.lines


def test_at_each_line_that_arms_and_restores() -> None:
    lines = lines_of(CELL_OF_LITTLE, ARMING)
    assert lines > 300
    assert checked(CELL_OF_LITTLE, ARMING, range(1, lines, 5)) > lines // 8


def test_anywhere_in_our_code() -> None:
    lines = lines_of(CELL, ("",))
    assert checked(CELL, ("",), range(7, lines, lines // 15)) > 12


@pytest.mark.deep
def test_at_many_lines_of_our_code() -> None:
    lines = lines_of(CELL, ("",))
    assert checked(CELL, ("",), range(1, lines, lines // 2000)) > 1900


def test_signal_in_the_middle_of_an_op() -> None:
    """A real SIGINT, raised while a kernel of TensorFlow's runs Python."""
    cell = """
import signal
import tensorflow as tf
w = tf.Variable(1.5)
def interrupted(v):
    signal.raise_signal(signal.SIGINT)
    return v
with tf.GradientTape() as tape:
    y = tf.map_fn(lambda v: interrupted(v) * w, tf.ones([3]))
"""
    before, calls = attributes(), callbacks()
    # In a shell's background jobs SIGINT is ignored.
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_cell(cell, {})
    finally:
        signal.signal(signal.SIGINT, old)
    after = attributes()
    assert [n for n in before if after[n] is not before[n]] == []
    assert callbacks() == calls
    assert Session.active is None
    assert tf.executing_eagerly()
