"""The line that tells of a report that takes long, in the place where the report will stand."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from html import escape
from typing import Any

from IPython.display import publish_display_data

AFTER = 1.0
"""Seconds without a word: most reports are there sooner."""
EVERY = 0.5


class Progress:
    """Tells how far a report is, once it has taken a second.

    Args:
        wanted: Whether anything is shown at all.
        clock: Gives the time in seconds.
    """

    def __init__(self, *, wanted: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        self._wanted = wanted
        self._clock = clock
        self._next = clock() + AFTER
        self._id: str | None = None

    def __call__(self, doing: str) -> None:
        """Tell what is being done, unless something was told a moment ago."""
        if not self._wanted or self._clock() < self._next:
            return
        self._next = self._clock() + EVERY
        line = f"tapemagic: {doing}. Interrupt to see what is known so far."
        self.publish(
            {"text/plain": line, "text/html": f'<div class="tapemagic"><p>{escape(line)}</p></div>'}
        )

    def publish(self, data: dict[str, Any]) -> None:
        """Show data in the place of the line, or as new output where there is none yet."""
        update = self._id is not None
        if self._id is None:
            self._id = uuid.uuid4().hex
        publish_display_data(data, transient={"display_id": self._id}, update=update)

    @property
    def shown(self) -> bool:
        """Whether a line stands there."""
        return self._id is not None
