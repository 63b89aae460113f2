"""The saved page: light and dark, narrow, without scripts, with hostile names, for all readers."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

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
