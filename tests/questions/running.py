"""Run a cell with a report, quietly and from the same seed."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import tensorflow as tf

from tapemagic.api import run_cell


def report_of(source: str, **options: Any) -> Any:
    tf.keras.utils.set_random_seed(0)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return run_cell(source, {"__name__": "__main__"}, **options)
