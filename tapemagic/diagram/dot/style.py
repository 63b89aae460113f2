"""Shape, colour and line of each kind of node and edge."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tapemagic.diagram.dot import palette as p
from tapemagic.diagram.model import Node

if TYPE_CHECKING:
    from tapemagic.diagram.model import Diagram, Edge

_ROLES = {
    "source": {"color": p.BLUE, "fillcolor": p.SKY, "penwidth": "1.6", "shape": "box"},
    "target": {"color": p.GREEN, "fillcolor": p.MINT, "penwidth": "1.3", "peripheries": "2"},
    "op": {"color": p.LINE, "fillcolor": p.PAPER, "penwidth": "1"},
    "variable": {"color": p.BLUE, "fillcolor": p.PAPER, "penwidth": "0.8"},
    "constant": {"color": p.PANEL, "fillcolor": p.PANEL, "penwidth": "0", "fontcolor": p.MUTED},
    "python": {
        "shape": "note",
        "style": "filled,dashed",
        "color": p.AMBER,
        "fillcolor": p.SAND,
        "penwidth": "1.4",
    },
    "group": {"color": p.LINE, "fillcolor": p.PANEL, "penwidth": "1", "style": "filled"},
    "stop": {"shape": "plaintext", "style": "", "fontcolor": p.RED},
}
_EDGES = {
    "cut": {"color": p.RED, "fontcolor": p.RED, "penwidth": "2", "style": "dashed"},
    "nan": {"color": p.PURPLE, "fontcolor": p.PURPLE, "penwidth": "2.4", "style": "dotted"},
    "strong": {"color": p.INK, "fontcolor": p.INK, "penwidth": "1.8"},
    "story": {"color": p.INK, "fontcolor": p.MUTED, "penwidth": "1"},
    "flow": {"color": p.MUTED, "fontcolor": p.MUTED, "penwidth": "1.2"},
    "quiet": {"color": p.LINE, "fontcolor": p.MUTED, "penwidth": "0.8"},
    "faint": {"color": p.FAINT, "fontcolor": p.MUTED, "penwidth": "0.7", "style": "dashed"},
}
_LEGEND = (
    ("source", "source"),
    ("target", "target"),
    ("variable", "variable"),
    ("constant", "constant"),
    ("group", "several ops"),
    ("python", "outside TensorFlow"),
)
_STATES = (
    ("story", "on the way that was cut"),
    ("cut", "here the gradient ends"),
    ("born", "here NaN or Inf is born"),
)


def node_style(node: Node) -> dict[str, str]:
    """Return the Graphviz attributes of a node."""
    style = dict(_ROLES[node.role])
    style.setdefault("fontcolor", p.INK)
    if node.state == "faint" and node.role in ("op", "group"):
        style |= {"color": p.LINE, "fontcolor": p.MUTED, "style": "rounded,filled,dashed"}
    elif node.state == "strong" and node.role in ("op", "group"):
        style |= {"color": p.INK, "penwidth": "1.3"}
    elif node.state == "story" and node.role in ("op", "constant", "group", "variable"):
        style |= {"color": p.AMBER, "penwidth": "1.2", "fontcolor": p.INK}
    elif node.state in ("quiet", "flow") and node.role == "op":
        style |= {"fontcolor": p.INK if node.state == "flow" else p.MUTED}
    elif node.state == "cut" and node.role != "stop":
        style |= {"color": p.RED, "penwidth": "2"}
    elif node.state == "born":
        style |= {"color": p.PURPLE, "penwidth": "2.6"}
    elif node.state == "nan" and node.role in ("op", "group"):
        style |= {"color": p.PURPLE, "penwidth": "1.3"}
    if node.source and node.role != "source":
        style |= {"color": p.BLUE, "penwidth": "1.6"}
    return style


def edge_style(edge: Edge) -> dict[str, str]:
    """Return the Graphviz attributes of an edge; a stronger gradient draws a wider line."""
    style = dict(_EDGES[edge.state])
    if edge.python and edge.state != "cut":
        style |= {"color": p.AMBER, "style": "dashed", "penwidth": "1.4"}
    if edge.state == "strong" and edge.weight is not None and edge.weight > 0:
        style["penwidth"] = f"{min(4.0, max(1.0, 1.8 + 0.4 * math.log10(edge.weight))):.2f}"
    return style


def legend_items(diagram: Diagram) -> list[tuple[str, Node]]:
    """Return the kinds of box that occur, each with words and a sample node."""
    seen = {node.role for node in diagram.nodes}
    items = [(words, Node("", role, words)) for role, words in _LEGEND if role in seen]
    if any(node.role == "op" and node.state == "faint" for node in diagram.nodes):
        ruled = any(group.id.startswith("rule") for group in diagram.groups)
        known = "not differentiated" if ruled else "not recorded"
        items.append((known, Node("", "op", "", state="faint")))
    states = {node.state for node in diagram.nodes}
    items += [(words, Node("", "op", "", state=s)) for s, words in _STATES if s in states]
    return items
