"""Places of a cell's text, as they are shown."""

from __future__ import annotations

import ast

import pytest

from tapemagic.cell.text import CellText, span


@pytest.mark.parametrize(
    "heading",
    [
        "for a, b in zip(xs, ys)",
        "while not done(a)",
        "if a > 1 and b",
        "with open(a) as f, g(b) as h",
        "with g(a)",
    ],
)
def test_a_statement_with_a_body_is_shown_by_its_heading(heading: str) -> None:
    text = CellText(f"{heading}:\n    x = 1\n    y = 2\n", "<cell>")
    assert text.tree is not None
    site = text.site(span(text.tree.body[0]))
    assert site.expr is not None
    assert text.segment(site.expr) == heading


def test_an_expression_over_several_lines_is_shown_whole() -> None:
    text = CellText("y = f(a,\n      b)\n", "<cell>")
    assert text.tree is not None
    assign = text.tree.body[0]
    assert isinstance(assign, ast.Assign)
    site = text.site(span(assign.value))
    assert site.expr is not None
    assert (site.line, text.segment(site.expr)) == (1, "f(a, b)")
