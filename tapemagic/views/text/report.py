"""The report for a terminal: 80 columns, fit for copy and paste into an issue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapemagic.options import DisplayOptions
from tapemagic.views.text.card import card
from tapemagic.views.told import rows, summary
from tapemagic.views.told.cards import cards
from tapemagic.wording import terminal, words
from tapemagic.wording.asked import heading
from tapemagic.wording.escape import one_line
from tapemagic.wording.numbers import TIMES
from tapemagic.wording.terminal import paint, wrap

if TYPE_CHECKING:
    from tapemagic.report.model import Call, Report

MOST = 40  # rows of one table; sources that need attention are always among them


def text(
    report: Report,
    display: DisplayOptions | None = None,
    *,
    colour: bool = False,
    width: int = terminal.WIDTH,
) -> str:
    """Return the report as text.

    Args:
        report: What to show.
        display: Which parts to show; the default shows all.
        colour: Use a terminal's colours.
        width: Columns to use.
    """
    display = display or DisplayOptions()
    lines = wrap(summary.line(report), width, "tapemagic  ")
    lines[0] = lines[0].replace("tapemagic", paint("tapemagic", "strong", colour), 1)
    for note in report.notes:
        lines += wrap(note, width, "  ")
    for shown in cards(report):
        lines += ["", *card(shown, width, colour)]
    if display.table:
        for call in report.calls:
            lines += ["", *_table(report, call, width, colour)]
    if display.graph:
        lines += _graph(report, display, width, colour)
    checked = summary.checked(report)
    if checked:
        lines += ["", *(paint(line, "quiet", colour) for line in wrap(checked, width))]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _table(report: Report, call: Call, width: int, colour: bool) -> list[str]:
    where = words.inside(call.at)
    title = one_line(heading(report, call).replace("`", ""), width - 24) + (
        f"  ({where})" if where else ""
    )
    if call.times > 1:
        title += f"  {TIMES} {call.times:,}"
    lines = wrap(title, width, rest="  ")
    lines[0] = paint(lines[0], "strong", colour)
    if call.error is not None:
        lines += wrap(f"raised {call.error.type}: {one_line(call.error.message, 300)}", width, "  ")
    found = [] if rows.quiet(call) else rows.rows(call, report.trace)
    loud = [row for row in found if row.verdict.tone != "good"]
    shown = found if len(found) <= MOST else (loud or found)[:MOST]
    if shown:
        for number, line in enumerate(terminal.table(_fitting(shown, width), width - 2)):
            if number:
                line[1] = paint(line[1], shown[number - 1].verdict.tone, colour)
                line[2] = paint(line[2], "quiet", colour)
            joined = "  " + "  ".join(line)
            lines.append(joined if number else paint(joined, "quiet", colour))
    if len(shown) < len(found):
        rest = len(found) - len(shown)
        lines.append(f"  … and {rest:,} more, {'all connected' if loud == shown else 'not shown'}")
    for note in rows.notes(call):
        lines += wrap(note, width, "  ")
    return lines


def _fitting(shown: list[rows.Row], width: int) -> list[list[str]]:
    """Return the cells of a table; names and reasons need the room more than the type does."""
    head = ["source", "verdict", "type", rows.got(shown)]
    cells: list[list[str]] = []
    for form in range(3):
        cells = [head, *(_cells(row, form) for row in shown)]
        columns = zip(*cells, strict=True)
        if sum(max(map(terminal.width, column)) + 2 for column in columns) <= width:
            break
    return cells


def _cells(row: rows.Row, form: int) -> list[str]:
    reason = ", ".join(x for x in (row.reason, row.where) if x)
    last = f"{row.gradient} ({reason})" if row.gradient and reason else row.gradient or reason
    cells = [row.called, row.verdict.text, row.types[form], last]
    return [one_line(cell, 200) for cell in cells]


def _graph(report: Report, display: DisplayOptions, width: int, colour: bool) -> list[str]:
    from tapemagic.diagram.build import build
    from tapemagic.views.text.listing import key, listing

    diagram = build(report, display.level)
    found = listing(diagram, width - 2)
    if not found:
        return []
    lines = ["", paint(one_line(diagram.title, width), "strong", colour)]
    lines += [f"  {line}" for line in found]
    for sentence in (key(found), *diagram.notes):
        lines += [paint(line, "quiet", colour) for line in wrap(sentence, width, "  ")]
    return lines
