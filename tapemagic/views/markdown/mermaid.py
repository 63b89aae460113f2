"""The diagram in Mermaid, which GitHub draws inside Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapemagic.diagram.dot import palette
from tapemagic.diagram.dot.source import direction
from tapemagic.wording.escape import mermaid as escaped

if TYPE_CHECKING:
    from tapemagic.diagram.model import Diagram, Node

MOST = 80  # GitHub refuses larger ones; a reader would, too
_SHAPES = {
    "source": ("([", "])"),
    "target": ("[[", "]]"),
    "python": ("{{", "}}"),
    "constant": ("(", ")"),
    "stop": (">", "]"),
}
_ARROWS = {"strong": "==>", "cut": "-. ✗ .->", "nan": "-. NaN or Inf .->", "faint": "-.->"}
_CLASSES = {
    "source": f"fill:{palette.SKY},stroke:{palette.BLUE},color:{palette.INK}",
    "target": f"fill:{palette.MINT},stroke:{palette.GREEN},color:{palette.INK}",
    "python": f"fill:{palette.SAND},stroke:{palette.AMBER},color:{palette.INK},"
    "stroke-dasharray:4 3",
    "stop": f"fill:{palette.BLUSH},stroke:{palette.RED},color:{palette.INK}",
}


def mermaid(diagram: Diagram) -> str | None:
    """Return the diagram as Mermaid source, or None if it has too many boxes."""
    if not diagram.nodes or len(diagram.nodes) > MOST:
        return None
    ids = {node.id: f"n{number}" for number, node in enumerate(diagram.nodes)}
    lines = [f"flowchart {direction(diagram)}"]
    lines += _boxes(diagram, ids, None)
    loud: dict[str, list[str]] = {"cut": [], "nan": []}
    for number, edge in enumerate(diagram.edges):
        again = "-. next turn .->" if edge.again else None
        arrow = again or _ARROWS.get(edge.state, "-.->" if edge.python else "-->")
        lines.append(f"  {ids[edge.tail]} {arrow} {ids[edge.head]}")
        if edge.state in loud:
            loud[edge.state].append(str(number))
    for role, style in _CLASSES.items():
        members = [ids[node.id] for node in diagram.nodes if node.role == role]
        if members:
            lines += [f"  classDef {role} {style}", f"  class {','.join(members)} {role}"]
    for state, colour in (("cut", palette.RED), ("nan", palette.PURPLE)):
        if loud[state]:
            lines.append(f"  linkStyle {','.join(loud[state])} stroke:{colour},color:{colour}")
    return "\n".join(lines)


def _boxes(diagram: Diagram, ids: dict[str, str], home: str | None) -> list[str]:
    """Return the boxes of one frame, and the frames in it."""
    framed = {group.id for group in diagram.groups}
    found = [
        f"  {ids[node.id]}{_box(node)}"
        for node in diagram.nodes
        if (node.group if node.group in framed else None) == home
    ]
    for number, group in enumerate(diagram.groups):
        if group.parent == home:
            found += [f'  subgraph g{number}["{escaped(group.label)}"]']
            found += _boxes(diagram, ids, group.id)
            found += ["  end"]
    return found


def _box(node: Node) -> str:
    left, right = _SHAPES.get(node.role, ("[", "]"))
    label = "<br>".join(escaped(line) for line in (node.title, *node.facts))
    return f'{left}"{label}"{right}'
