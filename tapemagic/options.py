"""What a run and its display can be asked for."""

from __future__ import annotations

from dataclasses import dataclass

DIAGRAM_LEVELS = ("auto", "op", "line", "layer")


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a cell is run.

    Attributes:
        target: Expression to differentiate, for a cell without a tape of its own.
        sources: Expressions to differentiate with respect to; empty means the trainable
            variables that were read, and what was watched.
        watch: Names or expressions to watch on the tape that is opened around the cell.
        own_tape: Open a tape around the cell: True, False, or None to open one when the cell
            names no GradientTape and ends in an expression.
        try_fixes: Run each mended cell once, on the names as they were before the cell, and say
            what gradient it gave. ``tapemagic.trying.CANNOT_BE_PUT_BACK`` says what can't be undone.
    """

    target: str | None = None
    sources: tuple[str, ...] = ()
    watch: tuple[str, ...] = ()
    own_tape: bool | None = False
    try_fixes: bool = False


@dataclass(frozen=True, slots=True)
class DisplayOptions:
    """How a report is shown.

    Attributes:
        level: How much of the graph one node stands for: one of DIAGRAM_LEVELS.
        graph: Show the diagram.
        table: Show the gradient table.
        quiet: Show the report only when something needs attention.
    """

    level: str = "auto"
    graph: bool = True
    table: bool = True
    quiet: bool = False
