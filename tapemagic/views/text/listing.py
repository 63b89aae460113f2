"""The graph as lines of text: one per box, in the order in which they ran.

A long graph is shortened: what lies aside of the path is left out, and of a run of like rows only
the two ends are shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from tapemagic.views.text.framing import frames_of, together
from tapemagic.wording import terminal
from tapemagic.wording.escape import one_line
from tapemagic.wording.numbers import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapemagic.diagram.model import Diagram, Edge, Group, Node

FEW = 12  # rows that are all shown
MOST = 24  # rows that are shown at all
RUN = 4  # like rows in a row, from which on only both ends are shown
SIGNS = {
    "strong": "●", "cut": "✗", "born": "!", "nan": "!", "story": "┊", "flow": "•", "quiet": "·",
    "faint": "○", "frame": "▾",
}  # fmt: skip
INDENT = "  "
_MEANING = {
    "●": "a gradient flows to a source",
    "✗": "the gradient ends here",
    "!": "the gradient is NaN or Inf",
    "┊": "the way that was cut",
    "•": "a gradient arrives but reaches no source",
    "·": "aside",
    "○": "not recorded",
    "▾": "a function, loop or branch",
}
_LOUD = ("cut", "born", "nan", "story", "strong")


@dataclass(slots=True)
class _Row:
    """One line of the listing, not yet fitted into columns."""

    sign: str
    what: str
    line: int | None
    facts: str
    nodes: list[Node] = field(default_factory=list)
    frames: list[Group] = field(default_factory=list)  # that it stands in, the outermost first


def listing(diagram: Diagram, columns: int = terminal.WIDTH) -> list[str]:
    """Return the graph as text: sign, what was computed from what, line of the cell, values."""
    incoming: dict[str, list[Edge]] = {}
    for edge in diagram.edges:
        if edge.again:
            continue
        incoming.setdefault(edge.head, []).append(edge)
    order = [n for n in _ordered(diagram, incoming) if n.role != "constant" or n.keep]
    stops = {n.id: n for n in order if n.role == "stop"}
    ends = {e.tail: stops[e.head] for e in diagram.edges if e.head in stops}
    order = together([n for n in order if n.id not in stops], incoming, diagram)
    names = {node.id: _name(node) for node in diagram.nodes}
    shown = _near(diagram, order) if len(order) > FEW else order
    rows = [_row(node, incoming.get(node.id, []), names, ends.get(node.id)) for node in shown]
    for row, node in zip(rows, shown, strict=True):
        row.frames = frames_of(diagram, node)
    if len(rows) > FEW:
        rows = _shortened(rows)
    listed = _loudest(rows)
    told = _columns(listed, columns)
    left = len(order) - sum(len(row.nodes) for row in listed)
    if left:
        told.append(f"  … and {left:,} more, in the page or with save(...)")
    return told


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


def _near(diagram: Diagram, order: list[Node]) -> list[Node]:
    """Leave out what is neither on the path nor joined to the place where it ends."""
    if not any(node.state in _LOUD for node in order):
        return order
    told = {node.id for node in diagram.nodes if node.state in ("cut", "born", "story")}
    near = {e.tail for e in diagram.edges if e.head in told}
    near |= {e.head for e in diagram.edges if e.tail in told}
    return [n for n in order if n.keep or n.state in _LOUD or n.id in near]


def _name(node: Node) -> str:
    return one_line(node.title.split(" = ")[0], 24)


def _row(node: Node, edges: list[Edge], names: dict[str, str], stop: Node | None) -> _Row:
    sign = SIGNS[node.state]
    if stop is not None or any(edge.state == "cut" for edge in edges):
        sign = SIGNS["cut"]
    coded = node.kind and not node.title.endswith(node.kind)  # it says itself what it was made from
    inputs = "" if coded else ", ".join(names.get(edge.tail, "?") for edge in edges)
    what = one_line(node.title, 60)
    if inputs and node.role in ("op", "target", "group") and node.ops:
        what += f"({inputs})"
    elif inputs:
        what += f" ← {inputs}"
    facts = [fact for text in node.facts for fact in one_line(text).split(" · ")]
    if node.line is not None:
        facts = [fact for fact in facts if fact != f"line {node.line}"]
    elif node.where:
        facts.append(node.where)
    if stop is not None:
        facts.insert(0, ", ".join((stop.title.removeprefix("✗ "), *stop.facts)))
    return _Row(sign, what, node.line, " · ".join(dict.fromkeys(filter(None, facts))), [node])


def _shortened(rows: list[_Row]) -> list[_Row]:
    """Of each run of like rows, keep the first and the last, and count what lies between."""
    lines = list(_lines(rows))
    found: list[_Row] = []
    for _, group in groupby(zip(rows, lines, strict=True), _alike):
        run = [row for row, _ in group]
        if len(run) < RUN:
            found += run
            continue
        between = [node for row in run[1:-1] for node in row.nodes]
        line = lines[rows.index(run[1])]
        row = _Row(run[0].sign, _counted(between), line, "", between, run[0].frames)
        found += [run[0], row, run[-1]]
    return found


def _lines(rows: list[_Row]) -> Iterable[int | None]:
    """Return for each row its line; a variable stands with the op that uses it, which follows."""
    following: int | None = None
    found = []
    for row in reversed(rows):
        if row.nodes[0].ops:
            following = row.line
        found.append(row.line if row.nodes[0].ops else following)
    return reversed(found)


def _alike(pair: tuple[_Row, int | None]) -> tuple[object, ...]:
    row, line = pair
    node = row.nodes[0]
    alone = node.id if node.target or node.role == "python" else None
    # Where a gradient ends or turns, an op is told for itself; sources that end alike are not.
    turns = row.sign == SIGNS["cut"] or node.state == "born"
    alone = node.id if turns and node.ops else alone
    return (row.sign, line, alone, [frame.id for frame in row.frames])


def _counted(nodes: list[Node]) -> str:
    ops = sum(bool(node.ops) for node in nodes)
    held = len(nodes) - ops
    if not ops:
        return f"… {held:,} more"
    return f"… {counted(ops, 'more op', 'more ops')}" + (
        f", {counted(held, 'variable')}" if held else ""
    )


def _loudest(rows: list[_Row]) -> list[_Row]:
    """Of too many rows, keep those that tell most, in their order."""
    if len(rows) <= MOST:
        return rows
    rank = {SIGNS["cut"]: 0, SIGNS["born"]: 0, SIGNS["story"]: 1}

    def place(number: int) -> tuple[int, int]:
        row = rows[number]
        ends = any(node.target for node in row.nodes)  # where the graph ends is always told
        return (0 if ends else rank.get(row.sign, 2), number)

    best = sorted(range(len(rows)), key=place)[:MOST]
    return [rows[n] for n in sorted(best)]


def _columns(rows: list[_Row], columns: int) -> list[str]:
    whats = [INDENT * len(row.frames) + row.what for row in rows]
    left = min(max(map(terminal.width, whats), default=0), columns // 2 - 6)
    places = [f"line {row.line}" if row.line is not None else "" for row in rows]
    middle = max(map(len, places), default=0)
    found: list[str] = []
    framed: list[Group] = []
    for row, what, place in zip(rows, whats, places, strict=True):
        for depth, frame in enumerate(row.frames):
            if framed[depth : depth + 1] != [frame]:
                head = f"{SIGNS['frame']} {INDENT * depth}{frame.label}"
                found.append(terminal.clip(head, columns))
                framed[depth:] = [frame]
        del framed[len(row.frames) :]
        what = terminal.pad(terminal.clip(what, left), left)
        text = "  ".join(x for x in (f"{row.sign} {what}", place.ljust(middle), row.facts) if x)
        found.append(terminal.clip(text.rstrip(), columns))
    return found
