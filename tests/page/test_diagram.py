"""Each thing that a hand can do with the diagram, on a page opened from disk."""

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Locator, Page

from tapemagic.wording.numbers import TIMES
from tests import reports
from tests.page.browse import Visit

pytestmark = pytest.mark.browser
Open = Callable[..., Visit]


def box(page: Page, title: str) -> Locator:
    return page.locator(f'.tm-n[aria-label^="{title}"]').first


def classes(page: Page, cls: str) -> set[str]:
    found = page.locator(f".tm-live .tm-n.{cls}")
    return {(label or "").split(",")[0] for label in (
        one.get_attribute("aria-label") for one in found.all()
    )}  # fmt: skip


def view(page: Page) -> list[float]:
    return [float(n) for n in (page.locator("svg.tm-live").get_attribute("viewBox") or "").split()]


def step(page: Page, number: int) -> None:
    slider = page.get_by_label("Step of the computation")
    slider.fill(str(number))


def test_pan_zoom_and_fit(saved: Open) -> None:
    page = saved(reports.detour()).page
    page.locator("svg.tm-live").scroll_into_view_if_needed()
    first = view(page)
    frame = page.locator("svg.tm-live").bounding_box()
    assert frame is not None
    middle = (frame["x"] + frame["width"] / 4, frame["y"] + 8)
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 60, middle[1] + 20, steps=4)
    page.mouse.up()
    moved = view(page)
    scale = frame["width"] / first[2]
    assert moved[0] == pytest.approx(first[0] - 60 / scale, abs=0.5)
    assert moved[2:] == first[2:]
    page.get_by_label("Zoom in").click()
    assert view(page)[2] == pytest.approx(moved[2] / 1.25)
    page.mouse.wheel(0, 200)
    assert view(page)[2] == pytest.approx(moved[2] / 1.25), "the wheel alone scrolls the notebook"
    page.locator("svg.tm-live").dispatch_event(
        "wheel", {"deltaY": -300, "ctrlKey": True, "clientX": middle[0], "clientY": middle[1]}
    )
    assert view(page)[2] == pytest.approx(moved[2] / 1.25 / 2.718, rel=1e-3)
    page.get_by_label("Fit the whole diagram").click()
    x, y, w, h = view(page)
    assert x <= 0.5
    assert y <= 0.5
    assert w > 0
    assert h > 0


def test_hover_tells_the_facts_and_lights_the_line(saved: Open) -> None:
    page = saved(reports.square()).page
    page.locator(".tm-annotated summary").click()
    box(page, "y = Mul").hover()
    told = page.locator(".tm-panel").inner_text()
    for part in ("float32 ()", "4 B", "9.0", "-0.9111", "line 5", "y = x * x", "recorded"):
        assert part in told
    assert f"x: -2.733 (upstream {TIMES} 3.0)" in told
    lit = page.locator("[data-line].tm-lit")
    assert {one.get_attribute("data-line") for one in lit.all()} == {"5"}
    page.mouse.move(2, 2)
    assert page.locator(".tm-panel").is_hidden()
    assert page.locator(".tm-lit").count() == 0


def test_a_line_lights_its_ops(saved: Open) -> None:
    page = saved(reports.square()).page
    page.locator(".tm-annotated summary").click()
    page.locator('.tm-annotated [data-line="6"]').hover()
    assert classes(page, "tm-lit") == {"Sin", "z = AddV2"}


def test_click_lights_all_paths(saved: Open) -> None:
    page = saved(reports.detour()).page
    box(page, "w").click()
    assert classes(page, "tm-on") == {"w", "y = Mul", "loss = AddV2"}
    assert page.locator(".tm-e.tm-on").count() == 2
    assert "goes into 2" in page.locator(".tm-diagram > .tm-status").inner_text()
    box(page, "loss").click()
    assert classes(page, "tm-on") >= {"x", "w", "x2 = Square", "np.mean(x2)", "loss = AddV2"}
    page.keyboard.press("Escape")
    assert classes(page, "tm-on") == set()


def test_search_finds_in_titles_and_facts(saved: Open) -> None:
    page = saved(reports.detour()).page
    field = page.get_by_label("Search the diagram")
    field.fill("np.mean")
    assert classes(page, "tm-found") == {"np.mean(x2)"}
    field.fill("line 10")
    assert classes(page, "tm-found") == {"y = Mul"}
    field.fill("x2")
    page.keyboard.press("Enter")
    assert page.locator(".tm-chosen").count() == 1
    assert "1 of" in page.locator(".tm-diagram > .tm-status").inner_text()
    page.keyboard.press("Escape")
    assert field.input_value() == ""
    assert classes(page, "tm-found") == set()


def test_steps_go_forward_and_back(saved: Open) -> None:
    visited = saved(reports.square())
    page = visited.page
    assert classes(page, "tm-later") == set()
    step(page, 0)
    assert classes(page, "tm-later") == {"y = Mul", "Sin", "z = AddV2"}
    assert classes(page, "tm-nograd") >= {"x", "y = Mul", "z = AddV2"}
    page.get_by_label("Step forward").click()
    assert classes(page, "tm-now") == {"y = Mul"}
    assert "1 of 6 · forward: y = Mul" in page.locator(".tm-told").inner_text()
    step(page, 4)
    assert classes(page, "tm-later") == set()
    assert "backward: z = AddV2" in page.locator(".tm-told").inner_text()
    assert "z = AddV2" not in classes(page, "tm-nograd")
    assert "x" in classes(page, "tm-nograd")
    assert page.locator(".tm-nograd .tm-g").first.is_hidden()
    visited.keep("steps")
    slider = page.get_by_label("Step of the computation")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert slider.input_value() == "5"
    page.keyboard.press("End")
    assert classes(page, "tm-nograd") == set()


def test_groups_open_in_place_and_close(saved: Open) -> None:
    visited = saved(reports.training_step(40))
    page = visited.page
    before = page.locator(".tm-n").count()
    page.get_by_text("Open all").click()
    opened = page.locator(".tm-n").count()
    assert opened > before
    assert page.locator(".tm-frame").count() > 0
    visited.keep("groups")
    page.get_by_text("Close all").click()
    assert page.locator(".tm-n").count() == before
    group = page.locator('.tm-n[aria-expanded="false"]').first
    name = group.get_attribute("aria-label")
    group.focus()
    page.keyboard.press("e")
    assert page.locator(".tm-frame").count() == 1
    focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused == name
    page.keyboard.press("e")
    assert page.locator(".tm-frame").count() == 0


def test_open_groups_keep_out_of_the_way(saved: Open) -> None:
    page = saved(reports.training_step(40)).page
    page.locator('.tm-n[aria-expanded="false"]').first.focus()
    page.keyboard.press("e")
    page.get_by_label("Fit the whole diagram").click()
    page.locator("svg.tm-live").scroll_into_view_if_needed()
    frame = page.locator(".tm-opened").first.bounding_box()
    assert frame is not None
    for other in page.locator(".tm-live .node").all():
        at = other.bounding_box()
        if at is None or not at["width"]:
            continue
        apart = (
            at["x"] > frame["x"] + frame["width"] - 2
            or at["x"] + at["width"] < frame["x"] + 2
            or at["y"] > frame["y"] + frame["height"] - 2
            or at["y"] + at["height"] < frame["y"] + 2
        )
        assert apart


@pytest.mark.parametrize("opened", [False, True])
def test_saves_svg_and_png(saved: Open, opened: bool) -> None:
    page = saved(reports.training_step(40) if opened else reports.detour()).page
    if opened:
        page.get_by_text("Open all").click()
    with page.expect_download() as svg:
        page.get_by_label("Save the diagram as SVG").click()
    assert svg.value.suggested_filename == "tape.svg"
    root = ElementTree.parse(svg.value.path()).getroot()
    assert root.tag.endswith("svg")
    assert len([e for e in root.iter() if e.tag.endswith("text")]) > 5
    with page.expect_download() as png:
        page.get_by_label("Save the diagram as PNG").click()
    data = Path(png.value.path()).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(data[16:20], "big") > (300 if opened else 800)


def test_copy_gives_the_mended_cell(saved: Open) -> None:
    report = reports.detour()
    page = saved(report, permissions=["clipboard-read", "clipboard-write"]).page
    page.get_by_text("Copy the mended cell").click()
    page.wait_for_function("document.querySelector('.tm-copy .tm-status').textContent")
    why = report.calls[0].sources[0].why
    assert why is not None
    assert page.evaluate("navigator.clipboard.readText()") == why.fixed_source


def test_keys_alone_are_enough(saved: Open) -> None:
    page = saved(reports.detour()).page
    page.get_by_label("Step forward").focus()
    page.keyboard.press("Tab")
    seen = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert re.match(r"(x|w),", seen)
    assert page.locator(".tm-panel").is_visible()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("loss")
    page.keyboard.press("Enter")
    assert "x" in classes(page, "tm-on")
    assert box(page, "loss").get_attribute("aria-pressed") == "true"
    page.keyboard.press("Escape")
    assert classes(page, "tm-on") == set()
    wide = view(page)[2]
    page.keyboard.press("+")
    assert view(page)[2] < wide


def test_frames_close_to_a_box_and_open_again(saved: Open) -> None:
    visited = saved(reports.called())
    page = visited.page
    assert classes(page, "tm-n") >= {"step (tf.function)", "inner (tf.function)", "Round", "w"}
    visited.keep("frames")
    before = view(page), page.locator(".tm-live .node:visible").count()
    box(page, "inner").locator(".tm-badge").click()
    closed = page.locator(".tm-closed")
    assert "the gradient ends in one" in (closed.get_attribute("aria-label") or "")
    assert box(page, "Round").is_hidden()
    assert box(page, "Sin").is_visible()
    arrows = page.locator(".tm-e:visible").count()
    visited.keep("frames-closed")
    box(page, "step").focus()
    page.keyboard.press("e")
    assert closed.count() == 1
    assert box(page, "Sin").is_hidden()
    assert page.locator(".tm-e:visible").count() < arrows
    for name in ("w", "u"):
        one, other = box(page, name).bounding_box(), closed.bounding_box()
        assert one is not None
        assert other is not None
        beside = (
            one["x"] + one["width"] <= other["x"] + 1
            or one["y"] >= other["y"] + other["height"] - 1
        )
        assert beside or one["y"] + one["height"] <= other["y"] + 1
    page.keyboard.press("Enter")
    assert closed.get_attribute("aria-label", timeout=5000).startswith("inner")
    closed.focus()
    page.keyboard.press("e")
    assert closed.count() == 0
    assert page.locator(".tm-live .node:visible").count() == before[1]
    for _ in range(50):  # the page's own scrollbar may come or go first, and change the width
        if view(page)[2:] == pytest.approx(before[0][2:]):
            break
        page.wait_for_timeout(100)
    assert view(page)[2:] == pytest.approx(before[0][2:])


def test_a_closed_frame_is_saved_as_it_is_seen(saved: Open) -> None:
    page = saved(reports.called()).page
    box(page, "step").locator(".tm-badge").click()
    with page.expect_download() as svg:
        page.get_by_label("Save the diagram as SVG").click()
    root = ElementTree.parse(svg.value.path()).getroot()
    words = [element.text or "" for element in root.iter() if element.tag.endswith("text")]
    assert any(word.startswith("step (tf.function)") for word in words)
