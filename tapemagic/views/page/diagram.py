"""The diagram of the page: an image that also shows where scripts and SVG are not trusted."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from tapemagic.diagram.dot import palette
from tapemagic.diagram.dot.style import legend_items
from tapemagic.views.page.facts import facts
from tapemagic.views.page.tags import tag
from tapemagic.views.pictures import draw
from tapemagic.views.pictures.picture import picture
from tapemagic.views.text.listing import key, listing
from tapemagic.wording.escape import html, one_line
from tapemagic.wording.terminal import HARD

if TYPE_CHECKING:
    from tapemagic.diagram.model import Diagram
    from tapemagic.report.model import Report
    from tapemagic.views.pictures.picture import Picture

LEAST = 0.7  # a picture is shrunk to fit down to this; a wider one is scrolled, and stays legible
_BORDER = {
    "source": f"2px solid {palette.BLUE}",
    "target": f"3px double {palette.GREEN}",
    "variable": f"1px solid {palette.BLUE}",
    "python": f"2px dashed {palette.AMBER}",
    "op": f"1px dashed {palette.LINE}",
    "group": f"1px solid {palette.MUTED}",
    "constant": f"1px solid {palette.FAINT}",
}
_STATE = {
    "story": f"1px solid {palette.AMBER}",
    "cut": f"2px solid {palette.RED}",
    "born": f"2px solid {palette.PURPLE}",
}
_EDGE = {
    "strong": ("3px solid", palette.MUTED, "a gradient flows"),
    "nan": ("3px dotted", palette.PURPLE, "the gradient is NaN or Inf"),
    "cut": ("3px dashed", palette.RED, "the gradient ends"),
    "flow": ("2px solid", palette.LINE, "a gradient arrives and reaches no source"),
    "quiet": ("1px solid", palette.LINE, "values only"),
}


def diagram(report: Report, level: str = "auto") -> str:
    """Return the figure, or nothing if there is nothing to draw."""
    drawn = picture(report, level)
    if drawn is None:
        return ""
    drawn_as = _image(drawn) + _legend(drawn.diagram) if drawn.svg is not None else _words(drawn)
    notes = "".join(tag("p", html(note), "note") for note in drawn.diagram.notes)
    caption = tag("div", html(one_line(drawn.diagram.title, 160)), "caption")
    known = _known(drawn.diagram) if drawn.svg is not None else ""
    return tag("div", caption + drawn_as + notes + known, "diagram")


def _known(shown: Diagram) -> str:
    """Return what the script knows, as data: nothing that a browser would run or show."""
    return f'<script type="application/json" class="tm-known">{facts(shown)}</script>'


def _image(drawn: Picture) -> str:
    assert drawn.svg is not None
    data = base64.b64encode(drawn.svg.encode("utf-8")).decode("ascii")
    width = f"{drawn.width:.0f}"
    least = f"{drawn.width * LEAST:.0f}px"
    image = (
        f'<img class="tm-image" src="data:image/svg+xml;base64,{data}" width="{width}"'
        f' alt="{html(drawn.alt)}" title="{html(one_line(drawn.diagram.title, 200))}"'
        f' style="background-color:#ffffff;height:auto;max-width:100%;min-width:{least}">'
    )
    return tag("div", image, "figure", "figure", tabindex="0")


def _words(drawn: Picture) -> str:
    found = listing(drawn.diagram, 100)
    lines = html("\n".join([*found, "", key(found).replace(HARD, " ")]))
    dot = tag("details", tag("summary", "Graphviz source") + tag("pre", html(drawn.source)))
    return tag("pre", lines, "code", "code") + tag("p", html(draw.HOW_TO), "note") + dot


def _legend(shown: Diagram) -> str:
    items = []
    for words, node in legend_items(shown):
        border = _STATE.get(node.state) or _BORDER[node.role]
        items.append(_item(f"border:{border};width:13px;height:9px", words))
    states = {edge.state for edge in shown.edges}
    for state, (line, colour, words) in _EDGE.items():
        if state in states:
            style = f"border-top:{line} {colour};width:20px;vertical-align:middle"
            items.append(_item(style, words + (_widths(shown) if state == "strong" else "")))
    return tag("p", " ".join(items), "legend")


def _widths(shown: Diagram) -> str:
    """Say what the width of a line tells: sizes are kept of small gradients, and of the sources'."""
    known = {edge.weight is not None for edge in shown.edges if edge.state == "strong"}
    if known == {False}:
        return " (its size was not kept: all lines are alike)"
    unknown = " (of middle width: size not kept)" if False in known else ""
    return f", wider where it is larger{unknown}"


def _item(style: str, words: str) -> str:
    swatch = f'<span class="tm-swatch" style="display:inline-block;{style}"></span>'
    return tag("span", f"{swatch} {html(words)}", "key") + "&ensp;"
