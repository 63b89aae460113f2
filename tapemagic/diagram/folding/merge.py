"""Several nodes become one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tapemagic.diagram.model import Edge, Inside, Node
from tapemagic.diagram.sketch import louder
from tapemagic.wording.numbers import TIMES, counted

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from tapemagic.diagram.model import Diagram

KINDS = 4  # op types named in the label of a folded node
OPENED = 250  # a folded node that holds more than this is not opened in place


def merge(
    diagram: Diagram,
    keys: Mapping[str, Hashable],
    title: Callable[[list[Node]], str],
    role: str = "group",
) -> None:
    """Merge the nodes that share a key; a node alone under its key stays as it is.

    Args:
        diagram: Changed in place.
        keys: For the id of each node that may be merged, its key.
        title: Gives the title of a merged node from its members.
        role: The role of merged nodes.
    """
    members: dict[Hashable, list[Node]] = {}
    for node in diagram.nodes:
        if node.id in keys:
            members.setdefault(keys[node.id], []).append(node)
    renamed: dict[str, str] = {}
    merged: dict[str, Node] = {}
    for group in members.values():
        if len(group) > 1:
            node = _one(group, title(group), role)
            if role == "group" and len(group) <= OPENED:
                node.inside = Inside(group)
            merged[group[0].id] = node
            renamed.update((member.id, node.id) for member in group)
    _keep_inner(diagram.edges, renamed, {node.id: node for node in merged.values()})
    diagram.nodes = [
        merged.get(node.id, node)
        for node in diagram.nodes
        if node.id in merged or node.id not in renamed
    ]
    diagram.edges = join(diagram.edges, renamed)


def _one(group: list[Node], title: str, role: str) -> Node:
    first = group[0]
    state = "faint"
    for member in group:
        state = louder(state, member.state)
    ops = tuple(op for member in group for op in member.ops)
    lines = {member.line for member in group}
    homes = {member.group for member in group if member.ops} or {first.group}
    return Node(
        id=f"g-{first.id}",
        role=role,
        title=title,
        facts=summary(group),
        state=state,
        detail=f"{title}: {counted(len(ops), 'op')}",
        line=first.line if len(lines) == 1 else None,
        ops=ops,
        count=sum(member.count for member in group),
        group=homes.pop() if len(homes) == 1 else None,
        keep=any(member.keep for member in group),
        kind=first.kind if role == "op" else "",
    )


def _keep_inner(edges: list[Edge], renamed: Mapping[str, str], merged: dict[str, Node]) -> None:
    """Give each folded node the arrows between its members, before they are dropped."""
    for edge in edges:
        home = renamed.get(edge.tail)
        if home is not None and home == renamed.get(edge.head):
            inside = merged[home].inside
            if inside is not None:
                inside.edges.append(edge)


def summary(group: list[Node]) -> tuple[str, ...]:
    """Say what is inside: how many ops of which types, how many variables."""
    kinds: Counter[str] = Counter()
    inside = 0
    for node in group:
        if node.role in ("source", "variable") and not node.ops:
            inside += 1
        elif node.ops:
            told = node.kind or node.title.rsplit(" = ", 1)[-1].split(f" {TIMES} ")[0]
            kinds[told] += len(node.ops)
    facts = []
    if sum(kinds.values()) > 0 and all(node.role != "group" for node in group):
        named = ", ".join(kind for kind, _ in kinds.most_common(KINDS))
        facts.append(named + (", …" if len(kinds) > KINDS else ""))
    if sum(kinds.values()) > 1:
        facts.append(counted(sum(kinds.values()), "op"))
    if inside:
        facts.append(counted(inside, "variable"))
    return tuple(facts)


def join(edges: list[Edge], renamed: Mapping[str, str]) -> list[Edge]:
    """Rename the ends of edges, drop loops, and let parallel edges become one."""
    found: dict[tuple[str, str, bool, bool], Edge] = {}
    kept: list[Edge] = []
    for edge in edges:
        tail, head = renamed.get(edge.tail, edge.tail), renamed.get(edge.head, edge.head)
        if tail == head:
            continue
        if tail == edge.tail and head == edge.head:
            kept.append(edge)
            continue
        key = (tail, head, edge.python, edge.again)
        known = found.get(key)
        if known is None:
            found[key] = Edge(
                tail, head, edge.state, "", edge.detail, edge.python, None, edge.count, edge.again
            )
            kept.append(found[key])
        else:
            known.count += edge.count
            if louder(known.state, edge.state) != known.state:
                known.state, known.detail = edge.state, edge.detail
        if edge.state in ("cut", "nan"):
            found[key].label = edge.label
    return kept
