"""By what nodes are folded together: turn of a loop, layer, line, function, neighbourhood."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from tapemagic.diagram.folding import merge as merging
from tapemagic.wording import words
from tapemagic.wording.escape import one_line
from tapemagic.wording.numbers import TIMES

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from tapemagic.diagram.graph import Graph
    from tapemagic.diagram.model import Diagram, Group, Node
    from tapemagic.traces.model import Op, Site

ALIKE = 4  # sources with the same fate that are still drawn one by one
CODE = 36
_NUMBERED = re.compile(r"([A-Za-z]+_?\d+[a-z]?(?:_block\d+)?)_")
TELLING = 12  # a model folded into fewer boxes than this tells nothing


class Keys:
    """The ways to fold one diagram."""

    def __init__(self, diagram: Diagram, graph: Graph) -> None:
        """Look up the ops behind the diagram's nodes."""
        self.diagram = diagram
        self.ops = {op.index: op for op in graph.ops}
        self.when = graph.when
        self.lines = graph.trace.source.splitlines()

    def constants(self) -> None:
        """Leave out constants that tell nothing about a verdict."""
        gone = {n.id for n in self.diagram.nodes if n.role == "constant" and not n.keep}
        gone = {name for name in gone if name not in self._cut_ends()}
        self.diagram.nodes = [node for node in self.diagram.nodes if node.id not in gone]
        self.diagram.edges = [
            e for e in self.diagram.edges if e.tail not in gone and e.head not in gone
        ]

    def turns(self) -> None:
        """Fold what one expression did in each turn of a loop."""
        keys: dict[str, Hashable] = {}
        for node, op in self._free_ops():
            faint = node.state == "faint"
            keys[node.id] = (node.group, op.type, op.at, op.via, op.scope, faint)
        merging.merge(self.diagram, keys, _repeated, role="op")

    def by_layer(self) -> None:
        """Fold the ops of each Keras layer, with its variables."""
        self._fold(
            {n.id: ("layer", op.scope) for n, op in self._free_ops() if op.scope}, self._layer
        )

    def by_line(self) -> None:
        """Fold the ops of each line of the person's code that no layer holds."""
        keys: dict[str, Hashable] = {}
        for node, op in self._free_ops():
            site = _site(op)
            if site is not None and not op.scope:
                keys[node.id] = ("line", site.file, site.cell, site.line)
        self._fold(keys, self._line)

    def by_function(self) -> None:
        """Fold the ops of each function, and layers into their model."""
        keys: dict[str, Hashable] = {}
        free = self._free_ops()
        models = {op.scope[:-1] for _, op in free}
        for node, op in free:
            site = _site(op)
            if len(op.scope) > 1 and len(models) >= TELLING:
                keys[node.id] = ("model", op.scope[:-1])
            elif site is not None and site.function and not op.scope:
                keys[node.id] = ("function", site.file, site.cell, site.function)
        self._fold(keys, self._function)

    def by_block(self) -> None:
        """Fold the layers whose names begin alike: ``block_2_expand`` with ``block_2_project``."""
        keys: dict[str, Hashable] = {}
        for node, op in self._free_ops():
            block = _block(op.scope[-1]) if op.scope else None
            if block is not None:
                keys[node.id] = ("block", op.scope[:-1], block)
        self._fold(keys, self._block)

    def neighbours(self, limit: int) -> None:
        """Fold runs of neighbours, in the order in which they ran, until few enough are left."""
        free = sorted(self._free_ops(), key=lambda pair: self.when(pair[1]))
        room = max(limit - (len(self.diagram.nodes) - len(free)), limit // 5, 1)
        size = -(-len(free) // room)
        self._fold({n.id: ("run", i // size) for i, (n, _) in enumerate(free)}, _run)
        if len(self.diagram.nodes) > limit:
            self._leave_out(limit)

    def bodies(self, enough: int) -> None:
        """Close the frames that hold nothing that matters, inner ones first."""
        for group in reversed(self.diagram.groups):
            if len(self.diagram.nodes) <= enough:
                break
            members = [node for node in self.diagram.nodes if node.group == group.id]
            if any(node.keep or node.state == "cut" for node in members) or group.state == "cut":
                continue
            if any(inner.parent == group.id for inner in self.diagram.groups):
                continue
            keys: dict[str, Hashable] = {node.id: group.id for node in members}
            merging.merge(self.diagram, keys, partial(_labelled, group))
            for node in self.diagram.nodes:
                if node.group == group.id:
                    node.group = group.parent
            self.diagram.groups.remove(group)

    def sources_alike(self) -> None:
        """Fold many sources that ended in the same way into one box."""
        stops = {node.id: node.title for node in self.diagram.nodes if node.role == "stop"}
        ends = {edge.tail: edge.head for edge in self.diagram.edges if edge.head in stops}
        fates: dict[str, list[str]] = {}
        for node in self.diagram.nodes:
            if node.role == "source" and node.id in ends:
                fates.setdefault(stops[ends[node.id]], []).append(node.id)
        sources: dict[str, Hashable] = {}
        for fate, names in fates.items():
            if len(names) > ALIKE:
                sources.update((name, fate) for name in names)
        merging.merge(self.diagram, sources, _alike, role="source")
        gone = {ends[name]: fate for name, fate in sources.items()}
        merging.merge(self.diagram, gone, lambda group: group[0].title, role="stop")

    def _fold(self, keys: dict[str, Hashable], title: Callable[[list[Node]], str]) -> None:
        """Fold by key; a variable that only one box uses goes into that box."""
        homes = {node.id: node.group for node in self.diagram.nodes}
        keys = {name: (homes[name], key) for name, key in keys.items()}
        users: dict[str, set[Hashable]] = {}
        for edge in self.diagram.edges:
            users.setdefault(edge.tail, set()).add(keys.get(edge.head))
        for node in self.diagram.nodes:
            key = users.get(node.id, set())
            own = node.role in ("source", "variable") and not node.ops and not node.keep
            if own and len(key) == 1 and None not in key:
                keys[node.id] = next(iter(key))
        merging.merge(self.diagram, keys, title)

    def _free_ops(self) -> list[tuple[Node, Op]]:
        """Return the nodes of ops that may be folded, with the first op of each."""
        return [
            (node, self.ops[node.ops[0]])
            for node in self.diagram.nodes
            if node.ops and not node.keep and node.state != "cut"
        ]

    def _cut_ends(self) -> set[str]:
        loud = [e for e in self.diagram.edges if e.state == "cut" or e.python]
        return {e.tail for e in loud} | {e.head for e in loud}

    def _leave_out(self, limit: int) -> None:
        """Nothing else helps: keep the first nodes that matter, say so in the notes."""
        order = sorted(self.diagram.nodes, key=lambda node: (not node.keep, node.state != "cut"))
        kept = {node.id for node in order[:limit]}
        self.diagram.nodes = [node for node in self.diagram.nodes if node.id in kept]
        self.diagram.edges = [e for e in self.diagram.edges if e.tail in kept and e.head in kept]

    def _layer(self, group: list[Node]) -> str:
        op = self._first(group)
        return one_line(op.scope[-1] if op and op.scope else group[0].title, CODE)

    def _block(self, group: list[Node]) -> str:
        op = self._first(group)
        return one_line((op and op.scope and _block(op.scope[-1])) or group[0].title, CODE)

    def _line(self, group: list[Node]) -> str:
        op = self._first(group)
        site = _site(op) if op else None
        if site is None:
            return group[0].title
        if site.here and site.line <= len(self.lines):
            return one_line(f"{site.line}: {self.lines[site.line - 1].strip()}", CODE)
        return one_line(words.place(site), CODE)

    def _function(self, group: list[Node]) -> str:
        op = self._first(group)
        site = _site(op) if op else None
        if op is not None and len(op.scope) > 1:
            return one_line(op.scope[-2], CODE)
        return one_line(f"{site.function}()" if site else group[0].title, CODE)

    def _first(self, group: list[Node]) -> Op | None:
        return next((self.ops[node.ops[0]] for node in group if node.ops), None)


def _site(op: Op) -> Site | None:
    """Return the place in the cell that ran an op, else its own place."""
    return next((s for s in (op.at, *op.via) if s is not None and s.here), op.at)


def _block(layer: str) -> str | None:
    """Return how the name of a layer begins, if that numbers a block of a larger model."""
    found = _NUMBERED.match(layer)
    if found is not None:
        return found.group(1)
    parts = layer.split("_")
    return "_".join(parts[:2]) if len(parts) > 2 and not parts[1].isdigit() else None


def _labelled(group: Group, _members: list[Node]) -> str:
    return one_line(group.label, 2 * CODE)


def _repeated(group: list[Node]) -> str:
    return f"{group[-1].title} {TIMES} {sum(len(node.ops) for node in group)}"


def _alike(group: list[Node]) -> str:
    names = ", ".join(node.title for node in group[:2])
    return f"{names} and {len(group) - 2} more"


def _run(group: list[Node]) -> str:
    if len(group) == 1:
        return group[0].title
    return one_line(f"{group[0].title} … {group[-1].title}", 2 * CODE)
