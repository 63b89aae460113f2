"""A diagram while it is put together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tapemagic.diagram.model import STATES, Diagram, Edge, Node

if TYPE_CHECKING:
    from tapemagic.diagram.gradient.flow import Flow
    from tapemagic.diagram.graph import Graph
    from tapemagic.report.model import Call, Source, Target

LOUDNESS = {state: rank for rank, state in enumerate(reversed(STATES))}


def louder(first: str, second: str) -> str:
    """Return the state that matters more."""
    return first if LOUDNESS[first] >= LOUDNESS[second] else second


@dataclass(slots=True)
class Sketch:
    """The parts that the building steps share."""

    graph: Graph
    calls: list[Call]
    flows: list[Flow]
    chosen: set[int]
    model: str = ""  # what the paths of the sources in Keras begin with
    code: dict[int, str] = field(default_factory=dict)  # of an op: the expression that ran it alone
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    asked: dict[int, list[tuple[Call, Source]]] = field(default_factory=dict)
    targets: dict[int, Target] = field(default_factory=dict)
    users: Counter[int] = field(default_factory=Counter)  # of a tensor: inputs that got a gradient
    born: dict[str, str] = field(default_factory=dict)  # frame -> what became of a gradient in it
    outgoing: dict[tuple[str, str], list[Edge]] = field(default_factory=dict)

    def add(self, node: Node) -> Node:
        """Add a node, or return the one that has this id already."""
        return self.nodes.setdefault(node.id, node)

    def join(self, edge: Edge) -> Edge:
        """Add an edge."""
        self.edges.append(edge)
        self.outgoing.setdefault((edge.tail, edge.head), []).append(edge)
        return edge

    def between(self, tail: str, head: str) -> list[Edge]:
        """Return the edges from one node to another."""
        return self.outgoing.get((tail, head), [])

    def diagram(self) -> Diagram:
        """Return what was put together."""
        return Diagram(nodes=list(self.nodes.values()), edges=self.edges)
