"""Incomplete gradients: a number came back, and one of several ways was cut."""

from __future__ import annotations

from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.engine import Texts
from tapemagic.diagnosis.view import QueryView
from tapemagic.report.model import Why
from tapemagic.trace.model import Argument


def incomplete(view: QueryView, source: Argument, texts: Texts) -> list[Why]:
    """The ways from a connected source into the target that carry its value and were cut."""
    del view, source, texts
    return []


__all__ = ["Case", "incomplete"]
