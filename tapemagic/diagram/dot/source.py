"""From a diagram to Graphviz source.

Only plain labels and full ``#rrggbb`` colours are used: embedded engines drop HTML-like labels,
and older ones reject short colours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import graphviz

from tapemagic.diagram.dot import palette
from tapemagic.diagram.dot.style import edge_style, legend_items, node_style
from tapemagic.wording import escape

if TYPE_CHECKING:
    from tapemagic.diagram.model import Diagram, Edge, Node

FONT = "Helvetica"
WIDE = 1080  # points; a graph no wider than this runs from left to right
RANKS = 16
MANY = 35  # boxes; more stand better below each other


def dot(diagram: Diagram, legend: bool = False, title: str | None = None) -> graphviz.Digraph:
    """Return the diagram as a ``graphviz.Digraph``, free to be restyled.

    Args:
        diagram: What to draw.
        legend: Add a key to shapes and colours.
        title: A heading inside the picture.
    """
    graph = graphviz.Digraph(
        "tape",
        graph_attr={
            "rankdir": direction(diagram),
            "bgcolor": "transparent",
            "fontname": FONT,
            "fontsize": "12",
            "fontcolor": palette.INK,
            "nodesep": "0.22",
            "ranksep": "0.38",
            "pad": "0.1",
            "tooltip": " ",
        },
        node_attr={
            "shape": "box",
            "style": "rounded,filled",
            "fontname": FONT,
            "fontsize": "11",
            "margin": "0.17,0.07",
            "height": "0.3",
            "width": "0.3",
        },
        edge_attr={"fontname": FONT, "fontsize": "10", "arrowsize": "0.6"},
    )
    if title:
        graph.attr(label=_text(escape.dot(title)), labelloc="t")
    framed = {group.id for group in diagram.groups}
    for node in diagram.nodes:
        if node.group not in framed:
            _node(graph, node)
    _frames(graph, diagram, None)
    spine = {node.id for node in diagram.nodes if node.ops}
    for number, edge in enumerate(diagram.edges):
        # Op to op is the spine: kept straight, with sources and constants beside it.
        straight = edge.tail in spine and edge.head in spine and edge.state != "faint"
        _edge(graph, edge, "6" if straight else "1", f"e{number}")
    if legend and diagram.nodes:
        _legend(graph, diagram)
    return graph


def _frames(graph: graphviz.Digraph, diagram: Diagram, parent: str | None) -> None:
    """Add the frames that stand in one frame, each with what is in it."""
    for group in diagram.groups:
        if group.parent != parent:
            continue
        with graph.subgraph(name=f"cluster_{escape.element_id(group.id)}") as frame:
            frame.attr(
                label=_text(escape.dot(escape.one_line(group.label, 80))),
                id=f"frame-{escape.element_id(group.id)}",
                style="rounded,dashed",
                color=palette.RED if group.state == "cut" else palette.LINE,
                fontcolor=palette.RED if group.state == "cut" else palette.MUTED,
                fontsize="10",
                labeljust="l",
                tooltip=" ",
            )
            for node in diagram.nodes:
                if node.group == group.id:
                    _node(frame, node)
            _frames(frame, diagram, group.id)


def direction(diagram: Diagram) -> str:
    """Return "LR" for graphs that fit the width of a page so, and "TB" for longer ones."""
    rank = {node.id: 0 for node in diagram.nodes}
    if len(rank) > MANY:
        return "TB"
    while max(rank.values(), default=0) <= RANKS:
        moved = False
        for edge in diagram.edges:
            if edge.again:
                continue
            after = rank.get(edge.tail, 0) + 1
            if edge.head in rank and rank[edge.head] < after:
                rank[edge.head], moved = after, True
        if not moved:
            return "LR" if _width(diagram, rank) <= WIDE else "TB"
    return "TB"


def _width(diagram: Diagram, rank: dict[str, int]) -> float:
    """Estimate how wide the graph is from left to right, in points."""
    boxes = [0.0] * (RANKS + 2)
    gaps = [30.0] * (RANKS + 2)
    for node in diagram.nodes:
        letters = max(len(text) for text in (node.title, *node.facts))
        boxes[rank[node.id]] = max(boxes[rank[node.id]], 5.4 * letters + 26)
    for edge in diagram.edges:
        if edge.tail in rank:
            gaps[rank[edge.tail]] = max(gaps[rank[edge.tail]], 5.0 * len(edge.label) + 24)
    used = max(rank.values(), default=0) + 1
    return sum(boxes[:used]) + sum(gaps[: used - 1])


def _node(graph: graphviz.Digraph, node: Node) -> None:
    lines = [node.title, *node.facts]
    graph.node(
        escape.element_id(node.id),
        label=_text("\\n".join(escape.dot(escape.one_line(line, 120)) for line in lines)),
        id=escape.element_id(node.id),
        tooltip=_text(escape.dot(escape.one_line(node.detail or node.title, 400))),
        **{"class": f"tm-{node.role} tm-is-{node.state}"},
        **node_style(node),
    )


def _edge(graph: graphviz.Digraph, edge: Edge, weight: str, name: str) -> None:
    extra = {"constraint": "false"} if edge.again else {}
    extra |= {"label": _text(escape.dot(f" {edge.label} "))} if edge.label else {}
    if edge.detail:
        extra["tooltip"] = _text(escape.dot(escape.one_line(edge.detail, 400)))
    graph.edge(
        escape.element_id(edge.tail),
        escape.element_id(edge.head),
        weight=weight,
        id=name,
        **{"class": f"tm-edge tm-is-{edge.state}"},
        **extra,
        **edge_style(edge),
    )


def _legend(graph: graphviz.Digraph, diagram: Diagram) -> None:
    """Add a frame with one sample of each kind of box that occurs."""
    with graph.subgraph(name="cluster_legend") as frame:
        frame.attr(label="", style="rounded", color=palette.FAINT)
        for number, (words, sample) in enumerate(legend_items(diagram)):
            frame.node(
                f"legend{number}", label=_text(escape.dot(words)), tooltip=" ", **node_style(sample)
            )


def _text(escaped: str) -> str:
    """Keep the graphviz package from reading ``<...>`` as an HTML-like label."""
    return graphviz.nohtml(escaped) or " "
