"""Bring reports and single sentences to the notebook: display data, never stdout."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.display import publish_display_data

if TYPE_CHECKING:
    from tapemagic.magics.progress import Progress
    from tapemagic.report.model import Report


def show_report(report: Any, progress: Progress | None = None) -> None:
    """Display a report in the forms that the front end may choose from.

    Args:
        report: What to show.
        progress: The line that told of it, if there was one: the report takes its place.
    """
    if progress is not None:
        progress("drawing")
    try:
        data = report._repr_mimebundle_()
    except Exception as error:
        show_sentence(f"tapemagic could not draw its report ({describe(error)}).")
        return
    if progress is not None and progress.shown:
        progress.publish(data)
    else:
        publish_display_data(data)


def show_sentence(sentence: str) -> None:
    """Display one sentence where a report would be."""
    publish_display_data(
        {
            "text/plain": sentence,
            "text/html": f'<div class="tapemagic"><p>{escape(sentence)}</p></div>',
        }
    )


def save_report(report: Report, file: str) -> None:
    """Save a report, or display one sentence that says why it could not be saved."""
    from tapemagic.views.errors import ReportError

    try:
        report.save(Path(file).expanduser())
    except ReportError as error:
        show_sentence(str(error))
    except Exception as error:
        show_sentence(f"The report was not saved to {file} ({describe(error)}).")


def describe(error: Exception) -> str:
    """Name an exception of ours within a sentence."""
    return f"{type(error).__name__}: {error}"
