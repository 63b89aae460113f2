"""The lines of the cell that tell a reason's story."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tapemagic.views.told.wire import wire

if TYPE_CHECKING:
    from tapemagic.report.model import Step, Why

MOST = 14  # lines shown for one reason
WIDEST = 400  # letters of one line that are shown


@dataclass(slots=True)
class Line:
    """One line of code; ``number`` 0 stands for lines left out."""

    number: int
    text: str = ""
    culprit: bool = False
    mark: tuple[int, int] | None = None  # columns of the culprit expression, in characters
    story: bool = False
    notes: tuple[str, ...] = ()  # what happened to the value here
    wire: str = ""  # the value's way in the margin; a key of wire.SIGNS


_NOTES = {
    "source": "{} begins here",
    "left": "leaves TensorFlow",
    "python": "goes on in plain Python",
    "back": "comes back as {}",
    "write": "is written here",
    "read": "is read back here",
    "cut": "the gradient ends here",
}


def excerpt(source: str, why: Why) -> list[Line]:
    """Return the culprit's line, the story's lines and a line around the culprit."""
    code = source.splitlines()
    at = why.at.line if why.at is not None and why.at.here else None
    story = {number for number in why.lines if 1 <= number <= len(code)}
    story |= {s.at.line for s in why.story if s.at is not None and s.at.here}
    wanted = {number for number in story if 1 <= number <= len(code)}
    marks: dict[int, tuple[int, int]] = {}
    if at is not None and 1 <= at <= len(code):
        wanted |= {n for n in (at - 1, at, at + 1) if 1 <= n <= len(code) and code[n - 1].strip()}
        marks = _marks(code, why)
        wanted |= set(marks)
    chosen = _fewest(sorted(wanted), at)
    found: list[Line] = []
    for number in chosen:
        if found and number > found[-1].number + 1:
            # One line left out takes as much room as the sign that says so.
            gap = Line(number - 1, code[number - 2]) if number == found[-1].number + 2 else Line(0)
            found.append(gap)
        found.append(
            Line(
                number,
                code[number - 1].rstrip()[:WIDEST],
                number == at,
                marks.get(number),
                number in story,
                _notes(why, number),
            )
        )
    wire(found, why)
    return found


def _notes(why: Why, number: int) -> tuple[str, ...]:
    told = [s for s in why.story if s.at is not None and s.at.here and s.at.line == number]
    return tuple(dict.fromkeys(_note(step) for step in told if step.kind in _NOTES))


def _note(step: Step) -> str:
    return _NOTES[step.kind].replace("{}", step.text)


def _marks(code: list[str], why: Why) -> dict[int, tuple[int, int]]:
    """Return the columns to underline per line; the syntax tree counts columns in bytes."""
    if why.at is None or why.at.expr is None:
        return {}
    first, start, last, end = why.at.expr
    if last > first and 1 <= first <= len(code) and code[first - 1].rstrip().endswith(":"):
        last, end = first, len(code[first - 1].encode("utf-8", "replace").rstrip())
    found = {}
    for number in range(first, min(last, first + 3) + 1):
        if not 1 <= number <= len(code):
            continue
        text = code[number - 1]
        left = _characters(text, start) if number == first else len(text) - len(text.lstrip())
        right = _characters(text, end) if number == last else len(text.rstrip())
        if right > left:
            found[number] = (left, right)
    return found


def _characters(text: str, column: int) -> int:
    return len(text.encode("utf-8", "replace")[:column].decode("utf-8", "ignore"))


def _fewest(numbers: list[int], at: int | None) -> list[int]:
    """Keep the lines nearest to the culprit when a story is very long."""
    if len(numbers) <= MOST:
        return numbers
    centre = at if at is not None else numbers[0]
    ends = {numbers[0], numbers[-1]}
    near = sorted(numbers, key=lambda n: (n not in ends, abs(n - centre)))[:MOST]
    return sorted(near)
