"""Each cell's fix, run by plain TensorFlow, gives the gradient back."""

import contextlib
import io
from typing import Any

import pytest

import tapemagic
from tests.fixes.plain import answers, cells, kind

FILES = ("detours", "steps", "finite", "others", "state", "objects", "places", "moved", "mixed")
ALL = [pytest.param(*cell[1:], id=f"{name}-{cell[0]}") for name in FILES for cell in cells(name)]


def last_reason(report: Any) -> tuple[str, Any]:
    found = [(s.status, s.why) for c in report.calls for s in c.sources if s.why is not None]
    if not found and report.error is not None:
        found = [("error", report.error.why)]
    return found[-1]


@pytest.mark.parametrize(("source", "wanted"), ALL)
def test_the_fix_works_when_run_plain(source: str, wanted: bool) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        report = tapemagic.run_cell(source, {"__name__": "__main__"})
    status, why = last_reason(report)
    if not wanted:
        assert why.fixed_source is None
        return
    assert why.fixed_source is not None, why.message
    after = kind(answers(why.fixed_source)[-1])
    assert after in ({"connected"} if status == "zero" else {"connected", "zero"})


@pytest.mark.parametrize(("source", "wanted"), ALL)
def test_what_is_not_changed_is_kept_byte_for_byte(source: str, wanted: bool) -> None:
    rows = source.splitlines()
    marked = "".join(f"{row}  # note {i}\n" for i, row in enumerate(rows))
    with contextlib.suppress(SyntaxError), contextlib.redirect_stdout(io.StringIO()):
        compile(marked, "<marked>", "exec")
        report = tapemagic.run_cell(marked, {"__name__": "__main__"})
        fixed = last_reason(report)[1].fixed_source
        if fixed is not None:
            # Comments stay, but for those of a line that was taken out as a whole.
            gone = [n for n in range(len(rows)) if f"# note {n}\n" not in fixed]
            assert len(gone) <= 1 + max(0, len(rows) - len(fixed.splitlines()))
