"""Places that take things away from the page."""

import html as standard
import re

import pytest

from tapemagic.diagram.build import build
from tapemagic.diagram.dot import palette
from tapemagic.views.page.diagram import diagram
from tapemagic.views.page.report import HIDDEN, html
from tapemagic.views.text.report import text
from tests import reports


@pytest.mark.parametrize("name", reports.ALL)
def test_a_sanitized_page_shows_the_text(name: str) -> None:
    strings = pytest.importorskip("nbconvert.filters.strings")
    report = reports.ALL[name]()
    clean = strings.clean_html(html(report))
    opening, rest = clean.split(f'<div class="tm-rich {HIDDEN}">', 1)
    assert "tapemagic" in opening
    depth, end = 1, 0
    for found in re.finditer(r"<(/?)div\b", rest):
        depth += -1 if found.group(1) else 1
        if not depth:
            end = found.start()
            break
    shown = re.sub(r"<[^>]+>", "", rest[end:])
    assert standard.unescape(shown).strip() == text(report).strip()


def test_the_class_that_hides_is_in_the_pages_of_nbconvert() -> None:
    exporters = pytest.importorskip("nbconvert.exporters")
    nbformat = pytest.importorskip("nbformat")
    page, _ = exporters.HTMLExporter().from_notebook_node(nbformat.v4.new_notebook())
    assert re.search(rf"\.{HIDDEN} {{\s*display: none;\s*}}", page)


def test_latex_takes_the_text_and_needs_no_inkscape(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporters = pytest.importorskip("nbconvert.exporters")
    nbformat = pytest.importorskip("nbformat")
    monkeypatch.setenv("PATH", str(tmp_path))
    data = reports.detour()._repr_mimebundle_()
    output = nbformat.v4.new_output("display_data", data=data)
    cell = nbformat.v4.new_code_cell("1", outputs=[output])
    # pandoc is only asked about Markdown cells, of which there is none.
    body, resources = exporters.LatexExporter().from_notebook_node(
        nbformat.v4.new_notebook(cells=[cell])
    )
    assert "left TensorFlow" in body
    assert not resources["outputs"]


@pytest.mark.parametrize("name", reports.ALL)
def test_the_legend_explains_what_is_drawn(name: str) -> None:
    report = reports.ALL[name]()
    drawn = build(report)
    legend = diagram(report).partition('class="tm-legend"')[2]
    told = {
        "source": palette.BLUE,
        "target": palette.GREEN,
        "python": palette.AMBER,
        "cut": palette.RED,
    }
    words = {
        "source": "source",
        "target": "target",
        "python": "outside TensorFlow",
        "cut": "the gradient ends",
        "strong": "a gradient flows",
        "flow": "reaches no source",
        "constant": "constant",
        "variable": "variable",
        "group": "several ops",
    }
    seen = {node.role for node in drawn.nodes} | {edge.state for edge in drawn.edges}
    for kind, said in words.items():
        assert (f"</span> {said}" in legend) == (kind in seen)
        if kind in told:
            assert (told[kind] in legend) >= (kind in seen)
    states = {node.state for node in drawn.nodes}
    assert ("</span> on the way that was cut" in legend) == ("story" in states)
    assert ("</span> here the gradient ends" in legend) == ("cut" in states)


@pytest.mark.parametrize("name", reports.ALL)
def test_without_scripts_and_styles_only_words_are_left(name: str) -> None:
    """GitHub and others drop both elements with what is in them, and all classes."""
    text = re.sub(r"<(script|style)\b.*?</\1>", "", html(reports.ALL[name]()), flags=re.DOTALL)
    shown = standard.unescape(re.sub(r"<[^>]+>", " ", text))
    for part in ("tm-", '"nodes"', "function (", "--tm"):
        assert part not in shown
    assert "needs attention" in shown or "need attention" in shown
