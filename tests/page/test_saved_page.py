"""The saved page: light and dark, narrow, without scripts, with hostile names, for all readers."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tapemagic.views.page.report import html
from tests import reports
from tests.hostile import NAMES
from tests.page.browse import Visit

pytestmark = pytest.mark.browser
Open = Callable[..., Visit]
ALL = {**reports.ALL, "training": lambda: reports.training_step(40)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ALL)
def test_axe_finds_nothing_serious(saved: Open, name: str, scheme: str) -> None:
    visited = saved(ALL[name](), color_scheme=scheme)
    visited.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    visited.keep(f"saved-{name}-{scheme}")
    found: dict[str, Any] = Axe().run(visited.page).response
    bad = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [n["html"][:160] for n in v["nodes"]][:3]) for v in bad] == []


def test_without_scripts_the_picture_stays(saved: Open) -> None:
    visited = saved(reports.detour(), java_script_enabled=False)
    image = visited.page.locator("img.tm-image")
    assert image.is_visible()
    size = image.bounding_box()
    assert size is not None
    assert size["width"] > 600
    assert visited.page.locator(".tm-tools").count() == 0
    shown = visited.page.locator("body").inner_text()
    assert "tm-" not in shown
    assert '"nodes"' not in shown
    visited.keep("saved-no-scripts")


def test_a_narrow_or_magnified_page_scrolls_down_only(saved: Open) -> None:
    for viewport in ({"width": 500, "height": 450}, {"width": 320, "height": 600}):
        page = saved(reports.detour(), viewport=viewport).page
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= viewport["width"]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_names_stay_text(saved: Open, name: str) -> None:
    page = saved(reports.hostile(name)).page
    assert page.locator("svg.tm-live").count() == 1
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    for box in page.locator(".tm-live .tm-n").all():
        box.focus()  # shows its facts
    for number in range(3):
        page.get_by_label("Step of the computation").fill(str(number))
    page.get_by_label("Search the diagram").fill("x")
    made = page.evaluate(
        "[...document.querySelectorAll('.tapemagic *')].filter((e) => [...e.attributes]"
        ".some((a) => a.name.startsWith('on')) || ['IFRAME', 'OBJECT', 'LINK'].includes(e.tagName)).length"
    )
    assert made == 0
    assert page.locator("script").count() == 2  # the facts, and the script itself


def test_a_picture_that_cannot_be_read_stays_a_picture(saved: Open) -> None:
    report = reports.detour()
    visited = saved(report)
    # As a front end would that rewrites addresses: the script finds no picture to take apart.
    code = visited.page.content().replace(
        "data:image/svg+xml;base64,", "data:image/svg+xml;base64,AAAA"
    )
    visited.page.set_content(code.replace('data-live="yes"', ""))
    assert visited.page.locator("img.tm-image").is_visible()
    assert visited.complaints
    visited.complaints.clear()


def test_large_reports_are_drawn_at_once(saved: Open) -> None:
    page = saved(reports.training_step(200)).page
    spent = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    assert spent < 2000
    assert page.locator(".tm-live .tm-n").count() <= 150


def test_as_vs_code_shows_it(visit: Open) -> None:
    """The output is put in as text; its scripts are made anew, elsewhere on the page."""
    page = visit("about:blank").page
    page.evaluate(
        """(text) => {
          document.body.className = "vscode-dark";
          const box = document.createElement("div");
          document.body.append(box);
          box.innerHTML = text;
          for (const old of box.querySelectorAll("script")) {
            const made = document.createElement("script");
            if (old.type) made.type = old.type;
            made.text = old.text;
            document.body.append(made);
            made.remove();
          }
        }""",
        html(reports.detour()),
    )
    assert page.locator("svg.tm-live").count() == 1
    page.locator('.tm-n[aria-label^="w,"]').click()
    assert page.locator(".tm-on").count() > 2


def test_as_colab_shows_it(visit: Open) -> None:
    """Each output lives in a frame of its own, which may run scripts and little else."""
    page = visit("about:blank").page
    page.evaluate(
        """(text) => {
          const frame = document.createElement("iframe");
          frame.setAttribute("sandbox", "allow-scripts");
          frame.style = "width: 900px; height: 900px";
          frame.srcdoc = `<html theme="dark"><body>${text}</body></html>`;
          document.body.append(frame);
        }""",
        html(reports.detour()),
    )
    frame = page.frame_locator("iframe")
    frame.locator("svg.tm-live").wait_for()
    frame.locator('.tm-n[aria-label^="w,"]').click()
    assert frame.locator(".tm-n.tm-on").count() == 3
    frame.get_by_text("Copy the mended cell").click()
    frame.locator(".tm-copy .tm-status", has_text=".").wait_for()


def test_two_outputs_and_a_script_that_runs_twice(visit: Open) -> None:
    page = visit("about:blank").page
    one, two = html(reports.detour()), html(reports.square())
    page.set_content(f"<body>{one}{two}{two}</body>")
    assert page.locator("svg.tm-live").count() == 3
    assert page.locator(".tm-tools").count() == 3
    page.evaluate(
        "const s = document.createElement('script');"
        "s.text = document.querySelector('.tapemagic script:not([type])').text; document.body.append(s)"
    )
    assert page.locator(".tm-tools").count() == 3
