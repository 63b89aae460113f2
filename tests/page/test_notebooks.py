"""The report where notebooks are read: JupyterLab and Notebook 7, trusted and not, light and dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nbformat import v4

from tests import reports
from tests.hostile import NAMES
from tests.page.browse import Visit
from tests.page.serve import KERNEL, Server, notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Open = Callable[..., Visit]
SETUP = "%load_ext tapemagic\nimport numpy as np\nimport tensorflow as tf"
CELL = """%%tape
x = tf.Variable([1.0, 2.0, 3.0])
with tf.GradientTape() as tape:
    y = tf.reduce_sum(tf.sin(x) * np.mean(x * x))
tape.gradient(y, x)"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("jupyter"))
    try:
        both = notebook(
            *(report()._repr_mimebundle_() for report in (reports.detour, reports.square))
        )
        server.put("trusted.ipynb", both, trusted=True)
        # Trust goes by content: this one must differ.
        server.put("untrusted.ipynb", notebook(reports.detour()._repr_mimebundle_()))
        hostile = [reports.hostile(name)._repr_mimebundle_() for name in NAMES.values()]
        server.put("hostile.ipynb", notebook(*hostile))
        cells = [v4.new_code_cell(SETUP), v4.new_code_cell(CELL), v4.new_code_cell("1")]
        server.put("live.ipynb", v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL}))
        server.wait()
        yield server
    finally:
        server.stop()


@pytest.fixture
def notebook_page(visit: Open, server: Server) -> Open:
    """Open a notebook; what the front end itself complains of is left out."""

    def go(app: str, name: str, scheme: str = "light") -> Visit:
        visited = visit(
            server.address(f"{app}/{name}"),
            color_scheme=scheme,
            viewport={"width": 1200, "height": 1400},
        )
        visited.page.wait_for_selector(".tapemagic, .jp-CodeCell", timeout=30_000)
        return visited

    return go


def ours(visited: Visit) -> None:
    """Forget what the front end itself said: a page of its own, without our output, says it too."""
    visited.complaints[:] = [said for said in visited.complaints if "tapemagic" in said]


APPS = {"lab": "lab/tree", "notebook": "notebooks"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("app", APPS)
def test_trusted_notebooks_come_alive(notebook_page: Open, app: str, scheme: str) -> None:
    visited = notebook_page(APPS[app], "trusted.ipynb", scheme)
    page = visited.page
    page.wait_for_selector(".tapemagic svg.tm-live", timeout=30_000)
    page.wait_for_timeout(800)
    visited.keep(f"{app}-trusted-{scheme}")
    assert page.locator(".tapemagic img.tm-image").first.is_hidden()
    ground = page.evaluate("getComputedStyle(document.querySelector('.jp-OutputArea')).color")
    assert ground  # the notebook's own ink is what the report is written in
    first = page.locator(".tapemagic").first
    first.locator('.tm-n[aria-label^="w,"]').click()
    assert first.locator(".tm-n.tm-on").count() == 3
    second = page.locator(".tapemagic").nth(1)
    assert second.locator(".tm-on").count() == 0, "outputs do not touch each other"
    ours(visited)


def test_keys_stay_in_the_diagram(notebook_page: Open) -> None:
    """Without care JupyterLab would move between cells, or delete them, at the same keys."""
    visited = notebook_page(APPS["lab"], "trusted.ipynb")
    page = visited.page
    page.wait_for_selector(".tapemagic svg.tm-live", timeout=30_000)
    before = page.locator(".jp-CodeCell").count()
    box = page.locator('.tapemagic .tm-n[aria-label^="x,"]').first
    box.click()
    for key in ("ArrowRight", "d", "d", "x", "a", "b"):
        page.keyboard.press(key)
    assert page.locator(".jp-CodeCell").count() == before
    assert "x2" in page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.get_by_label("Search the diagram").first.fill("mean")
    page.get_by_label("Step of the computation").first.focus()
    page.keyboard.press("ArrowLeft")
    assert page.get_by_label("Step of the computation").first.input_value() == "4"
    ours(visited)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("app", APPS)
def test_untrusted_notebooks_keep_everything_but_the_script(
    notebook_page: Open, app: str, scheme: str
) -> None:
    visited = notebook_page(APPS[app], "untrusted.ipynb", scheme)
    page = visited.page
    page.wait_for_selector("img[src^='data:image/svg']", timeout=30_000)
    page.wait_for_timeout(800)
    visited.keep(f"{app}-untrusted-{scheme}")
    text = page.locator(".jp-OutputArea-output").first.inner_text()
    for part in ("1 needs attention", "✗ None", "np.mean(x2)", "Fix", "reduce_mean"):
        assert part.lower() in text.lower()
    for part in ("tm-", "function", '"nodes"', "{", "svg"):
        assert part not in text
    picture = page.locator("img[src^='data:image/svg']").last
    assert picture.evaluate("(image) => image.complete && image.naturalWidth > 300")
    assert page.locator(".tm-tools").count() == 0
    ours(visited)


def test_hostile_names_in_an_untrusted_notebook(notebook_page: Open) -> None:
    visited = notebook_page(APPS["lab"], "hostile.ipynb")
    visited.page.wait_for_selector("img[src^='data:image/svg']", timeout=30_000)
    visited.page.wait_for_timeout(500)
    assert visited.page.locator(".jp-OutputArea-output script").count() == 0
    ours(visited)


def test_a_cell_that_runs_shows_a_live_report(notebook_page: Open) -> None:
    visited = notebook_page(APPS["lab"], "live.ipynb")
    page = visited.page
    page.wait_for_timeout(1500)
    page.locator(".jp-CodeCell .cm-content").first.click()
    for _ in range(2):
        page.keyboard.press("Shift+Enter")
    page.wait_for_selector(".tapemagic svg.tm-live", timeout=120_000)
    visited.keep("lab-live")
    page.locator(".tapemagic .tm-n").first.click()
    assert page.locator(".tapemagic .tm-on").count() > 1
    panel = page.locator(".tapemagic .tm-panel")
    assert "line" in panel.inner_text()
    ours(visited)


@pytest.mark.parametrize("clean", [False, True], ids=["as it is", "sanitized"])
def test_nbconvert_pages(visit: Open, tmp_path: Path, clean: bool) -> None:
    exporters = pytest.importorskip("nbconvert.exporters")
    exporter = exporters.HTMLExporter(sanitize_html=clean, mathjax_url="", require_js_url="")
    exporter.embed_images = True
    body, _ = exporter.from_notebook_node(notebook(reports.detour()._repr_mimebundle_()))
    place = tmp_path / "converted.html"
    place.write_text(body, encoding="utf-8")
    visited = visit(place.as_uri())
    page = visited.page
    visited.keep(f"nbconvert-{'sanitized' if clean else 'plain'}")
    text = page.locator("body").inner_text()
    assert "left TensorFlow" in text
    assert "tm-" not in text
    assert (page.locator("svg.tm-live").count() == 0) == clean
    assert page.locator(".tapemagic").count() == 1
    visited.elsewhere[:] = [a for a in visited.elsewhere if "mathjax" not in a.lower()]
    ours(visited)
