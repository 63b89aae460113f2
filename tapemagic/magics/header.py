"""The ``%%tape`` line of a cell, as text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# A question mark right after the name asks IPython for help and is not ours.
_HEADER = re.compile(r"(?P<indent>[ \t]*)%%tape(?P<line>[ \t].*)?\s*")


@dataclass(frozen=True, slots=True)
class Header:
    """Where the ``%%tape`` line is, and what it asks for.

    Attributes:
        row: Index of the line in the cell; blank lines may come before it.
        indent: White space in front of it.
        line: The text after ``%%tape``.
    """

    row: int
    indent: str
    line: str


def find_header(lines: Sequence[str]) -> Header | None:
    """Find ``%%tape`` in the first line that is not blank."""
    for row, text in enumerate(lines):
        if not text.strip():
            continue
        match = _HEADER.fullmatch(text)
        if match is None:
            return None
        return Header(row, match["indent"], (match["line"] or "").strip())
    return None


def body_of(lines: Sequence[str], header: Header) -> list[str]:
    """Give the lines below the header."""
    return list(lines[header.row + 1 :])


def comment_out(lines: Sequence[str], header: Header) -> list[str]:
    """Turn the header into a comment, keeping the number of lines.

    IPython drops blank lines at the top of a cell, which would move every line number away from
    the one in the editor. So the comment takes the first line, and the blank ones follow it.
    """
    comment = f"{header.indent}# {lines[header.row].strip()}\n"
    return [comment, *["\n"] * header.row, *body_of(lines, header)]


def starts_with_cell_magic(lines: Sequence[str]) -> bool:
    """Tell whether the first line that is not blank calls a cell magic."""
    first = next((text for text in lines if text.strip()), "")
    return first.lstrip().startswith("%%")
