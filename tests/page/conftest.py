"""One browser for all pages of a worker; each test gets pages that must stay quiet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import Error as BrowserError

from tapemagic.report.model import Report
from tests.page.browse import Visit, launch


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        try:
            found = launch(play)
        except BrowserError as error:
            pytest.skip(f"no browser could be started: {str(error).splitlines()[0]}")
        yield found
        found.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Open an address; at the end of the test nothing may have gone wrong on it."""
    visits: list[Visit] = []
    contexts = []

    def go(address: str, **options: Any) -> Visit:
        options.setdefault("viewport", {"width": 1000, "height": 900})
        context = browser.new_context(**options)
        context.set_default_timeout(20_000)
        contexts.append(context)
        visits.append(Visit(context.new_page()).listen())
        visits[-1].page.goto(address)
        return visits[-1]

    yield go
    for each in visits:
        each.quiet()
    for context in contexts:
        context.close()


@pytest.fixture
def saved(visit: Callable[..., Visit], tmp_path: Path) -> Callable[..., Visit]:
    """Save a report as a page, and open it from disk."""

    def go(report: Report, **options: Any) -> Visit:
        place = report.save(tmp_path / "report.html", title="A cell")
        return visit(place.as_uri(), **options)

    return go
