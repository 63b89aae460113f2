"""A graph that is ready to be drawn, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field

ROLES = ("source", "target", "op", "variable", "constant", "python", "group", "stop")
# From loud to quiet. "cut": here a gradient ends. "born": here it becomes NaN or Inf. "nan": it is
# NaN or Inf. "strong": a gradient flows through here to a source. "story": on the way that was cut.
# "flow": a gradient arrives but reaches no source. "faint": not recorded.
STATES = ("cut", "born", "nan", "strong", "story", "flow", "quiet", "faint")


@dataclass(slots=True)
class Node:
    """One box.

    Attributes:
        id: Stable name, unique in the diagram.
        role: One of ROLES.
        title: The first line of the label.
        kind: For an op, its type; the title may say it in the words of the code.
        facts: Further lines.
        state: One of STATES.
        detail: Longer text for a tooltip.
        line: The line of the cell that it belongs to.
        ops: Indices of the ops it stands for.
        count: How often the same op ran here (turns of a loop).
        where: Where it was made when that is not in this cell.
        group: Id of the Group that frames it.
        keep: Never folded away: it matters for a verdict.
        source: It is one of the sources; an op's result can be one.
        target: It is one of the targets.
        rows: What there is to know, as pairs of a word and a text, for whoever asks the node.
        inside: For a folded node, what was folded, when it is worth opening.
    """

    id: str
    role: str
    title: str
    facts: tuple[str, ...] = ()
    state: str = "quiet"
    detail: str = ""
    line: int | None = None
    where: str = ""
    ops: tuple[int, ...] = ()
    count: int = 1
    group: str | None = None
    keep: bool = False
    source: bool = False
    target: bool = False
    rows: tuple[tuple[str, str], ...] = ()
    inside: Inside | None = None
    kind: str = ""


@dataclass(slots=True)
class Edge:
    """One arrow, in the direction in which values flow."""

    tail: str
    head: str
    state: str = "quiet"
    label: str = ""
    detail: str = ""
    python: bool = False  # the value travelled outside TensorFlow
    weight: float | None = None  # size of the gradient that flows back along it
    count: int = 1
    again: bool = False  # from one turn of a loop to the next


@dataclass(slots=True)
class Inside:
    """What a folded node holds: its members, and the arrows between them."""

    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)


@dataclass(slots=True)
class Group:
    """A frame around nodes: the body of a function, the inside of a query.

    Attributes:
        id: Stable name, unique in the diagram.
        label: What stands in its corner.
        parent: Id of the frame that it stands in.
        state: "quiet", or "cut" where a gradient became zero or NaN inside.
    """

    id: str
    label: str
    parent: str | None = None
    state: str = "quiet"


@dataclass(slots=True)
class Steps:
    """The order in which ops ran, as indices of ops: forward, then the first call's way back."""

    forward: list[int] = field(default_factory=list)
    backward: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Diagram:
    """A graph with its caption."""

    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    title: str = ""
    notes: list[str] = field(default_factory=list)  # what was left out or folded, in sentences
    steps: Steps = field(default_factory=Steps)

    def drop_empty_groups(self) -> None:
        """Drop the frames that hold nothing, not even another frame."""
        parents = {group.id: group.parent for group in self.groups}
        used: set[str | None] = set()
        for node in self.nodes:
            home = node.group
            while home is not None and home not in used:
                used.add(home)
                home = parents.get(home)
        self.groups = [group for group in self.groups if group.id in used]

    def node(self, name: str) -> Node | None:
        """Return the node of that id."""
        return next((node for node in self.nodes if node.id == name), None)
