"""``tapemagic.trace()`` in the workers of pytest-xdist: each is a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = """
import os
import pytest
import tensorflow as tf
import tapemagic

@pytest.mark.parametrize("number", range(8))
def test_traced(number):
    assert os.environ["PYTEST_XDIST_WORKER"] in ("gw0", "gw1")
    w, u = tf.Variable(float(number)), tf.Variable(1.0)
    with tapemagic.trace() as traced:
        with tf.GradientTape() as tape:
            y = w * w
        grads = tape.gradient(y, [w, u])
    report = traced.report
    assert report.mismatches == 0
    assert [s.name for s in report.calls[0].sources] == ["w", "u"]
    assert [s.status for s in report.calls[0].sources] == ["connected" if number else "zero", "none"]
    assert [n for n in report.notes if "tapemagic" in n] == []
    assert (float(grads[0]), grads[1]) == (2.0 * number, None)

def test_fails_as_without():
    with tapemagic.trace():
        assert 1 == 2
"""


def test_two_workers(tmp_path: Path) -> None:
    (tmp_path / "test_traced.py").write_text(TESTS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        "2",
        "-q",
        "-p",
        "no:cacheprovider",
        str(tmp_path),
    ]
    root = str(Path(__file__).parents[2])
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, cwd=tmp_path,
        env={**inherited, "PYTHONPATH": path},
    )  # fmt: skip
    assert "1 failed, 8 passed" in done.stdout, done.stdout[-3000:] + done.stderr[-2000:]
    assert "assert 1 == 2" in done.stdout
    assert "tapemagic/tracing.py" not in done.stdout
