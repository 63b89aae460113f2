"""Text for a terminal: widths, wrapping, columns, and colour when it is asked for."""

from __future__ import annotations

import re
import unicodedata

from tapemagic.wording.escape import printable

WIDTH = 80
NAME = 30  # columns that a name keeps while anything else can be clipped
HARD = "\u00a0"  # a space at which a line is never broken
_CODES = {"bad": "31", "good": "32", "care": "33", "quiet": "2", "strong": "1", "code": "36"}


def paint(text: str, tone: str, colour: bool) -> str:
    """Colour text; the words must tell the same without it."""
    return f"\x1b[{_CODES[tone]}m{text}\x1b[0m" if colour and tone in _CODES and text else text


def width(text: str) -> int:
    """Return how many columns a text takes; East Asian letters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def clip(text: str, columns: int) -> str:
    """Shorten text to a number of columns."""
    if width(text) <= columns:
        return text
    kept, used = [], 0
    for char in text:
        used += width(char)
        if used > columns - 1:
            break
        kept.append(char)
    return "".join(kept).rstrip() + "…"


def pad(text: str, columns: int) -> str:
    """Fill text with spaces to a number of columns."""
    return text + " " * max(columns - width(text), 0)


def clip_middle(text: str, columns: int) -> str:
    """Shorten text in its middle: a name begins with an index, and tells most at its end."""
    if width(text) <= columns:
        return text
    first = max(columns // 3, 1)
    start = clip(text, first).removesuffix("…")
    end = clip(text[::-1], columns - width(start))[-2::-1]
    return f"{start}…{end}"


def wrap(text: str, columns: int, first: str = "", rest: str | None = None) -> list[str]:
    """Break a paragraph at spaces; a word that is too long is broken anywhere."""
    rest = " " * width(first) if rest is None else rest
    lines, line, used = [], first, width(first)
    start = True
    for word in re.split(r"[ \t\n]+", printable(text).strip()):
        size = width(word)
        if not start and used + 1 + size > columns:
            lines.append(line)
            line, used, start = rest, width(rest), True
        if not start:
            line, used = line + " ", used + 1
        while used + size > columns:
            room = max(columns - used, 1)
            head = word[:room]
            lines.append(line + head)
            word, size = word[len(head) :], width(word[len(head) :])
            line, used = rest, width(rest)
        line, used, start = line + word, used + size, False
    return [done.replace(HARD, " ").rstrip() for done in [*lines, line]]


def table(rows: list[list[str]], columns: int, last: int = 24) -> list[list[str]]:
    """Pad cells to columns, clipping the widest until a row fits; names are clipped last.

    Args:
        rows: Cells; the first row is the header.
        columns: Width of the whole table with two spaces between cells.
        last: Least width of the last cell, which is not padded.
    """
    count = len(rows[0])
    sizes = [max(width(row[i]) for row in rows) for i in range(count)]
    gaps = 2 * (count - 1)
    while sum(sizes) + gaps > columns:
        least = [NAME, *[11] * (count - 2), last]
        spare = [size - enough for size, enough in zip(sizes, least, strict=True)]
        widest = max(range(count), key=lambda i: spare[i])
        if sizes[widest] <= 6:
            break
        sizes[widest] -= 1
    return [
        [pad((clip if i else clip_middle)(cell, sizes[i]), sizes[i]) for i, cell in enumerate(row)]
        for row in rows
    ]
