import html as standard

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapemagic.wording import escape
from tests.hostile import NAMES


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_no_form_keeps_control_characters(name: str) -> None:
    for form in (escape.html, escape.one_line, escape.markdown, escape.mermaid, escape.dot):
        assert "\x1b" not in form(name)
        assert "\x00" not in form(name)
        assert "\u202e" not in form(name)


@given(st.text())
def test_html_has_no_markup_and_comes_back(text: str) -> None:
    escaped = escape.html(text)
    assert not set("<>\"'") & set(escaped)
    assert standard.unescape(escaped) == escape.printable(text)


@given(st.text())
def test_one_line_is_one_line_and_short(text: str) -> None:
    flat = escape.one_line(text, 20)
    assert len(flat) <= 20
    assert len(flat.splitlines()) <= 1


@given(st.text())
def test_dot_text_has_no_lone_backslash_and_no_entity(text: str) -> None:
    escaped = escape.dot(text).replace("\\\\", "").replace("\\n", "")
    assert "\\" not in escaped
    assert "&" not in escaped.replace("&amp;", "")


@given(st.text())
def test_ids_are_safe(text: str) -> None:
    name = escape.element_id(text)
    assert name[0].isalpha()
    assert name.replace("-", "").replace("_", "").isalnum()
    assert name.isascii()


@given(st.text(alphabet="`|ab \n"))
def test_code_spans_are_closed_by_their_own_fence_only(text: str) -> None:
    span = escape.markdown_code(text)
    fence = span[: len(span) - len(span.lstrip("`"))]
    assert span.endswith(fence)
    assert fence not in span[len(fence) : -len(fence)].replace(fence + "`", "")


def test_prose_keeps_code_between_backquotes() -> None:
    assert escape.html_prose("`a<b` is *not* a") == "<code>a&lt;b</code> is *not* a"
    assert escape.markdown_prose("`a_b` is *not* a") == "`a_b` is \\*not\\* a"
    assert escape.html_prose("one ` only <") == "one ` only &lt;"
