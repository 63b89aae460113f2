"""A real cell full of hostile text, in Chromium: as a page, as SVG, and as Markdown with Mermaid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from nbformat import v4

from tapemagic.api import run_cell
from tapemagic.report.model import Report
from tapemagic.views.markdown.report import markdown
from tapemagic.wording import escape
from tests.hostile import NAMES, cell
from tests.page.browse import Visit
from tests.page.serve import KERNEL, Server

pytestmark = pytest.mark.browser
Open = Callable[..., Visit]
_kept: dict[str, Report] = {}
# Elements and attributes that a browser would act on.
ACTIVE = """(root) => [...document.querySelectorAll(root + ' *')].filter((e) =>
    [...e.attributes].some((a) => a.name.startsWith('on') || /^\\s*javascript:/i.test(a.value))
    || ['IFRAME', 'OBJECT', 'EMBED', 'LINK', 'BASE', 'FORM'].includes(e.tagName.toUpperCase()))
    .map((e) => e.outerHTML.slice(0, 200))"""


def report(name: str) -> Report:
    """The report of the cell with this text."""
    if name not in _kept:
        made = run_cell(cell(NAMES[name]), {"__name__": "__main__"})
        assert made.error is not None
        assert made.error.type == "ValueError", made.error
        assert [n for n in made.notes if "tapemagic" in n] == []
        causes = [s.why.cause for s in made.calls[0].sources if s.why is not None]
        assert sorted(causes) == ["custom-gradient", "no-gradient-op", "non-float-dtype"]
        _kept[name] = made
    return _kept[name]


def shown(name: str) -> str:
    """A part of the text that every form shows somewhere, as one line."""
    return escape.one_line(NAMES[name])[:20]


@pytest.mark.parametrize("name", NAMES)
def test_page(saved: Open, name: str) -> None:
    page = saved(report(name)).page
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    for box in page.locator(".tm-live .tm-n").all():
        box.focus()  # shows its facts
    page.get_by_label("Search the diagram").fill(shown(name))
    assert page.evaluate(ACTIVE, ".tapemagic") == []
    assert page.locator("script").count() == 2  # the facts, and the script itself
    assert shown(name) in " ".join(page.locator("body").inner_text().split())


@pytest.mark.parametrize("name", NAMES)
def test_svg(visit: Open, tmp_path: Path, name: str) -> None:
    place = report(name).save(tmp_path / "report.svg")
    page = visit(place.as_uri()).page
    assert page.evaluate("document.querySelector('parsererror')") is None
    assert page.evaluate("document.documentElement.tagName") == "svg"
    assert page.evaluate(ACTIVE, "svg") == []
    assert page.locator("script").count() == 0
    texts = page.evaluate("[...document.querySelectorAll('text')].map((t) => t.textContent)")
    assert len(texts) > 10


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """JupyterLab, which draws Mermaid, with all reports as Markdown in one cell."""
    server = Server(tmp_path)
    try:
        parts = [markdown(report(name)) for name in NAMES]
        cells = [v4.new_markdown_cell("\n\n".join([*parts, "the end"]))]
        book = v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
        server.put("hostile.ipynb", book, trusted=True)
        server.wait()
        yield server
    finally:
        server.stop()


@pytest.mark.slow
def test_markdown_and_mermaid(visit: Open, server: Server) -> None:
    visited = visit(
        server.address("lab/tree/hostile.ipynb"), viewport={"width": 1200, "height": 1400}
    )
    page = visited.page
    images = page.locator(".jp-RenderedMermaid img")
    images.nth(len(NAMES) - 1).wait_for(timeout=60_000)
    visited.keep("markdown-hostile")
    assert images.count() == len(NAMES)
    assert page.locator(".jp-RenderedMermaid.jp-mod-warning").count() == 0
    for address in images.evaluate_all("(all) => all.map((image) => image.src)"):
        drawn = unquote(address)
        assert "hidden = AddV2" in drawn
        assert "Syntax error" not in drawn
    assert page.evaluate(ACTIVE, ".jp-RenderedMarkdown") == []
    assert page.locator(".jp-RenderedMarkdown script").count() == 0
    text = " ".join(page.locator(".jp-RenderedMarkdown").first.inner_text().split())
    assert text.endswith("the end")  # no text opened something that swallowed the rest
    assert [name for name in NAMES if shown(name) not in text] == []
    visited.complaints[:] = [said for said in visited.complaints if "dialog" in said]
