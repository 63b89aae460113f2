"""Names that a text reads where nothing has bound them yet."""

from __future__ import annotations

import ast

import pytest

from tapemagic.cell.bound import unbound
from tapemagic.cell.text import CellText
from tapemagic.diagnosis.edits import Edits

WHOLE = (
    "a = 1\nprint(a)",
    "for i in range(3):\n    k = i\nprint(i, k)",
    "def f(x, *, y=2, **more):\n    return x + late + y + len(more)\nlate = 1",
    "fs = [lambda x: n(x) for n in [abs]]",
    "class A:\n    c = 1\n    d = c\n    def m(self):\n        return A",
    "try:\n    pass\nexcept ValueError as e:\n    print(e)",
    "with open('f') as h, open('g') as k:\n    print(h, k)",
    "if (n := 3) > 2:\n    print(n)",
    "def count():\n    global total\n    total = 1\nprint(total)",
    "match 1:\n    case [a, *rest]:\n        print(a, rest)",
    "import a.b.c\nfrom os import path as p\nprint(a, p)",
    "x: int = 3\nx += 1",
    "from math import *\nprint(sqrt)",
)


@pytest.mark.parametrize("source", WHOLE)
def test_whole(source: str) -> None:
    assert unbound(ast.parse(source)) == set()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("print(b)\nb = 1", {("<module>", "b")}),
        ("a = a + 1", {("<module>", "a")}),
        ("n += 1", {("<module>", "n")}),
        ("for x in x:\n    pass", {("<module>", "x")}),
        ("[net for net in nets]\nprint(net)", {("", "nets"), ("", "net")}),
        ("def f():\n    y = w\n    w = 1", {("f", "w")}),
        ("f = lambda x: x + z", {("", "z")}),
        ("class A:\n    c = 1\nprint(c)", {("", "c")}),
    ],
)
def test_missing(source: str, found: set[tuple[str, str]]) -> None:
    assert unbound(ast.parse(source)) == found


def test_a_change_that_loses_a_name_is_none() -> None:
    text = CellText("y = [f(x) for x in xs]\nprint(y)\n", "<cell>")
    assert Edits(text).replace((2, 6, 2, 7), "x").source() is None
    assert Edits(text).replace((2, 6, 2, 7), "xs").source() == "y = [f(x) for x in xs]\nprint(xs)\n"
