"""The same cells through the real session, before TensorFlow is there and after."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernel.compare import CELLS, NO_REPORT, facts
from tests.kernel.driver import Kernel

pytestmark = pytest.mark.kernel

IMPORT = (
    "import os, sys; os.environ.update(TF_CPP_MIN_LOG_LEVEL='3', TF_ENABLE_ONEDNN_OPTS='0')\n"
    "import tensorflow as tf"
)


@pytest.fixture(scope="module", params=["without TensorFlow", "with TensorFlow"])
def kernel(request: pytest.FixtureRequest) -> Iterator[Kernel]:
    """One kernel for the module."""
    kernel = Kernel()
    try:
        kernel.done("%load_ext tapemagic")
        if request.param == "with TensorFlow":
            kernel.done("%%tape -q\n" + IMPORT)
        yield kernel
    finally:
        kernel.close()


@pytest.mark.parametrize("name", CELLS)
def test_same(kernel: Kernel, name: str) -> None:
    plain = kernel.run("# plain\n" + CELLS[name])
    traced = kernel.run("%%tape\n" + CELLS[name])
    assert facts(traced) == facts(plain)
    assert len(traced.reports) == (name not in NO_REPORT)
    assert "could not" not in str(traced.reports)


def test_interrupt(kernel: Kernel) -> None:
    outcome = kernel.interrupt("%%tape\nn = 0\nprint('go', flush=True)\nwhile True:\n    n += 1")
    assert outcome.error is not None
    assert outcome.error["ename"] == "KeyboardInterrupt"
    assert len(outcome.reports) == 1
    assert len(kernel.done("%%tape\n1").reports) == 1


@pytest.mark.parametrize("above", ["%%time\n", "%%capture --no-display\n"])
def test_below_another_magic(kernel: Kernel, above: str) -> None:
    outcome = kernel.done(above + "%%tape\nx = [len(str(i)) for i in range(3)]\nsum(x)")
    assert outcome.text == "3"
    assert len(outcome.reports) == 1


def test_tensorflow_comes_with_the_cell_only() -> None:
    kernel = Kernel()
    try:
        kernel.done("%load_ext tapemagic\nimport sys")
        kernel.done("%%tape\n1 + 1")
        assert kernel.value("'tensorflow' in sys.modules") == "False"
        kernel.done("%%tape\n" + IMPORT)
        outcome = kernel.done(
            "%%tape -o report\nx = tf.Variable(3.0)\nwith tf.GradientTape() as tape:\n"
            "    y = x * x\nfloat(tape.gradient(y, x))"
        )
        assert outcome.text == "6.0"
        calls = "[(c['line'], c['sources'][0]['status']) for c in report.to_dict()['calls']]"
        assert kernel.value(calls) == "[(5, 'connected')]"
    finally:
        kernel.close()


def test_a_traceback_shown_before_costs_nothing() -> None:
    # To show a traceback through a library, IPython hangs a link to that library's whole tree on
    # ast.Load(), which all trees of the process share. Who then copies a tree by copy.deepcopy
    # copies the library once per name.
    kernel = Kernel()

    def calls() -> int:
        """How many functions a traced cell calls, which no busy machine changes."""
        kernel.done(
            "import sys\ncalls = 0\ndef seen(*_call):\n    global calls\n    calls += 1\n"
            "sys.setprofile(seen)"
        )
        kernel.done("%%tape\nsum(f(1) for f in (f0, f1))")
        kernel.done("sys.setprofile(None)")
        return int(kernel.value("calls"))

    try:
        kernel.done("%load_ext tapemagic")
        kernel.done("\n".join(f"def f{i}(a):\n    return a + {i}" for i in range(20)))
        before = min(calls(), calls())  # the first one also imports
        assert kernel.run("import inspect\ninspect.getsource(5)").status == "error"
        linked = "import ast; hasattr(ast.parse('x').body[0].value.ctx, 'parent')"
        assert kernel.value(linked) == "True"
        assert min(calls(), calls()) < 2 * before
    finally:
        kernel.close()
