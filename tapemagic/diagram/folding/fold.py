"""Large graphs are folded before they are laid out.

Beyond some dozens of boxes nobody reads a graph, and beyond some hundreds no engine draws it in
time. What matters for a verdict (sources without a gradient, cuts, the way that was cut,
targets) is never folded away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapemagic.diagram.folding.keys import Keys
from tapemagic.diagram.folding.merge import merge
from tapemagic.wording.numbers import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from tapemagic.diagram.graph import Graph
    from tapemagic.diagram.model import Diagram

COMFORT = 40  # nodes that are drawn as they are
LIMIT = 150  # nodes that are drawn at all
GLANCE = 60  # nodes that are drawn when nothing was asked for
ASKED = 400  # nodes that are drawn when each op was asked for


def fold(diagram: Diagram, graph: Graph, level: str = "auto") -> None:
    """Fold a diagram in place until it can be read.

    Args:
        diagram: What to fold.
        graph: The ops behind its nodes.
        level: "op", "line", "layer", or "auto".
    """
    before = sum(len(node.ops) for node in diagram.nodes)
    drawn = len(diagram.nodes)
    done: list[str] = []
    keys = Keys(diagram, graph)
    for name, step, enough in _steps(keys, level):
        if len(diagram.nodes) > enough:
            size = len(diagram.nodes)
            step()
            if len(diagram.nodes) < size:
                done.append(name)
    diagram.drop_empty_groups()
    if len(diagram.nodes) < drawn:
        folded = ", ".join(done)
        boxes = counted(len(diagram.nodes), "box", "boxes")
        diagram.notes.append(f"{counted(before, 'op')} in {boxes}; folded: {folded}.")


def _steps(keys: Keys, level: str) -> list[tuple[str, Callable[[], None], int]]:
    """Return what to try in order: its name, what it does, and up to which size it is not done."""
    alike = ("sources alike", keys.sources_alike, 0)
    last = [
        ("bodies of functions", lambda: keys.bodies(LIMIT), LIMIT),
        ("functions", keys.by_function, LIMIT),
        ("neighbours", lambda: keys.neighbours(LIMIT), LIMIT),
    ]
    if level == "op":
        return [
            ("turns of loops", keys.turns, ASKED),
            ("lines", keys.by_line, ASKED),
            ("bodies of functions", lambda: keys.bodies(ASKED), ASKED),
            ("neighbours", lambda: keys.neighbours(ASKED), ASKED),
        ]
    if level == "line":
        return [alike, ("constants", keys.constants, 0), ("lines", keys.by_line, 0), *last]
    if level == "layer":
        return [
            alike,
            ("constants", keys.constants, 0),
            ("layers", keys.by_layer, 0),
            ("lines", keys.by_line, COMFORT),
            *last,
        ]
    return [
        alike,
        ("constants", keys.constants, COMFORT),
        ("turns of loops", keys.turns, COMFORT),
        ("layers", keys.by_layer, COMFORT),
        ("lines", keys.by_line, COMFORT),
        ("blocks", keys.by_block, GLANCE),
        ("bodies of functions", lambda: keys.bodies(GLANCE), GLANCE),
        ("functions", keys.by_function, LIMIT),
        ("neighbours", lambda: keys.neighbours(GLANCE), GLANCE),
    ]


__all__ = ["COMFORT", "LIMIT", "fold", "merge"]
