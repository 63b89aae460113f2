"""The README and the pages of ``docs/``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tapemagic.diagnosis.causes import CAUSES
from tests.docs.tools import ROOT, load_tool

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)\s#]*)(#[\w-]+)?\)")


def test_the_causes_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert load_tool("build_causes").main(["--check"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("slug", [cause.slug for cause in CAUSES])
def test_each_cause_is_documented(slug: str) -> None:
    assert f'<a id="{slug}"></a>' in (ROOT / "docs" / "causes.md").read_text("utf-8")
    assert f"(docs/causes.md#{slug})" in (ROOT / "README.md").read_text("utf-8")
    assert f"<!-- cause: {slug} -->" in (
        ROOT / "docs" / "notebooks" / "02_why_is_it_none.md"
    ).read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for place, part in LINK.findall(page.read_text("utf-8")):
        target = (page.parent / place) if place else page
        assert target.exists(), place
        if part:
            assert f'id="{part[1:]}"' in target.read_text("utf-8"), part


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_is_python(page: Path) -> None:
    for block in PYTHON.findall(page.read_text("utf-8")):
        lines = [line for line in block.split("\n") if not line.startswith("%")]
        compile("\n".join(lines).replace("...)", "x)"), str(page), "exec")


def test_options_are_those_of_the_magic() -> None:
    from tapemagic.magics.arguments import option_strings
    from tapemagic.magics.magic import TapeMagic

    told = (ROOT / "README.md").read_text("utf-8").partition("## Options")[2].partition("\n## ")[0]
    known = option_strings(TapeMagic.tape.parser)
    named = set(re.findall(r"`(--?[\w-]+)", told)) | set(re.findall(r"(--[a-z][\w-]*)", told))
    assert named <= set(known)
    negated = {text for text in known if text.startswith("--no-")}
    positive = {text for text in known if text.startswith("--")} - negated
    missing = {
        text for text in positive if text not in named and f"--no-{text[2:]}" not in named
    } - {"--help"}
    assert not missing


def test_the_example_of_the_report_page_runs() -> None:
    pytest.importorskip("tensorflow")
    (block,) = [
        b
        for b in PYTHON.findall((ROOT / "docs" / "report.md").read_text("utf-8"))
        if "run_cell" in b
    ]
    exec(compile(block, "report.md", "exec"), {"__name__": "__main__"})


def test_the_picture_is_small() -> None:
    picture = ROOT / "docs" / "pictures" / "jupyterlab.png"
    assert 20_000 < picture.stat().st_size < 400_000
