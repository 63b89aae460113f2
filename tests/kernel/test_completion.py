"""What Tab gives on the lines of ``%%tape`` and ``%tape``."""

from __future__ import annotations

import pytest

from tapemagic.magics.line import COMMANDS
from tests.kernel.driver import Kernel

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize(
    ("typed", "given"),
    [
        ("%%tape --le", ["--level"]),
        ("%%tape --level ", ["auto", "op", "line", "layer"]),
        ("%%tape --level l", ["line", "layer"]),
        ("%%tape -q --no-t", ["--no-table", "--no-try-fixes"]),
        ("\n%%tape --wat", ["--watch"]),
        ("%tape ", list(COMMANDS)),
        ("%tape la", ["last"]),
    ],
)
def test_exactly(kernel: Kernel, typed: str, given: list[str]) -> None:
    assert kernel.complete(typed) == given


def test_every_option(kernel: Kernel) -> None:
    given = kernel.complete("%%tape -q --")
    assert {"--target", "--sources", "--watch", "--no-graph", "--save", "--output"} <= set(given)
    assert all(text.startswith("--") for text in given)


def test_names_of_the_cell_and_the_notebook(kernel: Kernel) -> None:
    kernel.done("weights_before = 1")
    head = "%%tape -s bias,weights_"
    given = kernel.complete(f"{head}\nweights_here = 2", len(head))
    assert given == ["weights_here", "weights_before"]


def test_code_below_completes_as_usual(kernel: Kernel) -> None:
    kernel.done("import math")
    assert "floor" in kernel.complete("%%tape\nmath.flo")


def test_other_lines_are_left_alone(kernel: Kernel) -> None:
    assert "--level" not in kernel.complete("%%time -")
    assert "%%tape" in kernel.complete("%%tap")
