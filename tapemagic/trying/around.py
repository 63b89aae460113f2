"""What a session keeps from before its cell, to try fixes after it."""

from __future__ import annotations

import time
from typing import Any

from tapemagic.options import RunOptions
from tapemagic.report.model import Report
from tapemagic.trying.moment import Moment
from tapemagic.trying.tries import try_fixes


class Around:
    """Made before a cell runs, and asked after it. Neither raises.

    Args:
        namespace: The names that the cell runs in.
        options: How it is run.
    """

    def __init__(self, namespace: dict[str, Any], options: RunOptions) -> None:
        self._options = options
        self._before: Moment | None = None
        self._fault: str | None = None
        try:
            self._before = Moment(namespace)
        except Exception as fault:
            self._fault = f"{type(fault).__name__}: {fault}"
        self._begun = time.perf_counter()

    def tried(self, report: Report, error: BaseException | None) -> None:
        """Try the report's fixes, unless the cell was interrupted."""
        seconds = time.perf_counter() - self._begun
        if error is not None and not isinstance(error, Exception):
            return
        try:
            if self._before is not None:
                try_fixes(report, self._before, self._options, seconds)
        except Exception as fault:
            self._fault = f"{type(fault).__name__}: {fault}"
        if self._fault is not None:
            report.notes.append(f"The fixes could not be tried ({self._fault}).")
        self._before = None
