"""What the page's script knows of the diagram, as JSON that can stand inside a page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tapemagic.diagram.dot.source import direction
from tapemagic.diagram.dot.style import node_style
from tapemagic.wording import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tapemagic.diagram.model import Diagram, Edge, Node

MOST = 500_000  # letters; beyond, what is inside of folded boxes is left out
_STYLE = ("color", "fillcolor", "fontcolor", "penwidth", "style")


def facts(diagram: Diagram) -> str:
    """Return the diagram as JSON: boxes by their ids in the picture, arrows in their order."""
    found = _packed(diagram, inside=True)
    return found if len(found) <= MOST else _packed(diagram, inside=False)


def _packed(diagram: Diagram, inside: bool) -> str:
    styles: list[list[str]] = []
    made: dict[str, Any] = _graph(diagram.nodes, diagram.edges, styles, inside)
    frames = {group.id: number for number, group in enumerate(diagram.groups)}
    for node, known in zip(diagram.nodes, made["nodes"], strict=True):
        if node.group in frames:
            known["frame"] = frames[node.group]
    made["frames"] = [
        {
            "id": f"frame-{escape.element_id(group.id)}",
            "label": escape.one_line(group.label, 120),
            "parent": frames.get(group.parent) if group.parent is not None else None,
        }
        for group in diagram.groups
    ]
    made["title"] = escape.one_line(diagram.title, 200)
    made["down"] = direction(diagram) == "TB"
    made["styles"] = styles
    made["forward"] = _order(diagram, diagram.steps.forward)
    made["backward"] = _order(diagram, diagram.steps.backward)
    return escape.json_in_html(json.dumps(made, ensure_ascii=False, separators=(",", ":")))


def _graph(
    nodes: Sequence[Node], edges: Sequence[Edge], styles: list[list[str]], inside: bool
) -> dict[str, Any]:
    number = {node.id: i for i, node in enumerate(nodes)}
    return {
        "nodes": [_node(node, styles, inside) for node in nodes],
        "edges": [
            [number[e.tail], number[e.head], e.state, escape.one_line(e.label, 60)]
            for e in edges
            if e.tail in number and e.head in number
        ],
    }


def _node(node: Node, styles: list[list[str]], inside: bool) -> dict[str, Any]:
    style = [node_style(node).get(key, "") for key in _STYLE]
    if style not in styles:
        styles.append(style)
    lines = [escape.one_line(text, 120) for text in (node.title, *node.facts)]
    made: dict[str, Any] = {
        "id": escape.element_id(node.id),
        "role": node.role,
        "state": node.state,
        "style": styles.index(style),
        "lines": lines,
    }
    if node.line is not None:
        made["line"] = node.line
    if node.rows:
        made["rows"] = [[word, escape.one_line(text, 200)] for word, text in node.rows]
    elif node.ops:
        made["rows"] = [["ops", f"{len(node.ops):,}"]]
    elif node.detail:
        made["rows"] = [["why" if node.role == "stop" else "is", escape.one_line(node.detail, 400)]]
    if inside and node.inside is not None:
        made["inside"] = _graph(node.inside.nodes, node.inside.edges, styles, inside)
    return made


def _order(diagram: Diagram, ops: list[int]) -> list[int]:
    """Return the boxes in the order in which the last op of each ran."""
    homes = {op: i for i, node in enumerate(diagram.nodes) for op in node.ops}
    last = {homes[op]: turn for turn, op in enumerate(ops) if op in homes}
    return sorted(last, key=last.__getitem__)
