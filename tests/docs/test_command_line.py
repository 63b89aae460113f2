"""``python -m tapemagic``, as a person types it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tapemagic.diagnosis.causes import CAUSES
from tests.docs.tools import ROOT

PATH = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])


def tapemagic(*words: str, cwd: Path = ROOT, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "tapemagic", *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": PATH, "PYTHONIOENCODING": "utf-8", **extra},
        capture_output=True,
        encoding="utf-8",
        timeout=180,
        check=False,
    )


@pytest.fixture
def without_tensorflow(tmp_path: Path) -> str:
    """Give a PYTHONPATH on which importing TensorFlow is noticed, and finding it fails."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Gone:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'tensorflow':\n"
        "            raise ModuleNotFoundError('TensorFlow is gone', name=name)\n"
        "sys.meta_path.insert(0, Gone())\n"
    )
    return os.pathsep.join([str(tmp_path), PATH])


@pytest.mark.slow
def test_demo(tmp_path: Path) -> None:
    done = tapemagic("demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "gradient: None" in done.stdout
    assert "left TensorFlow in `np.mean(content)` on line 9" in done.stdout
    assert "+     average = tf.reduce_mean(content)" in done.stdout
    assert "likely" not in done.stdout
    page = tmp_path / "tapemagic-demo.html"
    assert str(page.resolve()) in done.stdout
    content = page.read_text("utf-8")
    assert content.startswith("<!DOCTYPE html>")
    assert "np.mean(content)" in content
    assert "\x1b" not in done.stdout


@pytest.mark.slow
def test_demo_writes_where_it_is_told_or_says_why_not(tmp_path: Path) -> None:
    done = tapemagic("demo", "--page", str(tmp_path / "missing" / "page.html"))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "does not exist" in done.stderr


def test_demo_without_tensorflow_is_one_line(without_tensorflow: str, tmp_path: Path) -> None:
    done = tapemagic("demo", cwd=tmp_path, PYTHONPATH=without_tensorflow)
    assert done.returncode == 1
    assert done.stderr == ("TensorFlow is not installed; install it with: pip install tensorflow\n")


def test_causes_names_them_all_without_tensorflow(without_tensorflow: str) -> None:
    done = tapemagic("causes", PYTHONPATH=without_tensorflow)
    assert done.returncode == 0, done.stderr
    for cause in CAUSES:
        assert f"  {cause.slug} " in done.stdout


@pytest.mark.parametrize("word", ["left-tensorflow", "Left_TensorFlow", "`left-tensorflow`"])
def test_explain(word: str, without_tensorflow: str) -> None:
    done = tapemagic("explain", word, PYTHONPATH=without_tensorflow)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("The value went through NumPy or plain Python\n")
    assert "    y = np.mean(x * x)\n" in done.stdout


def test_explain_without_a_cause_lists_them() -> None:
    assert tapemagic("explain").stdout == tapemagic("causes").stdout


def test_explain_an_unknown_cause_names_the_known() -> None:
    done = tapemagic("explain", "left-tensorflo")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "Did you mean left-tensorflow?" in done.stderr
    for cause in CAUSES:
        assert cause.slug in done.stderr


@pytest.mark.parametrize("words", [[], ["nonsense"], ["causes", "more"]])
def test_wrong_use_is_one_line(words: list[str]) -> None:
    done = tapemagic(*words)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--help" in done.stderr


def test_a_terminal_that_knows_few_letters() -> None:
    done = tapemagic("explain", "nan-gradient", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
