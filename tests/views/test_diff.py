import html as standard
import re

import pytest

from tapemagic.report.model import Report
from tapemagic.views.diff.difference import diff
from tapemagic.views.diff.graph import graph_changes
from tapemagic.views.diff.page import html
from tests import reports
from tests.hostile import NAMES


def mended() -> Report:
    """The detour's cell after its fix: x gets a gradient, two lines further up."""
    report = reports.detour()
    source = report.calls[0].sources[0]
    source.status, source.why, source.gradient = "connected", None, reports.scalar(1.5)
    report.source = report.source.replace("np.mean", "tf.reduce_mean")
    return report


def test_a_report_does_not_differ_from_itself() -> None:
    found = diff(reports.detour(), reports.detour())
    assert set(found.counts) == {"same"}
    assert found.code == []
    assert found.summary == "2 sources compared · 2 same · needs attention: 1 before, 1 after"


def test_what_a_fix_changed() -> None:
    found = diff(reports.detour(), mended())
    assert [pair.change for pair in found.calls[0].pairs] == ["better", "same"]
    text = str(found)
    assert "✗ None (left TensorFlow, line 9)" in text
    assert "▲  x" in text
    assert "✓ connected 1.5" in text
    assert "+     m = tf.reduce_mean(x2)" in text
    assert max(map(len, text.splitlines())) <= 80
    assert diff(mended(), reports.detour()).counts == {"worse": 1, "same": 1}


def test_lines_that_moved_are_no_change_but_numbers_are() -> None:
    after = reports.detour()
    after.calls[0].sources[0].why.at = None  # type: ignore[union-attr]
    assert diff(reports.detour(), after).counts == {"same": 2}
    after.calls[0].sources[1].gradient = reports.scalar(5.0)
    assert diff(reports.detour(), after).counts == {"same": 1, "changed": 1}


def test_sources_and_calls_that_only_one_report_has() -> None:
    after = reports.detour()
    del after.calls[0].sources[1]
    assert diff(reports.detour(), after).counts == {"same": 1, "gone": 1}
    assert diff(after, reports.detour()).counts == {"same": 1, "new": 1}
    after.calls.clear()
    found = diff(after, reports.detour())
    assert found.counts == {"new": 2}
    assert "not asked" in str(found)
    assert diff(Report(), Report()).calls == []


def test_a_name_that_is_asked_twice() -> None:
    before, after = reports.detour(), reports.detour()
    for report in (before, after):
        report.calls[0].sources[1].name = "x"
    assert diff(before, after).counts == {"same": 2}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_names_stay_text(name: str) -> None:
    text = html(diff(reports.hostile(name), reports.detour()))
    assert text.count("<script") == text.count('tm-known">') + 1  # ours, and no more
    assert "<script>alert" not in text
    assert "\x1b" not in text


def test_html_says_what_the_text_says() -> None:
    found = diff(reports.detour(), mended())
    said = standard.unescape(re.sub(r"<[^>]+>", " ", html(found)))
    assert "▲ better" in said
    assert set(found._repr_mimebundle_()) == {"text/html", "text/plain"}


def test_what_changed_in_the_graph() -> None:
    before, after = reports.detour(), reports.detour()
    assert graph_changes(before, after) == []
    assert after.trace is not None
    after.trace.ops[-1].type = "Mean"
    told = graph_changes(before, after)
    assert "New in the graph: loss = Mean." in told
    assert "No longer in it: loss = AddV2." in told
    shown = str(before.diff(after))
    assert all(sentence in shown for sentence in told)
    page = before.diff(after)._repr_mimebundle_()["text/html"]
    assert page.count("tm-known") >= 2
    assert page.index("Before") < page.index("After")
