"""A real browser that notes what a page complains of, and where it asks for anything."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Playwright

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "test-artefacts" / "page"  # screenshots, to be looked at
OWN = ("", "127.0.0.1", "localhost")


def launch(play: Playwright) -> Browser:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for path in map(shutil.which, names) if path), None)
    return play.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])


@dataclass
class Visit:
    """One page with everything that it said."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def listen(self) -> Visit:
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: self._said(said.type, said.text))
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.on("dialog", self._dialog)
        return self

    def _said(self, kind: str, text: str) -> None:
        if kind == "error" or "tapemagic" in text:
            self.complaints.append(text)

    def _asked(self, address: str) -> None:
        if urlsplit(address).scheme in ("http", "https", "ws", "wss"):
            if urlsplit(address).hostname not in OWN:
                self.elsewhere.append(address)

    def _dialog(self, dialog: object) -> None:
        self.complaints.append(f"dialog: {dialog.message}")  # type: ignore[attr-defined]
        dialog.dismiss()  # type: ignore[attr-defined]

    def keep(self, name: str) -> None:
        KEPT.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(KEPT / f"{name}.png"), full_page=True)

    def quiet(self) -> None:
        assert self.complaints == []
        assert self.elsewhere == []
