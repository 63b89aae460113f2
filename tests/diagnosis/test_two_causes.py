"""When a reason is not certain, what fits as well is shown beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tapemagic.api import run_cell
from tapemagic.diagnosis import engine
from tapemagic.diagnosis.case import Found

CELL = """import tensorflow as tf
x = tf.Variable(2.0)
with tf.GradientTape() as tape:
    y = tf.stop_gradient(x * x) * 3.0
grad = tape.gradient(y, x)
"""


@pytest.mark.parametrize("certain", [True, False])
def test_both_are_shown(monkeypatch: pytest.MonkeyPatch, certain: bool) -> None:
    def recognise(case: Any) -> Found | None:
        return Found(case.view.query.at, "Perhaps the question.", certain=certain)

    guess = replace(engine.CAUSES[0], slug="a-guess", recognise=recognise)
    monkeypatch.setattr(engine, "CAUSES", (guess, *engine.CAUSES))
    report = run_cell(CELL, {})
    why = report.calls[0].sources[0].why
    assert why is not None
    assert why.cause == "a-guess"
    assert [other.cause for other in why.other] == ([] if certain else ["stop-gradient"])
    text = str(report)
    assert ("likely, not certain" in text) is not certain
    assert ("on purpose" in text) is not certain
