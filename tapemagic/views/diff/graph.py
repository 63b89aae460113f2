"""What differs between the graphs of two reports, in sentences."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tapemagic.diagram.build import build
from tapemagic.wording.escape import one_line

if TYPE_CHECKING:
    from tapemagic.diagram.model import Diagram
    from tapemagic.report.model import Report

NAMED = 4  # boxes named in a sentence


def graph_changes(before: Report, after: Report) -> list[str]:
    """Say what is new in the graph, what is gone, and what carries a gradient now."""
    old, new = build(before), build(after)
    boxes = [_boxes(old), _boxes(new)]
    flows = [_boxes(old, "strong"), _boxes(new, "strong")]
    found = [
        ("New in the graph", boxes[1] - boxes[0]),
        ("No longer in it", boxes[0] - boxes[1]),
        ("A gradient now flows through", (flows[1] - flows[0]) & boxes[0]),
        ("No gradient flows any more through", (flows[0] - flows[1]) & boxes[1]),
    ]
    return [f"{words}: {_named(names)}." for words, names in found if names]


def _boxes(diagram: Diagram, state: str | None = None) -> Counter[str]:
    return Counter(
        one_line(node.title, 40)
        for node in diagram.nodes
        if node.role not in ("stop", "constant") and state in (None, node.state)
    )


def _named(names: Counter[str]) -> str:
    listed = list(names.elements())
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return ", ".join(listed[:NAMED]) + more
