"""The real session in kernels of its own: what unloading leaves, and two kernels at one time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.driver import Kernel
from tests.kernel.test_extension import SNAPSHOT

pytestmark = pytest.mark.kernel

BEGIN = f"""
import os, sys
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0")
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
import tensorflow as tf
"""
# The very objects that the recorder replaces while a cell is traced, and what it hangs elsewhere.
TENSORFLOW = """
from tests.recorder.test_restore import attributes, callbacks, heard
from tapemagic.session import Session
def state():
    shell = get_ipython()
    return (attributes(), callbacks(), list(sys.meta_path), vars(shell.compile).get("cache"),
            shell.run_line_magic, sys.getprofile(), sys.gettrace(), sys.excepthook, sys.displayhook)
"""
CELL = """
w = tf.Variable(3.0, name="mine")
with tf.GradientTape() as tape:
    y = w * tf.round(w)
g = tape.gradient(y, w)
float(g)
"""


@pytest.fixture
def two() -> Iterator[tuple[Kernel, Kernel]]:
    """Two kernels with TensorFlow and the extension."""
    kernels = (Kernel(), Kernel())
    try:
        for kernel in kernels:
            kernel.done(BEGIN)
            kernel.done(SNAPSHOT)
            kernel.done("before = snapshot()")
            kernel.done("%load_ext tapemagic")
        yield kernels
    finally:
        for kernel in kernels:
            kernel.close()


def test_unload_leaves_nothing(two: tuple[Kernel, Kernel]) -> None:
    kernel, _ = two
    kernel.done("%%tape -q\n" + CELL)  # some of TensorFlow's modules are imported by its first use
    kernel.done(TENSORFLOW + "begin = state()")
    assert kernel.done("%%tape\n" + CELL).text == "3.0"
    kernel.run("%%tape\n1 / 0")
    kernel.interrupt("%%tape\nprint('go', flush=True)\nwhile True: tf.sin(1.0)")
    kernel.done("%%tape\n" + CELL + "%unload_ext tapemagic\n")
    assert kernel.value("[k for k, v in snapshot().items() if v != before[k]]") == "[]"
    kernel.done("end = state()")
    changed = "[n for n in begin[0] if end[0].get(n) is not begin[0][n]]"
    assert kernel.value(changed) == "[]"
    assert kernel.value("end[0].keys() == begin[0].keys(), end[1:] == begin[1:]") == "(True, True)"
    assert kernel.value("callbacks(), heard(), Session.active") == "([], True, None)"
    for line in ("%%tape\n1", "%tape last"):
        gone = kernel.run(line)
        assert gone.status == "error"
        assert "not found" in gone.stderr
    plain = kernel.done(CELL)
    assert (plain.text, plain.reports) == ("3.0", [])
    kernel.done("%load_ext tapemagic")
    assert len(kernel.done("%%tape\n" + CELL).reports) == 1


def test_two_kernels_know_nothing_of_each_other(two: tuple[Kernel, Kernel]) -> None:
    one, other = two
    running = one.send("%%tape\nimport time\ntime.sleep(3)\n" + CELL.replace("mine", "first"))
    time.sleep(0.5)  # it is running by now; were it not, the test would only prove less
    reports = [other.done("%%tape\n" + CELL.replace("mine", "second")).report for _ in range(2)]
    mine = one.collect(running).report
    for report in (mine, *reports):
        assert "tape.gradient(y, w)" in report
        assert "another trace" not in report
    assert "(line 8)" in mine
    assert all("(line 6)" in report for report in reports)
    assert one.done("%tape last").report != other.done("%tape last").report

    one.done("%unload_ext tapemagic")
    assert one.run("%%tape\n1").status == "error"
    assert len(other.done("%%tape\n" + CELL).reports) == 1

    stopped = other.interrupt("%%tape\nprint('go', flush=True)\nwhile True: tf.sin(1.0)")
    assert stopped.status == "error"
    one.done("%load_ext tapemagic")
    assert "interrupted" not in one.done("%%tape\n" + CELL).report
