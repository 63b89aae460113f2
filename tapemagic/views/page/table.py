"""The gradient table of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapemagic.views.page.portraits import plots, spark
from tapemagic.views.page.tags import code, tag
from tapemagic.views.told import rows as plain
from tapemagic.wording import words
from tapemagic.wording.asked import heading
from tapemagic.wording.escape import html, html_prose, one_line
from tapemagic.wording.numbers import TIMES

if TYPE_CHECKING:
    from tapemagic.report.model import Call, Report
    from tapemagic.views.told.rows import Row

HEAD = ("source", "verdict", "gradient", "spread", "type")
MOST = 24  # rows in sight; the rest is folded away
LOUD = 30
ALIKE = 3  # rows of one kind and dtype from which on the head of the column says it for all
PICTURES = 200  # gradients of one call that get a picture


def table(report: Report, call: Call) -> str:
    """Return one call's table with its notes."""
    found = [] if plain.quiet(call) else plain.rows(call, report.trace)
    for row, source in zip(found[:PICTURES], call.sources, strict=False):
        row.picture = spark(source)
    shown, folded = found, list[plain.Row]()
    if len(found) > MOST:
        shown = [row for row in found if row.verdict.tone != "good"][:LOUD] or found[: MOST // 2]
        seen = {id(row) for row in shown}
        folded = [row for row in found if id(row) not in seen]
    parts = [_title(report, call)]
    if call.error is not None:
        message = html(one_line(call.error.message, 400))
        parts.append(tag("p", f"raised <b>{html(call.error.type)}</b>: {message}", "raised"))
    if shown:
        parts.append(_table(shown))
    if folded:
        summary = tag("summary", f"{len(folded):,} more {_fate(folded)}")
        parts.append(tag("details", summary + _table(folded), "more"))
    parts.append(plots(report, call) if shown else "")
    parts += [tag("p", html_prose(note), "note") for note in plain.notes(call)]
    return tag("div", "".join(parts), "call")


def _title(report: Report, call: Call) -> str:
    where = words.inside(call.at)
    parts = html_prose(one_line(heading(report, call), 200))
    if where:
        parts += " " + tag("span", html(where), "where")
    if call.times > 1:
        parts += " " + tag("span", f"{TIMES} {call.times:,}", "where")
    return tag("div", parts, "asked")


def _fate(found: list[Row]) -> str:
    fine = all(row.verdict.tone == "good" for row in found)
    return "sources, all connected" if fine else "sources"


def _table(found: list[Row]) -> str:
    used = [bool(any(_texts(row)[i] for row in found)) for i in range(len(HEAD))]
    kinds = {(row.kind, row.dtype) for row in found}
    alike = len(found) >= ALIKE and len(kinds) == 1
    names = [*HEAD[:2], plain.got(found), HEAD[3], " ".join(kinds.pop()) if alike else HEAD[4]]
    head = "".join(
        tag("th", html(name), style="cell", scope="col")
        for name, use in zip(names, used, strict=True)
        if use
    )
    body = "".join(_row(row, used, alike) for row in found)
    inner = tag("thead", tag("tr", head)) + tag("tbody", body)
    return tag("div", tag("table", inner, "table", "table"), "scroll", "scroll", tabindex="0")


def _texts(row: Row) -> tuple[str, ...]:
    return (row.code, row.verdict.text, _got(row), row.picture[:1], row.type)


def _got(row: Row) -> str:
    """Return the gradient, and the reason where there is one: most sources have one of them."""
    reason = ", ".join(one_line(x, 200) for x in (row.reason, row.where) if x)
    parts = [
        html(one_line(row.gradient, 200)),
        tag("span", html(reason), "reason") if reason else "",
    ]
    return " ".join(part for part in parts if part)


def _row(row: Row, used: list[bool], alike: bool) -> str:
    texts = [one_line(text, 200) for text in _texts(row)]
    verdict = f'<b class="tm-sign">{html(row.verdict.sign)}</b> {html(row.verdict.word)}'
    path = f" {tag('span', html(one_line(row.path, 80)), 'where')}" if row.path else ""
    cells = [
        tag(
            "th", code(texts[0]) + path, "name", "cell", scope="row", title=one_line(row.name, 200)
        ),
        tag("td", verdict, f"verdict tone-{row.verdict.tone}", "cell"),
        tag("td", _got(row), "number", "cell"),
        tag("td", row.picture, "spread", "cell"),
        tag("td", html(row.shape if alike else texts[4]), "fact", "cell"),
    ]
    return tag("tr", "".join(c for c, use in zip(cells, used, strict=True) if use))
