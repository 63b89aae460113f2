"""The demonstration: one small cell with a broken gradient, explained."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tapemagic.report.model import Report

PAGE = "tapemagic-demo.html"
INSTALL = "pip install tensorflow"

CELL = """\
import numpy as np
import tensorflow as tf

# How warm must the three rooms be, so that nearly everyone is content?
setting = tf.Variable([17.0, 19.5, 21.0], name="setting")

with tf.GradientTape() as tape:
    content = tf.nn.sigmoid(setting - 19.0)
    average = np.mean(content)
    loss = tf.square(average - 0.9)

grad = tape.gradient(loss, setting)
print("gradient:", grad)
"""
"""The average is taken with NumPy, so the tape loses sight of it."""


class NoTensorFlow(Exception):
    """TensorFlow is not installed; the message is one sentence with the command that helps."""


def run() -> Report:
    """Run the cell and give its report.

    Raises:
        NoTensorFlow: If there is no TensorFlow to run it with.
    """
    if not _installed():
        raise NoTensorFlow(f"TensorFlow is not installed; install it with: {INSTALL}")
    from tapemagic.api import run_cell

    with quiet():
        return run_cell(CELL, {"__name__": "__main__"}, try_fixes=True)


def _installed() -> bool:
    try:
        return find_spec("tensorflow") is not None
    except ImportError:
        return False


@contextmanager
def quiet() -> Iterator[None]:
    """Keep TensorFlow's start-up messages, written by its C++ code, from the terminal.

    They are shown after all when the block raises.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    try:
        before = os.dup(2)
    except OSError:  # there is no stderr to keep anything from
        yield
        return
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            said.seek(0)
            os.write(before, said.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(before, 2)
            os.close(before)


def numbered() -> str:
    """Give the cell's text with line numbers, as it is shown before it is run."""
    lines = CELL.rstrip("\n").split("\n")
    return "\n".join(f"  {number:>2}  {line}".rstrip() for number, line in enumerate(lines, 1))


def save(report: Report, path: Path) -> Path:
    """Write the report's page.

    Args:
        report: What to write.
        path: Where to.

    Returns:
        The whole path that was written.

    Raises:
        ReportError: If it can't be written.
    """
    return report.save(path, title="Why the gradient is None").resolve()
