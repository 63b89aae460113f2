import pytest

from tapemagic.views.markdown.report import markdown
from tests import reports
from tests.hostile import NAMES
from tests.views.golden import check


@pytest.mark.parametrize("name", reports.ALL)
def test_golden(name: str) -> None:
    check(f"{name}.md", markdown(reports.ALL[name]()))


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_tables_keep_their_columns(name: str) -> None:
    lines = markdown(reports.hostile(name)).splitlines()
    head = lines.index("| source | verdict | gradient | reason | type |")
    for line in lines[head : head + 4]:
        assert line.replace("\\|", "").count("|") == 6


def test_large_graphs_become_text() -> None:
    report = reports.training_step(200)
    shown = markdown(report)
    assert "```mermaid" in shown
    assert shown.count("\n  n") < 300
