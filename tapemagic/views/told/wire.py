"""The value's way through an excerpt, as a wire from line to line in its margin."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tapemagic.report.model import Why
    from tapemagic.views.told.excerpt import Line

SIGNS = {
    "start": "╭",
    "pass": "│",
    "stop": "├▸",
    "end": "╰▸",
    "cut": "✗",
    "lost-pass": "┊",
    "lost-stop": "┊▸",
    "lost-end": "╰▸",
}


def wire(lines: list[Line], why: Why) -> None:
    """Mark each line with its part of the wire; none if the way jumps back, as into a function."""
    stops = [step.at.line for step in why.story if step.at is not None and step.at.here]
    shown = {line.number for line in lines}
    if any(before > after for before, after in pairwise(stops)) or not shown.issuperset(stops):
        return
    if len(set(stops)) < 2:
        return
    cut = why.at.line if why.at is not None and why.at.here and why.at.line in stops else None
    on = lost = False
    for line in lines:
        number = line.number
        if number == stops[0]:
            on, line.wire = True, "cut" if number == cut else "start"
            lost = number == cut
        elif on:
            line.wire = _part(number, stops, number == cut)
            if lost and number != cut:
                line.wire = f"lost-{line.wire}"
            lost = lost or number == cut
        if number == stops[-1]:
            return


def _part(number: int, stops: list[int], cut: bool) -> str:
    if cut:
        return "cut"
    if number == stops[-1]:
        return "end"
    return "stop" if number in stops else "pass"
