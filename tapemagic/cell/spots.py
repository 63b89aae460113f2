"""Spots: what is known of each place of the code that a hook stands at."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from tapemagic.cell.text import Span

HOOKS = "\0tapemagic.hooks"
FLAGS = "\0tapemagic.flags"
GROWS = -2
"""The ``count`` of a "store" or "set" spot whose statement is augmented: ``box[key] += value``."""


@dataclass(slots=True)
class Spot:
    """What is known statically of one rewritten expression or binding.

    ``kind`` is "call", "op", "item", "attr", "text", "each", or "bind", "unpack", "store" (into an
    item), "set" (an attribute), "grow" (augmented), "for", "with", "def", "return", "lambda" (its
    body, in which no hook stands).
    """

    index: int
    kind: str
    place: Span
    statement: int  # first line of the statement
    count: int = 0
    """Operands that are pushed; of a store its position among several targets, of a lambda its line."""
    operands: tuple[str | None, ...] = ()  # a plain name's text, else None
    names: tuple[str, ...] = ()  # names that are bound
    function: str | None = None
    last: bool = False  # of a store: the last of its statement
    text: Any = None  # the CellText that holds it


@dataclass(slots=True)
class Rewritten:
    """A rewritten tree and its static tables."""

    tree: ast.Module
    spots: list[Spot]
    first_branch: int  # its flags are "b<first_branch>" up to, without, "b<branches>"
    branches: int
