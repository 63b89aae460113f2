import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from tapemagic.options import DisplayOptions
from tapemagic.report.model import Report
from tapemagic.views.bundle import mimebundle
from tapemagic.views.page.report import html, page
from tapemagic.views.pictures import draw
from tapemagic.views.pictures.svg import finish
from tests import reports
from tests.hostile import NAMES

VOID = {"img", "meta", "br"}


class Checker(HTMLParser):
    """Elements must be closed in order; every attribute must be one that we write."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parse(text: str) -> Checker:
    checker = Checker()
    checker.feed(text)
    checker.close()
    assert checker.open == []
    return checker


ATTRIBUTES = {
    "class", "style", "id", "title", "tabindex", "scope", "role", "aria-level", "src", "alt",
    "width", "height", "lang", "charset", "aria-hidden", "name", "content", "type", "data-line", "data-fix",
}  # fmt: skip


@pytest.mark.parametrize("name", reports.ALL)
def test_page_is_well_formed_and_asks_for_nothing(name: str) -> None:
    checker = parse(page(reports.ALL[name](), title="A cell"))
    for tag, attributes in checker.seen:
        assert tag not in ("link", "iframe", "svg", "h4")
        assert tag != "script" or set(attributes) <= {"type", "class"}
        assert set(attributes) <= ATTRIBUTES
        assert (attributes.get("src") or "data:image/svg+xml;base64,").startswith("data:image/svg")
    style = re.search(r"<style>(.*?)</style>", page(reports.ALL[name]()))
    assert style is not None
    assert "url(" not in style.group(1)
    assert "@import" not in style.group(1)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_names_stay_text(name: str) -> None:
    report = reports.hostile(name)
    checker = parse(html(report))
    assert {tag for tag, _ in checker.seen} <= {
        "div", "style", "p", "span", "b", "i", "u", "code", "pre", "del", "ins", "table", "thead",
        "tbody", "tr", "th", "td", "details", "summary", "img", "script",
    }  # fmt: skip
    assert all(set(attributes) <= ATTRIBUTES for _, attributes in checker.seen)
    for svg in pictures(html(report)):
        root = ElementTree.fromstring(svg)
        assert not [e for e in root.iter() if e.tag.endswith("script")]
        assert all("onload" not in e.attrib for e in root.iter())


def pictures(text: str) -> list[bytes]:
    found = re.findall(r'src="data:image/svg\+xml;base64,([^"]*)"', text)
    return [base64.b64decode(data) for data in found]


def test_the_picture_names_and_describes_itself() -> None:
    (svg,) = pictures(html(reports.detour()))
    root = ElementTree.fromstring(svg)
    space = "{http://www.w3.org/2000/svg}"
    assert root.find(f"{space}title").text == "How loss was computed from x and w"  # type: ignore[union-attr]
    assert "ends at line 9" in root.find(f"{space}desc").text  # type: ignore[union-attr, operator]
    assert 'alt="How loss' in html(reports.detour())


def test_ids_differ_between_outputs() -> None:
    report = reports.square()
    first, second = (re.search(r'id="(tm-\w+)"', html(report)) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.group(1) != second.group(1)


def test_verdicts_have_a_sign_and_a_word() -> None:
    text = re.sub(r"<[^>]+>", "", html(reports.detour()))
    assert "✗ None" in text
    assert "✓ connected" in text


def test_card_shows_the_culprit_the_path_and_the_fix() -> None:
    text = html(reports.detour())
    assert "<u>np.mean(x2)</u>" in text
    assert text.count("tm-arrow") >= 5
    assert "tf.reduce_mean(x2)</ins>" in text
    assert "np.mean(x2)</del>" in text
    assert "✓ Tried: x now gets" in text


def test_sources_that_share_a_reason_share_a_card() -> None:
    assert html(reports.outside()).count('role="group"') == 1


def test_without_an_engine_there_is_text_and_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draw, "_system", lambda *_: None)
    monkeypatch.setattr(draw, "_embedded", lambda *_: None)
    text = html(reports.detour())
    parse(text)
    assert "<img" not in text
    assert "install Graphviz" in text
    assert "digraph tape" in text
    assert "✗ np.mean(x2)" in text


def test_bundle_has_no_svg_entry() -> None:
    assert set(mimebundle(reports.detour())) == {"text/html", "text/plain"}


def test_quiet_shows_only_what_needs_attention() -> None:
    quiet = DisplayOptions(quiet=True)
    assert mimebundle(reports.square(), quiet) == {}
    assert mimebundle(reports.detour(), quiet)


def test_parts_can_be_left_out() -> None:
    text = html(reports.detour(), DisplayOptions(graph=False, table=False))
    assert "<img" not in text
    assert "<table" not in text
    assert "<u>np.mean(x2)</u>" in text


def test_empty_report() -> None:
    parse(html(Report()))


def test_large_reports_stay_small() -> None:
    assert len(html(reports.training_step(200))) < 1_500_000
    assert len(html(reports.training_step(4, 128))) < 1_500_000


def test_the_legend_says_what_the_width_of_a_line_tells() -> None:
    assert "a gradient flows, wider where it is larger</span>" in html(reports.square())
    large = html(reports.training_step(2))
    assert "of middle width: size not kept" in large
    report = reports.square()
    assert report.trace is not None
    report.trace.queries[0].steps = []
    report.calls[0].sources[0].gradient = None
    report.calls[0].sources[0].gradient = replace(reports.scalar(1.0), norm=None)
    assert "a gradient flows (its size was not kept: all lines are alike)" in html(report)


def test_a_picture_is_lighter_and_says_the_same() -> None:
    drawn = (
        b'<svg width="90pt" height="60pt" viewBox="0 0 90 60"><g id="graph0" class="graph">'
        b'<g id="a_graph0"><a xlink:title=" ">\n</a>\n</g>'
        b'<g id="op0" class="node tm&#45;op"><path stroke-width="1.45" d="M1.25,-2.5C3,4.125"/>'
        b'<text x="69.55" font-family="Helvetica,sans-Serif">0.8912 x=&quot;1.234&quot;</text>'
        b"</g></g></svg>"
    )
    light = finish(drawn, "t", "d")
    assert 'class="node tm-op"' in light
    assert 'd="M1.2,-2.5C3,4.1"' in light
    assert ">0.8912 x=&quot;1.234&quot;</text>" in light
    assert "sans-Serif" not in light
    assert "a_graph0" not in light
    ElementTree.fromstring(light)


def test_an_output_carries_only_the_script_that_it_needs() -> None:
    small, folded = html(reports.detour()), html(reports.training_step(40))
    assert "function scene(" in small
    assert "function openAll(" not in small
    assert "function openAll(" in folded
    assert "<script>" not in html(Report())


def test_the_head_says_for_all_what_the_sources_are() -> None:
    text = html(reports.training_step(2))
    assert ">variable float32</th>" in text
    assert ">(64, 64)</td>" in text
    assert ">variable float32 ()</td>" in html(reports.square())
