"""The graph as lines of text: one per box, in the order in which they ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapemagic.views import terminal
from tapemagic.views.framing import frames_of, together
from tapemagic.wording.escape import one_line

if TYPE_CHECKING:
    from tapemagic.diagram.model import Diagram, Edge, Node

MOST = 30
SIGNS = {
    "strong": "●",
    "cut": "✗",
    "story": "┊",
    "flow": "•",
    "quiet": "·",
    "faint": "○",
    "frame": "▾",
}
INDENT = "  "
_MEANING = {
    "●": "a gradient flows to a source",
    "✗": "the gradient ends here",
    "┊": "the way that was cut",
    "•": "a gradient arrives but reaches no source",
    "·": "aside",
    "○": "not recorded",
    "▾": "a function, loop or branch",
}


def listing(diagram: Diagram, columns: int = terminal.WIDTH) -> list[str]:
    """Return the graph as text: sign, line of the cell, what was computed, from what."""
    incoming: dict[str, list[Edge]] = {}
    for edge in diagram.edges:
        if edge.again:
            continue
        incoming.setdefault(edge.head, []).append(edge)
    order = [n for n in _ordered(diagram, incoming) if n.role != "constant" or n.keep]
    order = together(order, incoming, diagram)
    shown = order
    if len(order) > MOST:
        loud = [n for n in order if n.keep or n.state in ("cut", "story")][:MOST]
        shown = loud or order[:MOST]
    names = {node.id: _name(node) for node in diagram.nodes}
    if not shown:
        return []
    rows = []
    framed: list[str] = []
    for node in shown:
        chain = frames_of(diagram, node)
        for depth, group in enumerate(chain):
            if framed[depth : depth + 1] != [group.id]:
                rows.append((SIGNS["frame"], INDENT * depth + group.label, ""))
                framed[depth:] = [group.id]
        del framed[len(chain) :]
        sign, what, facts = _row(node, incoming.get(node.id, []), names)
        rows.append((sign, INDENT * len(chain) + what, facts))
    left = max(terminal.width(row[1]) for row in rows if row[0] != SIGNS["frame"])
    left = min(left, columns // 2 - 6)
    found = []
    for sign, what, facts in rows:
        if sign == SIGNS["frame"]:
            found.append(terminal.clip(f"{sign} {what}", columns))
            continue
        text = f"{sign} {terminal.pad(terminal.clip(what, left), left)}  {facts}"
        found.append(terminal.clip(text.rstrip(), columns))
    if len(shown) < len(order):
        found.append(f"  … and {len(order) - len(shown)} more, in the page or with save(...)")
    return found


def key(lines: list[str]) -> str:
    """Explain the signs that occur."""
    seen = {line[:1] for line in lines}
    told = [f"{sign} {text}" for sign, text in _MEANING.items() if sign in seen]
    return (terminal.HARD + " ").join(words.replace(" ", terminal.HARD) for words in told)


def _ordered(diagram: Diagram, incoming: dict[str, list[Edge]]) -> list[Node]:
    """Return nodes so that each follows what it was made from."""
    nodes = {node.id: node for node in diagram.nodes}
    found: list[Node] = []
    seen: set[str] = set()
    starts = sorted(diagram.nodes, key=lambda n: n.ops[0] if n.ops else 1 << 60)
    for start in starts:
        todo = [(start.id, False)]
        while todo:
            name, ready = todo.pop()
            if ready:
                found.append(nodes[name])
            elif name not in seen and name in nodes:
                seen.add(name)
                todo.append((name, True))
                todo += [(edge.tail, False) for edge in reversed(incoming.get(name, []))]
    return found


def _name(node: Node) -> str:
    return one_line(node.title.split(" = ")[0], 24)


def _row(node: Node, edges: list[Edge], names: dict[str, str]) -> tuple[str, str, str]:
    sign = SIGNS[node.state]
    if any(edge.state == "cut" for edge in edges):
        sign = SIGNS["cut"]
    inputs = ", ".join(names.get(edge.tail, "?") for edge in edges)
    what = one_line(node.title.removeprefix("✗ "), 60)
    if inputs and node.role in ("op", "target", "group") and node.ops:
        what += f"({inputs})"
    elif inputs:
        what += f" ← {inputs}"
    where = f"line {node.line}" if node.line is not None else node.where
    facts = " · ".join(dict.fromkeys(x for x in (*map(one_line, node.facts), where) if x))
    if where in facts.split(" · ")[:-1]:
        facts = facts.removesuffix(f" · {where}")
    return sign, what, facts
