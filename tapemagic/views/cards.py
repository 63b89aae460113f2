"""What needs attention, one card per reason: sources that share a reason share its card."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tapemagic.views import words
from tapemagic.views.changes import changes
from tapemagic.views.escape import one_line
from tapemagic.views.excerpt import Line, excerpt

if TYPE_CHECKING:
    from tapemagic.report.model import Report, Source, Why

NAMED = 6  # sources named in a heading


@dataclass(slots=True)
class Card:
    """One explained problem, ready to be written in any form; texts are not escaped yet."""

    why: Why
    sign: str
    verdict: str
    names: list[str] = field(default_factory=list)
    partial: bool = False  # a gradient came, and it is incomplete
    call: int | None = None
    lines: list[Line] = field(default_factory=list)
    diff: list[tuple[str, str]] = field(default_factory=list)

    @property
    def sources(self) -> str:
        """The sources' names, shortened."""
        names = [one_line(name, 40) for name in self.names]
        if len(names) > NAMED:
            return ", ".join(names[: NAMED - 1]) + f" and {len(names) - NAMED + 1} more"
        return ", ".join(names)


def cards(report: Report) -> list[Card]:
    """Return a card for each reason that needs attention, in the order of the calls."""
    found: list[Card] = []
    for number, call in enumerate(report.calls):
        for source in call.sources:
            _of_source(report, found, number, source)
        if call.error is not None and call.error.why is not None:
            _add(report, found, number, call.error.why, ("!", call.error.type), "")
    error = report.error
    if error is not None and error.why is not None:
        shown = any(_same(card.why, error.why) for card in found)
        if not shown:
            _add(report, found, None, error.why, ("!", error.type), "")
    return found


def _of_source(report: Report, found: list[Card], number: int, source: Source) -> None:
    if source.why is not None and words.attention(source.why):
        told = words.verdict(source)
        _add(report, found, number, source.why, (told.sign, told.word), source.name)
    for why in source.partial:
        if words.attention(why):
            _add(report, found, number, why, ("◐", "incomplete"), source.name, partial=True)


def _add(
    report: Report,
    found: list[Card],
    call: int | None,
    why: Why,
    verdict: tuple[str, str],
    name: str,
    partial: bool = False,
) -> None:
    for card in found:
        if card.partial == partial and _same(card.why, why):
            if name and name not in card.names:
                card.names.append(name)
            return
    root = why.because if why.because is not None and why.at == why.because.at else why
    card = Card(why, verdict[0], verdict[1], [name] if name else [], partial, call)
    if why.at is None or why.at.here:
        card.lines = excerpt(report.source, root if root.story else why)
    fixed = why.fixed_source or (why.because.fixed_source if why.because is not None else None)
    card.diff = changes(report.source, fixed)
    found.append(card)


def _same(first: Why, second: Why) -> bool:
    """Two reasons are one when the same statement and the same change are behind them."""
    if first is second:
        return True
    known = (first.cause, first.at, first.level, first.fixed_source, first.fix_verified)
    return known == (
        second.cause,
        second.at,
        second.level,
        second.fixed_source,
        second.fix_verified,
    ) and (first.message == second.message or (first.at is not None and first.fix == second.fix))


def tried(why: Why) -> str:
    """Say whether the fix was tried, and what it gave."""
    result = why.fix_result or (why.because.fix_result if why.because is not None else None)
    if why.fix_verified is None:
        return result or ""
    if why.fix_verified:
        return f"Tried: {result}." if result else "Tried: the gradient came back."
    return f"Tried, and it was not enough: {result}." if result else "Tried, and it was not enough."


def story(why: Why) -> list[tuple[str, str]]:
    """Return the path's story: pairs of what and where."""
    steps = why.story or (why.because.story if why.because is not None else ())
    said = {"left": "left TensorFlow at {}", "back": "came back as {}", "cut": "✗ {}"}
    said |= {"write": "written to {}", "read": "read back from {}"}
    found: list[tuple[str, str]] = []
    before = ("", "")
    for step in steps:
        what = (one_line(step.text, 60), words.place(step.at))
        # The same expression may be two stops; its second mention tells nothing new.
        if what != before or step.kind not in ("op", "target"):
            found.append((said.get(step.kind, "{}").replace("{}", what[0]), what[1]))
        before = what
    return found
