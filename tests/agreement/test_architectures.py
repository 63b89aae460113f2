"""Training steps of whole architectures: every tensor of the graph agrees with the tape."""

from __future__ import annotations

from typing import Any

import pytest

from tapemagic.api import run_cell
from tests.agreement.check import flat, plainly, quiet, status
from tests.agreement.steps import APPLICATIONS, BY_HAND, HEAD, SMALL, application


def agreed(source: str) -> tuple[Any, dict[str, Any]]:
    names: dict[str, Any] = {"__name__": "__main__"}
    with quiet():
        report = run_cell(source, names)
    assert report.error is None, report.error
    assert [n for n in report.notes if "tapemagic" in n] == []
    assert report.tensors > 0
    assert report.mismatches == 0
    return report, names


def scopes(report: Any) -> set[str]:
    return {name for op in report.trace.ops for name in op.scope}


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name: str) -> None:
    report, names = agreed(HEAD + BY_HAND[name])
    if 'name="memory"' in BY_HAND[name]:
        assert "memory" in scopes(report)
    for call in report.calls:
        assert [s.name for s in call.sources if s.status in ("none", "nan", "error")] == []
    with quiet():
        plain, error = plainly(HEAD + BY_HAND[name])
    assert error is None
    for grads in ("grads", "a", "b", "c"):
        mine = [None if g is None else g for g in flat(names.get(grads, []))]
        true = flat(plain.get(grads, []))
        assert [status(g) for g in mine] == [status(g) for g in true]


@pytest.mark.parametrize(
    "name", [n if n in SMALL else pytest.param(n, marks=pytest.mark.deep) for n in APPLICATIONS]
)
def test_application(name: str) -> None:
    report, names = agreed(application(name))
    model = names["model"]
    assert len(report.calls) == 1
    sources = report.calls[0].sources
    assert [s.status == "none" for s in sources] == [g is None for g in names["grads"]]
    assert report.tensors > len(sources)
    used = {layer.name for layer in model.layers if layer.trainable_variables}
    assert used <= scopes(report)
