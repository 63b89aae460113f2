"""The parts of the magic that only look at text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.error import UsageError

from tapemagic.magics.expressions import bound_names, free_names, split_expressions, unquote
from tapemagic.magics.header import comment_out, find_header
from tapemagic.magics.names import check_names
from tapemagic.options import RunOptions


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("%%tape\n1", (0, "", "")),
        ("%%tape -t y\n1", (0, "", "-t y")),
        ("\n \n  %%tape\t-q \n1", (2, "  ", "-q")),
        ("%%tape?", None),
        ("%%tapes\n1", None),
        ("%tape last", None),
        ("x\n%%tape", None),
        ("# %%tape", None),
        ("", None),
    ],
)
def test_find_header(cell: str, found: tuple[int, str, str] | None) -> None:
    header = find_header(cell.splitlines(keepends=True))
    assert (header and (header.row, header.indent, header.line)) == found


@given(st.lists(st.sampled_from(["\n", "  \n"])), st.lists(st.text("ab \n")))
def test_the_number_of_lines_stays(above: list[str], below: list[str]) -> None:
    cell = "".join(above) + "%%tape -q\n" + "\n".join(below)
    lines = cell.splitlines(keepends=True)
    header = find_header(lines)
    assert header is not None
    changed = comment_out(lines, header)
    assert len(changed) == len(lines)
    assert changed[0] == "# %%tape -q\n"
    assert changed[header.row + 1 :] == lines[header.row + 1 :]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", ("a",)),
        ("a, b", ("a", "b")),
        ("f(a, b),c", ("f(a, b)", "c")),
        ("a[0, 1]", ("a[0, 1]",)),
        ("'a + b'", ("a + b",)),
        ("'a' + 'b'", ("'a' + 'b'",)),
        ("(a, b)", ("(a, b)",)),
        ("[v for v in m]", ("[v for v in m]",)),
        ("lambda: 1, b", ("lambda: 1", "b")),
    ],
)
def test_split(text: str, parts: tuple[str, ...]) -> None:
    assert split_expressions(text) == parts


@pytest.mark.parametrize(
    "text", ["", "''", "a b", "a +", "a)(b", "a), (b", "a][b", "a], [b", "x = 1", "*"]
)
def test_no_expressions(text: str) -> None:
    with pytest.raises(SyntaxError):
        split_expressions(text)


def test_unquote() -> None:
    assert unquote("'x y'") == "x y"
    assert unquote("d['k']") == "d['k']"
    assert unquote('"') == '"'


def test_names() -> None:
    assert free_names("[f(v, w) for v in m]") == {"f", "w", "m"}
    assert free_names("(lambda a: a + b)(c)") == {"b", "c"}
    assert bound_names(
        "import a.b, c as d\nfrom e import f\ndef g(): pass\nclass H: pass\n"
        "for i in (): pass\nwith j as k: pass\ntry: pass\nexcept Exception as x: pass\n"
        "match y:\n    case [m, *n] | {'q': o, **p}: pass\n(r := 1)\ns, (t, *u) = v"
    ) == set("adfgHikxmnoprstu")
    for unseen in ("from m import *", "exec('x = 1')", "get_ipython()", "x ="):
        assert bound_names(unseen) is None


def test_check_names() -> None:
    check_names(RunOptions(target="y", sources=("len",), watch=("z",)), "y = 1", {"z": 2})
    with pytest.raises(UsageError, match=r"no 'w' for --watch; there are y, weight\."):
        check_names(RunOptions(watch=("w",)), "y = 1", {"weight": 2, "_hidden": 3, "In": []})
    with pytest.raises(UsageError, match="nor any other name"):
        check_names(RunOptions(watch=("w",)), "pass", {})
