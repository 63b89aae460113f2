"""A reason as the diagnosis gives it: the report carries it, the views show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tapemagic.traces.model import Site


@dataclass(slots=True)
class Step:
    """One stop on the way from the source to the target, in the person's words.

    ``kind`` is "source", "op" (a tensor made by recorded ops), "left" (a value left TensorFlow),
    "python" (it was computed on outside), "back" (it came back as a constant), "write" and
    "read" (state), "cut" (the op or statement where the gradient ends) or "target".
    """

    kind: str
    text: str
    at: Site | None = None
    tensor: int | None = None


@dataclass(slots=True)
class Why:
    """The reason that a source got what it got."""

    cause: str
    level: str
    message: str
    at: Site | None = None
    lines: tuple[int, ...] = ()
    because: Why | None = None
    fix: str | None = None
    fixed_source: str | None = None
    fix_verified: bool | None = None
    fix_result: str | None = None  # what the changed cell gave, in words
    story: tuple[Step, ...] = ()
    cut: tuple[int | None, int | None] = (None, None)  # tensor ids on both sides of the cut
    inside: tuple[str, int, int] | None = None  # of the cut in a function: body, its op, its input
    other: tuple[Why, ...] = ()  # further reasons that fit as well
