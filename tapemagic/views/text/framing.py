"""Boxes in an order in which those of one frame stand together."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tapemagic.diagram.model import Diagram, Edge, Group, Node


def frames_of(diagram: Diagram, node: Node) -> list[Group]:
    """Return the frames that a box stands in, the outermost first."""
    known = {group.id: group for group in diagram.groups}
    found: list[Group] = []
    home = node.group
    while home is not None and home in known:
        found.insert(0, known[home])
        home = known[home].parent
    return found


def together(nodes: list[Node], incoming: dict[str, list[Edge]], diagram: Diagram) -> list[Node]:
    """Return the boxes so that those of each frame follow each other.

    Args:
        nodes: In an order in which each follows what it was made from.
        incoming: The arrows into each box.
        diagram: Knows the frames.
    """
    chains = {node.id: [group.id for group in frames_of(diagram, node)] for node in nodes}
    return _level(nodes, incoming, chains, 0)


def _level(
    nodes: list[Node], incoming: dict[str, list[Edge]], chains: dict[str, list[str]], depth: int
) -> list[Node]:
    found: list[Node] = []
    done: set[str] = set()

    def emit(node: Node) -> None:
        if node.id in done:
            return
        chain = chains[node.id]
        if len(chain) <= depth:
            done.add(node.id)
            found.append(node)
            return
        members = [n for n in nodes if chains[n.id][depth : depth + 1] == [chain[depth]]]
        done.update(member.id for member in members)
        before = _before({member.id for member in members}, incoming)
        for other in nodes:
            if other.id in before:
                emit(other)
        found.extend(_level(members, incoming, chains, depth + 1))

    for node in nodes:
        emit(node)
    return found


def _before(names: set[str], incoming: dict[str, list[Edge]]) -> set[str]:
    """Return what boxes were made from, without themselves."""
    seen: set[str] = set()
    todo = list(names)
    while todo:
        for edge in incoming.get(todo.pop(), []):
            if edge.tail not in seen:
                seen.add(edge.tail)
                todo.append(edge.tail)
    return seen - names
