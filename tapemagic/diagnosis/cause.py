"""What a cause is: how it is called, recognised, explained, mended and shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tapemagic.diagnosis.case import Case, Found


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason why a gradient is not what was expected.

    Attributes:
        slug: Its name in reports.
        title: One line.
        level: How bad it usually is: "info", "warning" or "error".
        text: What happens, for the docs; Markdown.
        example: A minimal cell in which it is true.
        mended: The same cell with the gradient back, or as right as it can be.
        recognise: Says whether it is the cause of a case, from what was observed.
    """

    slug: str
    title: str
    level: str
    text: str
    example: str
    mended: str
    recognise: Callable[[Case], Found | None]
