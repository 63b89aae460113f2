"""The notebooks, run anew in a real kernel, and as they were committed."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import nbformat
import pytest

from tapemagic.diagnosis import guide
from tests.docs.tools import ROOT
from tests.notebooks.tables import HERE, notebooks, run, text

STEMS = notebooks.stems()
MOST_BYTES = 2_500_000

ran = cache(run)


def committed(stem: str) -> Any:
    """Read a notebook as it is in the folder."""
    return nbformat.read(notebooks.NOTEBOOKS / f"{stem}.ipynb", 4)


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.parametrize("stem", STEMS)
def test_tables(stem: str) -> None:
    assert text(ran(stem)) == (HERE / f"{stem}.txt").read_text("utf-8")


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.parametrize("stem", STEMS)
def test_the_graph_agrees_with_the_tape(stem: str) -> None:
    for number, _, report in ran(stem):
        assert report is not None
        assert report["agreement"]["mismatches"] == 0, f"cell {number}"


@pytest.mark.kernel
@pytest.mark.slow
def test_each_cause_is_found_in_its_example_and_gone_when_mended() -> None:
    reports = {source.partition("\n")[2].strip(): report for _, source, report in ran(STEMS[1])}
    for _, causes in guide.groups():
        for cause in causes:
            example = reports[guide.cell(cause.example).strip()]
            mended = reports[guide.cell(cause.mended).strip()]
            assert cause.slug in _causes(example), cause.slug
            assert not _causes(mended), f"{cause.slug}, mended"


def _causes(report: dict[str, Any] | None) -> set[str]:
    assert report is not None
    return {s["why"]["cause"] for c in report["calls"] for s in c["sources"] if s["why"]}


def test_each_expected_table_belongs_to_a_notebook() -> None:
    assert sorted(path.stem for path in HERE.glob("*.txt")) == STEMS


@pytest.mark.parametrize("stem", STEMS)
def test_committed_is_built_from_its_source(stem: str) -> None:
    wanted = [(cell.cell_type, cell.source) for cell in notebooks.make(stem).cells]
    assert [(cell.cell_type, cell.source) for cell in committed(stem).cells] == wanted, (
        "run python docs/build_notebooks.py"
    )


@pytest.mark.parametrize("stem", STEMS)
def test_committed_shows_its_reports(stem: str) -> None:
    for cell in committed(stem).cells:
        if not cell.source.startswith("%%tape") or "--quiet" in cell.source:
            continue
        shown = [out.data for out in cell.outputs if "text/html" in out.get("data", {})]
        (report,) = [data for data in shown if 'class="tapemagic"' in data["text/html"]]
        assert report["text/plain"].startswith("tapemagic")


@pytest.mark.parametrize("stem", STEMS)
def test_committed_is_clean(stem: str) -> None:
    path = notebooks.NOTEBOOKS / f"{stem}.ipynb"
    content = path.read_text("utf-8")
    assert path.stat().st_size < MOST_BYTES
    assert str(ROOT) not in content
    assert "could not" not in content
    outputs = [out for cell in committed(stem).cells for out in cell.get("outputs", [])]
    assert not [out for out in outputs if out.get("name") == "stderr"]


@pytest.mark.parametrize("stem", STEMS)
def test_begins_with_the_extension_and_has_short_texts(stem: str) -> None:
    cells = committed(stem).cells
    first = next(cell for cell in cells if cell.cell_type == "code")
    assert first.source.startswith("%load_ext tapemagic\n")
    assert any(cell.source.startswith("%%tape") for cell in cells)
    for cell in cells:
        if cell.cell_type == "markdown":
            assert len(re.findall(r"\w+", cell.source)) < 120, cell.source
