"""Take the picture of the README: JupyterLab, in Chromium, with one cell and its report.

Run it with ``python docs/take_picture.py``; it writes ``docs/pictures/jupyterlab.png``. Chromium is
taken from PATH (``chromium``), or from playwright's own browsers.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import nbformat
from nbformat import v4
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "pictures" / "jupyterlab.png"
PORT = 8931
SETUP = """\
%load_ext tapemagic
import numpy as np
import tensorflow as tf"""
CELL = """\
%%tape
setting = tf.Variable([17.0, 19.5, 21.0])

with tf.GradientTape() as tape:
    content = tf.nn.sigmoid(setting - 19.0)
    average = np.mean(content)
    loss = tf.square(average - 0.9)

tape.gradient(loss, setting)"""


def main() -> int:
    """Start JupyterLab, run the cells, take the picture, and stop what was started."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        cells = [v4.new_code_cell(SETUP), v4.new_code_cell(CELL)]
        notebook = v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(notebook, folder / "heating.ipynb")
        token = secrets.token_hex(8)
        server = _start(folder, token)
        try:
            _wait(f"http://127.0.0.1:{PORT}/api/status?token={token}")
            _take(f"http://127.0.0.1:{PORT}/lab/tree/heating.ipynb?token={token}")
        finally:
            server.terminate()
            server.wait(30)
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size / 1e3:.0f} kB")  # noqa: T201
    return 0


def _start(folder: Path, token: str) -> subprocess.Popen[bytes]:
    environment = dict(
        os.environ,
        HOME=str(folder),
        JUPYTER_CONFIG_DIR=str(folder / "config"),
        TF_CPP_MIN_LOG_LEVEL="3",
    )
    return subprocess.Popen(  # noqa: S603 - our own words
        [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *(f"--port={PORT}", f"--IdentityProvider.token={token}", f"--notebook-dir={folder}"),
        ],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _wait(address: str) -> None:
    for _ in range(120):
        try:
            urllib.request.urlopen(address, timeout=2).close()  # noqa: S310 - our own server
            return
        except OSError:
            time.sleep(0.5)
    raise TimeoutError("JupyterLab did not start.")


def _take(address: str) -> None:
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1180, "height": 1500}, device_scale_factor=1.5)
        page.goto(address)
        page.wait_for_selector(".jp-CodeCell", timeout=60_000)
        _tidy(page)
        page.locator(".jp-CodeCell .cm-content").first.click()
        for _ in range(2):
            page.keyboard.press("Shift+Enter")
        page.wait_for_selector(".tapemagic svg.tm-live", timeout=120_000)
        # TensorFlow's start-up notes stand below the first cell.
        page.add_style_tag(
            content="[data-mime-type='application/vnd.jupyter.stderr']{display:none}"
        )
        page.wait_for_timeout(1500)
        _clip(page)
        browser.close()


def _tidy(page: Page) -> None:
    """Close what is not the notebook: the side bar and the news."""
    page.wait_for_timeout(2500)
    button = page.get_by_role("button", name="No", exact=True)
    if button.count():
        button.first.click()
    page.keyboard.press("Control+b")
    page.wait_for_timeout(700)


def _clip(page: Page) -> None:
    """Write the part of the window that shows the cells."""
    cells = page.locator(".jp-CodeCell")
    last = cells.nth(1).bounding_box()
    size = page.viewport_size
    assert last is not None
    assert size is not None
    bottom = min(last["y"] + last["height"] + 4, size["height"])
    PICTURE.parent.mkdir(exist_ok=True)
    page.screenshot(
        path=str(PICTURE), clip={"x": 0, "y": 0, "width": size["width"], "height": bottom}
    )


if __name__ == "__main__":
    sys.exit(main())
