"""Each question gets its true answer, on its line, and nothing is said of healthy gradients."""

from __future__ import annotations

import json

import pytest

from tests.questions.judging import wrong
from tests.questions.reading import names, read
from tests.questions.running import report_of


def test_there_are_questions() -> None:
    assert len(names()) > 200


@pytest.mark.parametrize("name", names())
def test_answer(name: str) -> None:
    answers, source = read(name)
    report = report_of(source)
    made = report.to_dict()
    json.dumps(made, allow_nan=False)
    assert wrong(made, answers) == []
    assert not [n for n in report.notes if "tapemagic" in n]
