"""A card in the terminal: the sentence, the fix, the code with a caret, the path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapemagic.views.told import cards
from tapemagic.wording import terminal, words
from tapemagic.wording.escape import printable
from tapemagic.wording.terminal import paint, wrap

if TYPE_CHECKING:
    from tapemagic.report.model import Why
    from tapemagic.views.told.cards import Card
    from tapemagic.views.told.excerpt import Line

LABEL = "  {:<6}"


def card(shown: Card, columns: int, colour: bool) -> list[str]:
    """Return the lines of one card."""
    why = shown.why
    head = f"{shown.sign} {shown.sources}: {shown.verdict}" if shown.sources else shown.sign
    if not shown.sources:
        head = f"{shown.sign} {shown.verdict}"
    where = words.inside(why.at)
    title = f"{head} — {words.cause(why)}" + (f", {where}" if where else "")
    tone = "care" if shown.partial or why.level == "warning" else "bad"
    lines = [paint(line, tone, colour) for line in wrap(title, columns, rest="  ")]
    lines += wrap(shown.message, columns, "  ")
    if why.because is not None:
        lines += wrap(_below(why.because), columns, LABEL.format("why"))
    lines += _fix(shown, columns, colour)
    if shown.lines:
        lines += ["", *code_lines(shown.lines, columns, colour)]
    lines += _story(why, columns)
    for other in why.other:
        lines += wrap(_below(other), columns, LABEL.format("also"))
    return lines


def _below(why: Why) -> str:
    where = words.place(why.at)
    return f"{why.message} ({where})" if where else why.message


def code_lines(lines: list[Line], columns: int, colour: bool = False) -> list[str]:
    """Return numbered lines of code, with carets under the culprit expression."""
    digits = max(len(str(line.number)) for line in lines)
    found = []
    for line in lines:
        if not line.number:
            found.append(paint(f"    {'⋮':>{digits}}", "quiet", colour))
            continue
        sign = "▶" if line.culprit else " "
        text = printable(line.text).expandtabs(4)
        shown = f"  {sign} {line.number:>{digits}} │ {text}"
        shown = terminal.clip(shown, columns)
        found.append(paint(shown, "strong", colour) if line.culprit else shown)
        if line.mark:
            left, right = (
                terminal.width(printable(line.text[:n]).expandtabs(4)) for n in line.mark
            )
            room = columns - digits - 7
            if left < room:
                caret = "^" * max(min(right, room) - left, 1)
                gutter = f"    {'':>{digits}} │ {' ' * left}"
                found.append(gutter + paint(caret, "bad", colour))
    return found


def _story(why: Why, columns: int) -> list[str]:
    hard = terminal.HARD
    steps = [
        f"{what} ({where.replace(' ', hard)})" if where else what
        for what, where in cards.story(why)
    ]
    return ["", *wrap(" → ".join(steps), columns, LABEL.format("path"))] if len(steps) > 1 else []


def _fix(shown: Card, columns: int, colour: bool) -> list[str]:
    found = ["", *wrap(shown.fix, columns, LABEL.format("fix"))] if shown.fix else []
    tried = cards.tried(shown.why)
    if tried:
        sign = "✓ " if shown.why.fix_verified else ""
        found += wrap(sign + tried, columns, LABEL.format(""))
    for sign, line in shown.diff:
        tone = {"-": "bad", "+": "good"}.get(sign, "quiet")
        text = f"      {sign} {printable(line).expandtabs(4)}".rstrip()
        if sign != "+":  # what is to be written is there to be copied, however long
            text = terminal.clip(text, columns)
        found.append(paint(text, tone, colour))
    return found
