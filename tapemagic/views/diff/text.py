"""Two reports side by side, for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapemagic.views.diff.difference import SIGNS, told
from tapemagic.views.diff.graph import graph_changes
from tapemagic.wording import terminal
from tapemagic.wording.escape import one_line, printable
from tapemagic.wording.terminal import wrap

if TYPE_CHECKING:
    from tapemagic.views.diff.difference import Compared, Difference

MOST = 24  # changed lines of the cell that are shown
NAME = 20  # columns of a name: its end tells it from the others


def text(shown: Difference, width: int = terminal.WIDTH) -> str:
    """Return the comparison as text."""
    lines = wrap(shown.summary, width, "tapemagic  ")
    for call in shown.calls:
        lines += ["", *_call(call, width)]
    told = graph_changes(shown.before, shown.after)
    lines += [""] if told else []
    for sentence in told:
        lines += wrap(sentence, width)
    if shown.code:
        lines += ["", "What changed in the cell"]
        for sign, line in shown.code[:MOST]:
            lines.append(terminal.clip(f"  {sign} {printable(line).expandtabs(4)}", width))
        if len(shown.code) > MOST:
            lines.append(f"  … and {len(shown.code) - MOST:,} more lines")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _call(call: Compared, width: int) -> list[str]:
    where = f"  ({call.where})" if call.where else ""
    lines = wrap(one_line(call.heading.replace("`", ""), width - 24) + where, width, rest="  ")
    cells = _cells(call, True)
    if sum(max(map(terminal.width, column)) + 2 for column in zip(*cells, strict=True)) > width:
        cells = _cells(call, False)
    lines += ["  " + "  ".join(row) for row in terminal.table(cells, width - 2, 11)]
    for note in call.notes:
        lines += wrap(note, width, "  ")
    kinds = dict.fromkeys(pair.change for pair in call.pairs)
    return [*lines, "  " + "  ".join(f"{SIGNS[kind]} {kind}" for kind in SIGNS if kind in kinds)]


def _cells(call: Compared, places: bool) -> list[list[str]]:
    cells = [["", "source", "before", "after"]]
    for pair in call.pairs:
        row = [
            SIGNS[pair.change],
            terminal.clip_middle(one_line(pair.path or pair.name), 2 * NAME if places else NAME),
        ]
        row += [told(pair.before, places), told(pair.after, places)]
        cells.append([one_line(cell, 200) for cell in row])
    return cells
