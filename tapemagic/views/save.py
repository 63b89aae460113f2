"""Save a report to a file; the suffix says in which form."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tapemagic.options import DIAGRAM_LEVELS, DisplayOptions
from tapemagic.views.errors import ReportError
from tapemagic.views.files import Sheet, render

if TYPE_CHECKING:
    from tapemagic.report.model import Report

SUFFIXES = (".html", ".svg", ".png", ".pdf", ".dot", ".json", ".md", ".txt")
THEMES = ("light", "dark")
MOST = {"dpi": 2400, "width": 200}


def save(
    report: Report,
    path: str | os.PathLike[str],
    *,
    level: str = "auto",
    call: int | None = None,
    theme: str = "light",
    background: str | None = None,
    dpi: int = 144,
    width: float | None = None,
    title: str | None = None,
) -> Path:
    """Save a report.

    Args:
        report: What to save.
        path: Where to; its suffix is one of SUFFIXES. .html, .md and .txt hold the whole report,
            .json the data, the others the diagram.
        level: What one box of the diagram stands for: "auto", "op", "line" or "layer".
        call: Position of the one call to draw, for a diagram.
        theme: "light" or "dark", for a diagram.
        background: A colour such as "white", for a diagram; None is transparent.
        dpi: Dots per inch, for .png.
        width: Inches, for a diagram on a slide or in a paper; None: as large as its text needs.
        title: A heading, for a diagram and for .html.

    Returns:
        The path that was written.

    Raises:
        ReportError: If it can't be saved; nothing half-written is left.
    """
    place = Path(path)
    suffix = place.suffix.lower()
    if suffix not in SUFFIXES:
        named = f"the suffix {place.suffix!r}" if place.suffix else "no suffix"
        raise ReportError(
            f"Can't save to {str(place)!r}: it has {named}; choose one of {', '.join(SUFFIXES)}."
        )
    _check("level", level, DIAGRAM_LEVELS)
    _check("theme", theme, THEMES)
    for option, number in (("dpi", dpi), ("width", width)):
        if number is not None and not 0 < number < MOST[option]:
            most = MOST[option]
            raise ReportError(f"{option} can't be {number!r}: give a number from 0 to {most}.")
    if not place.parent.is_dir():
        raise ReportError(
            f"Can't save to {str(place)!r}: the folder {str(place.parent)!r} does not exist."
        )
    if suffix == ".json":
        from tapemagic.report.archive import dumps

        content = dumps(report)
        data = f"{content}\n".encode("utf-8", "backslashreplace")
    else:
        sheet = Sheet(call, theme, background, dpi, width, title)
        data = render(report, suffix, DisplayOptions(level=level), sheet)
    _write(place, data)
    return place


def _check(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ReportError(f"{option} can't be {value!r}: choose one of {', '.join(choices)}.")


def _write(place: Path, data: bytes) -> None:
    """Write beside the place first, so that a failure leaves what was there before."""
    temporary: str | None = None
    try:
        if place.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        if place.exists() and not os.access(place, os.W_OK):
            raise PermissionError(13, "Permission denied")
        handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=".tapemagic-")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(place)
        temporary = None
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ReportError(f"Can't save to {str(place)!r}: {reason}.") from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
