"""The content of a saved file, by its suffix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tapemagic.views.errors import ReportError
from tapemagic.views.pictures import convert, draw, svg

if TYPE_CHECKING:
    from tapemagic.options import DisplayOptions
    from tapemagic.report.model import Report

TALL = 1000  # inches: a width that was asked for decides alone


@dataclass(frozen=True, slots=True)
class Sheet:
    """How a picture is to look; see :func:`tapemagic.views.save.save`."""

    call: int | None = None
    theme: str = "light"
    background: str | None = None
    dpi: int = 144
    width: float | None = None
    title: str | None = None


def render(report: Report, suffix: str, display: DisplayOptions, sheet: Sheet) -> bytes:
    """Return what to write for a suffix; see :func:`tapemagic.views.save.save`.

    Raises:
        ReportError: If no engine can draw the picture, or there is nothing to draw.
    """
    if suffix == ".html":
        from tapemagic.views.page.report import page

        return _encoded(page(report, display, sheet.title))
    if suffix == ".md":
        from tapemagic.views.markdown.report import markdown

        return _encoded(markdown(report, display))
    if suffix == ".txt":
        from tapemagic.views.text.report import text

        return _encoded(text(report, display))
    return _diagram(report, suffix, display.level, sheet)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _diagram(report: Report, suffix: str, level: str, sheet: Sheet) -> bytes:
    from tapemagic.diagram.build import build
    from tapemagic.diagram.dot.source import dot
    from tapemagic.views.pictures.picture import describe

    diagram = build(report, level, sheet.call)
    if not diagram.nodes:
        raise ReportError("There is no diagram to save: no op was recorded.")
    graph = dot(diagram, legend=True, title=sheet.title)
    form = suffix[1:]
    direct = form == "dot" or (form != "svg" and draw.has_dot())
    if sheet.background is not None and direct:
        graph.attr(bgcolor=sheet.background)
    if sheet.width is not None and direct:
        graph.attr(size=f"{sheet.width:g},{TALL}!")
    source = svg.recolour(graph.source, sheet.theme)
    if form == "dot":
        return _encoded(source)
    if direct:
        drawn = draw.draw(source, form, dpi=sheet.dpi if form == "png" else None)
        if drawn is None:
            raise ReportError(f"dot could not draw a {suffix}.")
        return drawn
    drawn = draw.draw(source, "svg")
    if drawn is None:
        raise ReportError(draw.HOW_TO + ".")
    name = sheet.title or diagram.title
    words = describe(report, diagram)
    if form == "svg":
        finished = svg.finish(drawn, name, words, "light", sheet.background, sheet.width)
        return _encoded(finished)
    inches = sheet.width or svg.points(drawn)[0] / 72
    made = svg.finish(drawn, name, words, "light", sheet.background, inches)
    found = convert.png(made, sheet.dpi) if form == "png" else convert.pdf(made)
    if found is None:
        raise ReportError(
            f"A {suffix} needs Graphviz (https://graphviz.org/download/) with dot on PATH, or"
            " pip install 'tapemagic[pictures]'; or save as .svg, which needs nothing."
        )
    return found
