"""Each cause's own example is mended by the fix that its report offers."""

import ast
import contextlib
import io

import pytest

import tapemagic
from tapemagic.diagnosis.causes import CAUSES
from tests.fixes.plain import answers, kind

WITHOUT = {
    "unconnected": "what was meant is not in the cell",
    "non-differentiable-input": "no one-expression form of the warp",
}


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.slug)
def test_the_example_is_mended(cause) -> None:  # type: ignore[no-untyped-def]
    with contextlib.redirect_stdout(io.StringIO()):
        report = tapemagic.run_cell(cause.example, {"__name__": "__main__"}, try_fixes=True)
    whys = [s.why for c in report.calls for s in c.sources if s.why is not None]
    whys += [report.error.why] if report.error is not None and report.error.why else []
    why = whys[-1]
    assert why.cause == cause.slug
    if cause.slug in WITHOUT:
        assert why.fixed_source is None
        assert why.fix_verified is None
        return
    ast.parse(why.fixed_source)
    assert kind(answers(why.fixed_source)[-1]) in ("connected", "zero")
    assert why.fix_verified is True, why.fix_result
    assert why.fix_result.startswith("tried: the gradient of `")


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.slug)
def test_the_mended_example_has_a_gradient(cause) -> None:  # type: ignore[no-untyped-def]
    assert kind(answers(cause.mended)[-1]) in ("connected", "zero")
