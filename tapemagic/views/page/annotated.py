"""The cell line by line, folded away at the end of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapemagic.views.page.tags import tag
from tapemagic.views.told.annotated import annotate
from tapemagic.wording.escape import html, one_line

if TYPE_CHECKING:
    from tapemagic.report.model import Report
    from tapemagic.views.told.annotated import Annotated

HEAD = ("", "", "cell", "ops", "recorded", "tape keeps", "time", "outside TensorFlow")
_TOLD = {"time": {"title": "of the line with all that it calls, while it was traced"}}
_FLOW = {
    "on": ("┃", "a gradient flows through this line"),
    "end": ("✗", "a gradient ends here"),
    "lost": ("┊", "the gradient that ended below would have come here"),
}
LONGEST = 160


def annotated(report: Report) -> str:
    """Return the annotated cell in a details element."""
    lines = annotate(report)
    if not any(line.count for line in lines):
        return ""
    head = "".join(
        tag("th", name, style="cell", scope="col", **_TOLD.get(name, {})) for name in HEAD
    )
    body = "".join(map(_row, lines))
    table = tag("table", tag("thead", tag("tr", head)) + tag("tbody", body), "table lines", "table")
    summary = tag("summary", "The cell, line by line")
    scroll = tag("div", table, "scroll", "scroll", tabindex="0")
    return tag("details", summary + scroll, "annotated")


def _row(line: Annotated) -> str:
    sign, told = _FLOW.get(line.flow, ("", ""))
    text = line.text.rstrip()
    text = text[: LONGEST - 1] + "…" if len(text) > LONGEST else text
    indent = len(text) - len(text.lstrip(" "))
    left = " ".join(one_line(what, 60) for what in line.left)
    cells = [
        tag("td", html(sign), f"flow flow-{line.flow or 'none'}", "cell", title=told),
        tag("td", str(line.number), "line", "cell"),
        tag(
            "td",
            "&nbsp;" * indent + tag("code", html(text[indent:]), data_line=str(line.number)),
            "source",
            "cell",
        ),
        tag("td", html(one_line(line.kinds, 80)), "ops", "cell"),
        tag("td", html(line.kept), "kept", "cell"),
        tag("td", html(line.size), "number", "cell"),
        tag("td", html(line.time), "number", "cell"),
        tag("td", html(left), "left", "cell"),
    ]
    return tag("tr", "".join(cells))
