"""Cells of TensorFlow in a real kernel, plain and under ``%%tape``, from the same seeds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cell.run import cells
from tests.kernel.compare import facts
from tests.kernel.driver import Kernel

pytestmark = pytest.mark.kernel

CELLS = cells("tensorflow.ipy")
BEGIN = """
import os, random
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0")
import numpy as np, tensorflow as tf
# That a function was traced often is told by the history of the process, not of the cell.
tf.get_logger().setLevel("ERROR")
tf.keras.layers.Dense(1)(tf.ones([1, 1]))  # the first use of Keras draws random numbers
%load_ext tapemagic
"""
SEED = """
import random, numpy as np, tensorflow as tf
random.seed(7); np.random.seed(7)
tf.keras.backend.clear_session(free_memory=False); tf.random.set_seed(7)
"""
# The state of random numbers after the cell, how often functions were traced, and its names.
AFTER = """
import random, numpy as np, tensorflow as tf
(hash(random.getstate()), hash(np.random.get_state()[1].tobytes()), np.random.get_state()[2],
 tf.random.uniform([2]).numpy().tolist(),
 {n: f.experimental_get_tracing_count() for n, f in sorted(globals().items())
  if hasattr(f, "experimental_get_tracing_count")},
 sorted(n for n in globals() if not n.startswith("_")))
"""


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    """One kernel for the module."""
    kernel = Kernel()
    try:
        kernel.done(BEGIN)
        yield kernel
    finally:
        kernel.close()


def outcome(kernel: Kernel, cell: str) -> tuple[dict[str, object], Any, int]:
    """What a person sees of a cell, what it leaves behind, and how many reports there were."""
    kernel.done(SEED)
    seen = kernel.run(cell)
    return facts(seen), kernel.value(AFTER), len(seen.reports)


@pytest.mark.parametrize("name", list(CELLS))
def test_same(kernel: Kernel, name: str) -> None:
    outcome(kernel, CELLS[name])  # what the cell leaves is there for both of the next runs
    plain, after, none = outcome(kernel, "# plain\n" + CELLS[name])
    traced, traced_after, reports = outcome(kernel, "%%tape\n" + CELLS[name])
    assert traced == plain
    assert traced_after == after
    assert (none, reports) == (0, 1)
