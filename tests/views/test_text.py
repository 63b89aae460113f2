import pytest

from tapemagic.options import DisplayOptions
from tapemagic.report.model import Report
from tapemagic.views.text.report import text
from tapemagic.wording import terminal
from tests import reports
from tests.hostile import NAMES
from tests.views.golden import check


@pytest.mark.parametrize("name", reports.ALL)
def test_golden(name: str) -> None:
    check(f"{name}.txt", text(reports.ALL[name]()))


def test_large_reports_stay_short() -> None:
    shown = text(reports.training_step(200))
    assert len(shown.splitlines()) < 80
    assert "model.weights[1]" in shown
    assert "359 more" in shown or "399 more" in shown


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_eighty_columns_whatever_the_names(name: str) -> None:
    shown = text(reports.hostile(name))
    assert max(map(terminal.width, shown.splitlines())) <= 80
    assert "\x1b" not in shown


def test_colour_only_when_asked() -> None:
    plain = text(reports.detour())
    coloured = text(reports.detour(), colour=True)
    assert "\x1b[31m" in coloured
    assert "\x1b" not in plain
    for code in ("0", *["1", "2", "31", "32", "33", "36"]):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert coloured == plain


def test_parts_can_be_left_out() -> None:
    shown = text(reports.detour(), DisplayOptions(graph=False, table=False))
    assert "How loss was computed" not in shown
    assert "source  verdict" not in shown
    assert "np.mean(x2)" in shown


def test_empty_report() -> None:
    assert text(Report(notes=["This cell used no TensorFlow."])).endswith("no TensorFlow.\n")


def test_wrap_breaks_words_that_are_too_long() -> None:
    assert terminal.wrap("ab cdefghij", 6, "  ") == ["  ab", "  cdef", "  ghij"]
    assert terminal.wrap("", 10, "x ") == ["x"]
    assert terminal.clip_middle("abcdefghij", 6) == "a…ghij"
