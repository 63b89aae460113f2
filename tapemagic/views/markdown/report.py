"""The report as Markdown, for an issue or a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapemagic.diagram.build import build
from tapemagic.options import DisplayOptions
from tapemagic.views.markdown.mermaid import mermaid
from tapemagic.views.text.card import code_lines
from tapemagic.views.text.listing import listing
from tapemagic.views.told import cards as plain
from tapemagic.views.told import rows, summary
from tapemagic.wording import terminal, words
from tapemagic.wording.asked import heading
from tapemagic.wording.escape import markdown as escaped
from tapemagic.wording.escape import markdown_code, markdown_fence, one_line
from tapemagic.wording.escape import markdown_prose as prose
from tapemagic.wording.numbers import TIMES

if TYPE_CHECKING:
    from tapemagic.report.model import Call, Report, Why
    from tapemagic.views.told.cards import Card

HEAD = ("source", "verdict", "gradient", "reason", "type")


def markdown(report: Report, display: DisplayOptions | None = None) -> str:
    """Return the report as Markdown.

    Args:
        report: What to show.
        display: Which parts to show; the default shows all.
    """
    display = display or DisplayOptions()
    blocks = [escaped(summary.line(report)), *map(escaped, report.notes)]
    for card in plain.cards(report):
        blocks += _card(card)
    if display.table:
        for call in report.calls:
            blocks += _table(report, call)
    if display.graph:
        blocks += _graph(report, display.level)
    blocks.append(escaped(summary.checked(report)))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _table(report: Report, call: Call) -> list[str]:
    where = words.inside(call.at)
    times = f" {TIMES} {call.times:,}" if call.times > 1 else ""
    head = f"**{prose(one_line(heading(report, call), 200))}**{times} {escaped(where)}"
    blocks = [head.rstrip()]
    if call.error is not None:
        message = one_line(call.error.message, 400)
        blocks.append(f"raised **{escaped(call.error.type)}**: {escaped(message)}")
    found = [] if rows.quiet(call) else rows.rows(call, report.trace)
    if found:
        lines = [f"| {' | '.join(HEAD)} |", "|" + " --- |" * len(HEAD)]
        for row in found:
            reason = ", ".join(x for x in (row.reason, row.where) if x)
            cells = [row.verdict.text, row.gradient, reason, row.type]
            inner = " | ".join(escaped(one_line(cell, 200)) for cell in cells)
            path = f" {escaped(row.path)}" if row.path else ""
            lines.append(f"| {markdown_code(one_line(row.code, 200))}{path} | {inner} |")
        blocks.append("\n".join(lines))
    return blocks + [prose(note) for note in rows.notes(call)]


def _card(card: Card) -> list[str]:
    why = card.why
    where = words.inside(why.at)
    verdict = f"{card.sign} {escaped(card.verdict)}"
    names = markdown_code(card.sources) + " " if card.sources else ""
    head = f"### {names}{verdict}: {escaped(words.cause(why))}"
    blocks = [head + (f", {escaped(where)}" if where else ""), prose(card.message)]
    if why.because is not None:
        blocks.append(f"**Why:** {_below(why.because)}")
    blocks += _fix(card)
    if card.lines:
        blocks.append(markdown_fence("\n".join(code_lines(card.lines, 120)), "text"))
    steps = [f"{escaped(w)} ({escaped(p)})" if p else escaped(w) for w, p in plain.story(why)]
    if len(steps) > 1:
        blocks.append(f"**Path:** {' → '.join(steps)}")
    return blocks + [f"**Also possible:** {_below(other)}" for other in why.other]


def _fix(card: Card) -> list[str]:
    said = [f"**Fix:** {prose(card.fix)}"] if card.fix else []
    tried = plain.tried(card.why)
    blocks = [" ".join([*said, prose(tried)])] if tried else said
    if card.diff:
        diff = "\n".join(f"{sign}{line}" for sign, line in card.diff)
        blocks.append(markdown_fence(diff, "diff"))
    return blocks


def _below(why: Why) -> str:
    where = words.place(why.at)
    return prose(f"{why.message} ({where})" if where else why.message)


def _graph(report: Report, level: str) -> list[str]:
    diagram = build(report, level)
    if not diagram.nodes:
        return []
    drawn = mermaid(diagram)
    if drawn is None:
        lines = listing(diagram, terminal.WIDTH)
        picture = markdown_fence("\n".join(lines), "text")
    else:
        picture = markdown_fence(drawn, "mermaid")
    return [f"### {escaped(diagram.title)}", picture, *map(escaped, diagram.notes)]
