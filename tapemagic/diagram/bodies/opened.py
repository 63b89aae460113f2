"""Opened calls of functions, as plain data: what stands in the graph in the place of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tapemagic.wording import words
from tapemagic.wording.escape import one_line
from tapemagic.wording.numbers import counted

if TYPE_CHECKING:
    from tapemagic.diagram.model import Group
    from tapemagic.traces.model import Body, Op, Tensor

LOOPS = ("While", "StatelessWhile")
BRANCHES = ("If", "StatelessIf", "Case", "StatelessCase")
MOST_TRACES = 2  # a function that makes variables is traced twice by its first call
NAME = 40


@dataclass(slots=True)
class Call:
    """One opened call of the trace.

    Attributes:
        op: The op that stood for it.
        ops: The copies in its place, in order.
        frame: Id of the frame around it.
        entries: For each input of the call the placeholder's copy; None where it has none.
        loops: What a turn of a loop gives, and the placeholder that gets it in the next turn.
    """

    op: Op
    ops: list[Op] = field(default_factory=list)
    frame: str = ""
    entries: list[int | None] = field(default_factory=list)
    loops: list[tuple[int, int]] = field(default_factory=list)


@dataclass(slots=True)
class Opened:
    """All opened calls of one graph.

    Attributes:
        calls: By the index of the op that each stands for.
        tensors: Facts of the copied tensors.
        alias: A copied tensor that is another one: a placeholder, or a result handed on as it is.
        groups: A frame for each body, outer ones first.
        homes: The frame of each copied op.
        places: The frame of each tensor that a copied op made.
        hosts: Of a copied op the index of the call of the trace that it is a part of.
        copies: Copies of a body's op, by body and index.
        aside: Ops whose derivatives are not asked for: a rule of its own stands for them.
        tracked: Tensors that a tape cares for; what is handed back for others is dropped.
    """

    calls: dict[int, Call] = field(default_factory=dict)
    tensors: dict[int, Tensor] = field(default_factory=dict)
    alias: dict[int, int] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)
    homes: dict[int, str] = field(default_factory=dict)
    places: dict[int, str] = field(default_factory=dict)
    hosts: dict[int, int] = field(default_factory=dict)
    copies: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    aside: set[int] = field(default_factory=set)
    tracked: set[int] = field(default_factory=set)


def title(op: Op, body: Body) -> str:
    """The label of a body's frame: whose body it is, and what is special about it."""
    said = []
    if body.made_by == "tf.function":
        said.append(f"{one_line(body.function, NAME)} (tf.function)")
    else:
        said.append(body.made_by)
    if body.compiled:
        said.append("jit_compile=True")
    if body.turns is not None:
        most = "at most " if body.made_by == "loop" else ""
        said.append(f"{most}{counted(body.turns, 'turn')}")
    if body.traces > MOST_TRACES:
        said.append(f"traced {body.traces} times")
    where = words.place(op.at)
    if where:
        said.append(where)
    if all(inner.at is None for inner in body.ops):
        said.append("no Python lines known")
    return ", ".join(said)
