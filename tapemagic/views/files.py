"""The content of a saved file, by its suffix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapemagic.views import draw, svg
from tapemagic.views.errors import ReportError

if TYPE_CHECKING:
    from tapemagic.options import DisplayOptions
    from tapemagic.report.model import Report


def render(
    report: Report,
    suffix: str,
    display: DisplayOptions,
    call: int | None,
    theme: str,
    background: str | None,
    dpi: int,
    title: str | None,
) -> bytes:
    """Return what to write for a suffix; see :func:`tapemagic.views.save.save`.

    Raises:
        ReportError: If no engine can draw the picture, or there is nothing to draw.
    """
    if suffix == ".html":
        from tapemagic.views.html import page

        return _encoded(page(report, display, title))
    if suffix == ".md":
        from tapemagic.views.markdown import markdown

        return _encoded(markdown(report, display))
    if suffix == ".txt":
        from tapemagic.views.text import text

        return _encoded(text(report, display))
    return _diagram(report, suffix, display.level, call, theme, background, dpi, title)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _diagram(
    report: Report,
    suffix: str,
    level: str,
    call: int | None,
    theme: str,
    background: str | None,
    dpi: int,
    title: str | None,
) -> bytes:
    from tapemagic.diagram.build import build
    from tapemagic.diagram.dot import dot
    from tapemagic.views.picture import describe

    diagram = build(report, level, call)
    if not diagram.nodes:
        raise ReportError("There is no diagram to save: no op was recorded.")
    graph = dot(diagram, legend=True, title=title)
    if background is not None and suffix != ".svg":
        graph.attr(bgcolor=background)
    source = svg.recolour(graph.source, theme)
    if suffix == ".dot":
        return _encoded(source)
    form = suffix[1:]
    if form != "svg" and not draw.has_dot():
        raise ReportError(
            f"A {suffix} needs Graphviz: install it (https://graphviz.org/download/) so that dot"
            " is on PATH, or save as .svg, which needs nothing."
        )
    drawn = draw.draw(source, form, dpi=dpi if form == "png" else None)
    if drawn is None:
        raise ReportError(draw.HOW_TO + "." if form == "svg" else f"dot could not draw a {suffix}.")
    if form != "svg":
        return drawn
    name = title or diagram.title
    return _encoded(svg.finish(drawn, name, describe(report, diagram), "light", background))
