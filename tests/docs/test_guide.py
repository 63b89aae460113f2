"""What the causes say of themselves."""

from __future__ import annotations

import ast

import pytest

from tapemagic.diagnosis import guide
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.causes import CAUSES

ALL = pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.slug)


def test_each_cause_is_in_one_group() -> None:
    placed = [slug for _, slugs in guide.GROUPS for slug in slugs]
    assert sorted(placed) == sorted(cause.slug for cause in CAUSES)


def test_a_cause_of_no_group_is_shown_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guide, "GROUPS", guide.GROUPS[:1])
    shown = [cause for _, causes in guide.groups() for cause in causes]
    assert sorted(c.slug for c in shown) == sorted(c.slug for c in CAUSES)
    assert [title for title, _ in guide.groups()][-1] == guide.OTHERS


@ALL
def test_plain(cause: Cause) -> None:
    text = guide.plain(cause, 72)
    assert text.startswith(f"{cause.title}\n{cause.slug}\n")
    prose = text.partition("For example:")[0]
    assert max(map(len, prose.split("\n"))) <= 72
    for line in (cause.example + cause.mended).split("\n"):
        assert line.strip() in text


@ALL
def test_markdown(cause: Cause) -> None:
    text = guide.markdown(cause, 3)
    assert text.startswith(f'<a id="{cause.slug}"></a>\n### {cause.title}\n')
    assert text.count("```") == 4
    assert cause.text.strip() in text


@ALL
def test_examples_stand_alone(cause: Cause) -> None:
    for source in (cause.example, cause.mended):
        ast.parse(source)
        assert "import tensorflow as tf\n" in source
        assert not guide.cell(source).startswith(("import", "\n"))
    assert cause.example != cause.mended
    assert cause.text.strip()
    assert "\n" not in cause.title


def test_unknown() -> None:
    with pytest.raises(guide.UnknownCause, match="no cause 'nothing like it'") as caught:
        guide.find("nothing like it")
    assert "Did you mean" not in str(caught.value)
