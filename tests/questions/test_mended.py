"""Where a mended cell is offered, the gradient comes back when it runs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.questions.reading import names, read
from tests.questions.running import report_of

# Several places would have to change at once (integers, two questions), and a fix mends one.
SEVERAL = ("int_variable_weights", "pinn_columns_taken_after")


def whys(report: dict[str, Any]) -> list[Any]:
    sources = [s for c in report["calls"] for s in c["sources"]]
    return [s["why"] for s in sources if s["why"] is not None]


@pytest.mark.parametrize("name", [n for n in names() if n not in SEVERAL])
def test_mended(name: str) -> None:
    _, source = read(name)
    if not any(why["fixed_source"] for why in whys(report_of(source).to_dict())):
        pytest.skip("no change of the cell keeps its meaning, or none is needed")
    tried = report_of(source, try_fixes=True).to_dict()
    offered = [why for why in whys(tried) if why["fixed_source"]]
    assert [why["cause"] for why in offered if why["fix_verified"] is not True] == []
