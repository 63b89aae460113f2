"""No explanation without evidence: where a cause is true, and where it is only nearly true."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tapemagic.diagnosis.causes import BY_SLUG, CAUSES
from tests.diagnosis.cells import PARTIAL, TRUE, TWINS
from tests.diagnosis.check import report_of

QUERIES = ("gradient", "jacobian", "batch_jacobian")
SLUGS = [cause.slug for cause in CAUSES]


def marked(source: str) -> tuple[str, set[str], set[int]]:
    """A cell without its marks, the causes that stand in them, and their lines."""
    rows, causes, lines = [], set(), set()
    for number, row in enumerate(source.lstrip("\n").splitlines(), 1):
        found = re.search(r"\s*#: ([\w-]+)$", row)
        if found:
            causes.add(found[1])
            lines.add(number)
            row = row[: found.start()]
        rows.append(row)
    return "\n".join(rows) + "\n", causes, lines


def said_of(made: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything that a report says against anything, but for stop_gradients that it mentions."""
    found = [made["cell"]["error"]["why"]] if made["cell"]["error"] else []
    for call in made["calls"]:
        if call["error"]:
            found.append(call["error"]["why"])
        for source in call["sources"]:
            found += [source["why"], *source["partial"]]
    mentioned = ("stop-gradient", "info")
    return [why for why in found if why and (why["cause"], why["level"]) != mentioned]


@pytest.mark.parametrize("slug", SLUGS)
def test_example(slug: str) -> None:
    cause = BY_SLUG[slug]
    said = said_of(report_of(cause.example))
    assert slug in {why["cause"] for why in said}
    assert all(why["message"] for why in said)


@pytest.mark.parametrize("slug", SLUGS)
def test_mended(slug: str) -> None:
    made = report_of(BY_SLUG[slug].mended)
    assert made["cell"]["error"] is None
    assert said_of(made) == []
    assert made["agreement"]["mismatches"] == 0


def test_every_cause_has_a_true_cell_and_a_twin() -> None:
    assert set(TRUE) == set(SLUGS)
    assert {name.split(":")[0] for name in TWINS} == set(SLUGS)


@pytest.mark.parametrize(
    ("slug", "cell"),
    [(slug, cell) for slug in TRUE for cell in TRUE[slug]],
    ids=[f"{slug}-{n}" for slug in TRUE for n, _ in enumerate(TRUE[slug])],
)
def test_true(slug: str, cell: str) -> None:
    source, causes, lines = marked(cell)
    assert causes == {slug}
    made = report_of(source)
    assert made["agreement"]["mismatches"] == 0
    call = [c for c in made["calls"] if c["method"] in QUERIES][-1]
    row = call["sources"][-1]
    why = row["why"] or (call["error"] or {}).get("why") or made["cell"]["error"]["why"]
    assert row["status"] != "connected"
    assert (why["cause"], why["line"] in lines) == (slug, True), why
    others = [s for s in call["sources"][:-1] if s["status"] == "connected"]
    assert all(s["why"] is None and s["partial"] == [] for s in others)


@pytest.mark.parametrize("name", TWINS)
def test_twin(name: str) -> None:
    made = report_of(TWINS[name].lstrip("\n"))
    assert made["cell"]["error"] is None
    assert said_of(made) == []
    assert made["agreement"]["mismatches"] == 0
    asked = [s for c in made["calls"] if c["method"] in QUERIES for s in c["sources"]]
    assert all(s["status"] == "connected" for s in asked)


@pytest.mark.parametrize("name", PARTIAL)
def test_partial(name: str) -> None:
    source, causes, lines = marked(PARTIAL[name])
    made = report_of(source)
    row = made["calls"][-1]["sources"][-1]
    assert row["status"] == "connected"
    assert row["why"] is None
    assert {(why["cause"], why["line"]) for why in row["partial"]} == {
        (cause, line) for cause in causes for line in lines
    }
    assert made["agreement"]["mismatches"] == 0


@pytest.mark.parametrize("cause", CAUSES, ids=SLUGS)
def test_words(cause: Any) -> None:
    assert cause.slug == cause.slug.lower()
    assert cause.title
    assert cause.level in ("info", "warning", "error")
    assert len(cause.text) > 80
    assert cause.example != cause.mended
    compile(cause.example, "example", "exec")
    compile(cause.mended, "mended", "exec")
