"""Two reports side by side, for a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapemagic.views.diff.difference import SIGNS, TONES
from tapemagic.views.diff.graph import graph_changes
from tapemagic.views.diff.text import text
from tapemagic.views.page.card import diff_lines
from tapemagic.views.page.diagram import diagram
from tapemagic.views.page.report import fragment
from tapemagic.views.page.tags import code, tag
from tapemagic.wording.escape import html as escaped
from tapemagic.wording.escape import html_prose, one_line

if TYPE_CHECKING:
    from tapemagic.views.diff.difference import Compared, Difference, Pair
    from tapemagic.views.told.rows import Row

HEAD = ("source", "before", "after", "")


def html(shown: Difference) -> str:
    """Return the comparison as a piece of HTML for a notebook's output."""
    parts = [tag("p", escaped(shown.summary), "summary"), *map(_call, shown.calls)]
    if shown.code:
        heading = tag("summary", "What changed in the cell")
        parts.append(tag("details", heading + diff_lines(shown.code)))
    parts += [tag("p", escaped(told), "note") for told in graph_changes(shown.before, shown.after)]
    sides = [("Before", shown.before), ("After", shown.after)]
    parts += [_side_of_graph(name, diagram(report)) for name, report in sides]
    return fragment("".join(parts), text(shown))


def _side_of_graph(name: str, drawn: str) -> str:
    return tag("p", tag("b", name, "label"), "side") + drawn if drawn else ""


def _call(call: Compared) -> str:
    title = html_prose(one_line(call.heading, 200))
    if call.where:
        title += " " + tag("span", escaped(call.where), "where")
    head = "".join(tag("th", name, style="cell", scope="col") for name in HEAD)
    inner = tag("thead", tag("tr", head)) + tag("tbody", "".join(map(_row, call.pairs)))
    table = tag("div", tag("table", inner, "table", "table"), "scroll", "scroll", tabindex="0")
    notes = "".join(tag("p", escaped(note), "note") for note in call.notes)
    return tag("div", tag("div", title, "asked") + table + notes, "call")


def _row(pair: Pair) -> str:
    path = f" {tag('span', escaped(one_line(pair.path, 80)), 'where')}" if pair.path else ""
    tone = TONES.get(pair.change, "quiet")
    cells = [
        tag("th", code(one_line(pair.name, 200)) + path, "name", "cell", scope="row"),
        _side(pair.before),
        _side(pair.after),
        tag("td", f"{SIGNS[pair.change]} {pair.change}", f"change tone-{tone}", "cell"),
    ]
    return tag("tr", "".join(cells))


def _side(row: Row | None) -> str:
    if row is None:
        return tag("td", "not asked", "reason", "cell")
    reason = ", ".join(x for x in (row.reason, row.where) if x)
    verdict = f'<b class="tm-sign">{escaped(row.verdict.sign)}</b> {escaped(row.verdict.word)}'
    parts = [tag("span", verdict, f"tone-{row.verdict.tone}"), escaped(one_line(row.gradient, 200))]
    parts += [tag("span", escaped(one_line(reason, 200)), "where")] if reason else []
    return tag("td", " ".join(part for part in parts if part), style="cell")
