"""Errors that a person can meet while a report is shown or saved."""

from __future__ import annotations


class ReportError(Exception):
    """A report could not be saved or drawn; the message is one sentence that says why."""
