"""The report for a front end, which picks the richest form that it can show.

There is no ``image/svg+xml`` entry: nbconvert's export to PDF fails on any output that has one
when Inkscape is not installed, and the page carries its picture itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapemagic.options import DisplayOptions

if TYPE_CHECKING:
    from tapemagic.report.model import Report


def mimebundle(report: Report, display: DisplayOptions | None = None) -> dict[str, str]:
    """Return the report as ``text/html`` and ``text/plain``.

    Args:
        report: What to show.
        display: Which parts to show. With ``quiet``, a report in which nothing needs attention
            gives an empty bundle.
    """
    display = display or DisplayOptions()
    if display.quiet and not report.needs_attention:
        return {}
    from tapemagic.views.page.report import html
    from tapemagic.views.text.report import text

    plain = text(report, display)
    return {"text/html": html(report, display, plain), "text/plain": plain}
