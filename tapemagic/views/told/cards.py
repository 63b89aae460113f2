"""What needs attention, one card per reason: sources that share a reason share its card."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tapemagic.views.told.changes import changes
from tapemagic.views.told.excerpt import Line, excerpt
from tapemagic.wording import names, words
from tapemagic.wording.escape import one_line

if TYPE_CHECKING:
    from tapemagic.report.model import Report, Source, Why

NAMED = 6  # sources named in a heading
ALL = 3  # sources in a row that are named by the ends of the row
STOP = 48  # letters of one stop of a path
STOPS = 8  # stops of a path that are told
_LOUD = ("source", "left", "cut", "write", "read", "back")


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
    fixed: str = ""  # the whole changed cell
    paths: dict[str, str] = field(default_factory=dict)  # of the sources that Keras names
    every: bool = False  # all sources of the call are here

    @property
    def fix(self) -> str:
        """What to change, in words, or ""."""
        told = _fix(self.why)
        if len(self.names) > 1 and f"`{self.names[0]}`" in told:
            return told.replace(f"`{self.names[0]}`", "each of these")
        return told

    @property
    def message(self) -> str:
        """The reason; one that was found for several sources names the first of them."""
        others = len(self.names) - 1
        if others < 1 or f"`{self.names[0]}`" not in self.why.message:
            return self.why.message
        rest = f"`{one_line(self.names[1], 40)}`" if others == 1 else f"the other {others}"
        return f"{self.why.message} The same is true of {rest}."

    @property
    def shown(self) -> list[tuple[str, str]]:
        """The sources, each with its path or what else there is to say of it, or ""."""
        span = names.span(self.names) if len(self.names) >= ALL else None
        if span is not None:
            return [self._row_of(*span)]
        most = NAMED if len(self.names) <= NAMED else NAMED - 1
        return [
            (one_line(name, 40), one_line(self.paths.get(name, ""), 60))
            for name in self.names[:most]
        ]

    def _row_of(self, first: int, last: int) -> tuple[str, str]:
        """Name sources that stand in a row, by the ends of the row."""
        whole = one_line(names.base(self.names[0]) or "", 40)
        if self.every:
            return (whole, f"all {len(self.names)}")
        ends = dict.fromkeys(self.paths.get(self.names[at], "") for at in (0, -1))
        return (f"{whole}[{first}] … [{last}]", one_line(" … ".join(filter(None, ends)), 60))

    @property
    def more(self) -> str:
        """How many sources are not shown, or ""."""
        if len(self.names) >= ALL and names.span(self.names) is not None:
            return ""
        rest = len(self.names) - len(self.shown)
        return f" and {rest} more" if rest else ""

    @property
    def sources(self) -> str:
        """The sources' names, shortened."""
        told = (f"{name} ({path})" if path else name for name, path in self.shown)
        return ", ".join(told) + self.more


def cards(report: Report) -> list[Card]:
    """Return a card for each reason that needs attention, in the order of the calls."""
    found: list[Card] = []
    for number, call in enumerate(report.calls):
        called = names.names(call.sources, report.trace)
        for source, name in zip(call.sources, called, strict=True):
            _of_source(report, found, number, source, name.path)
        if call.error is not None and call.error.why is not None:
            _add(report, found, number, call.error.why, ("!", call.error.type), "")
    error = report.error
    if error is not None and error.why is not None:
        shown = any(_same(card.why, error.why) for card in found)
        if not shown:
            _add(report, found, None, error.why, ("!", error.type), "")
    return found


def _of_source(report: Report, found: list[Card], number: int, source: Source, path: str) -> None:
    if source.why is not None and words.attention(source.why):
        told = words.verdict(source)
        _add(report, found, number, source.why, (told.sign, told.word), source.name, path)
    for why in source.partial:
        if words.attention(why):
            _add(report, found, number, why, ("◐", "incomplete"), source.name, path, True)


def _add(
    report: Report,
    found: list[Card],
    call: int | None,
    why: Why,
    verdict: tuple[str, str],
    name: str,
    path: str = "",
    partial: bool = False,
) -> None:
    for card in found:
        if card.partial == partial and (
            _same(card.why, why) or (verdict[1] == card.verdict and _alike(card, why, name))
        ):
            if name and name not in card.names:
                card.names.append(name)
                card.paths[name] = path
                card.every = _every(report, card)
            return
    root = why.because if why.because is not None and why.at == why.because.at else why
    card = Card(why, verdict[0], verdict[1], [name] if name else [], partial, call)
    card.paths[name] = path
    if why.at is None or why.at.here:
        card.lines = excerpt(report.source, root if root.story else why)
    fixed = why.fixed_source or (why.because.fixed_source if why.because is not None else None)
    card.diff = changes(report.source, fixed)
    card.fixed = fixed or ""
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


def _alike(card: Card, why: Why, name: str) -> bool:
    """Tell whether a reason says of one source what the card says of its first."""
    if not name or not card.names:
        return False
    return _same(_of_any(card.why, card.names[0]), _of_any(why, name))


def _of_any(why: Why, name: str) -> Why:
    """Return a reason without the name of the source that it was found for."""
    message, fix = (text.replace(f"`{name}`", "`…`") for text in (why.message, _fix(why)))
    return replace(why, message=message, fix=fix)


def _fix(why: Why) -> str:
    return why.fix or (why.because.fix if why.because is not None else None) or ""


def _every(report: Report, card: Card) -> bool:
    sources = report.calls[card.call].sources if card.call is not None else []
    return {source.name for source in sources} <= set(card.names)


def tried(why: Why) -> str:
    """Say whether the fix was tried, and what it gave."""
    result = why.fix_result or (why.because.fix_result if why.because is not None else None)
    if why.fix_verified is None:
        return result or ""
    result = (result or "").removeprefix("tried: ")
    if why.fix_verified:
        return f"Tried: {result}." if result else "Tried: the gradient came back."
    return f"Tried, and it was not enough: {result}." if result else "Tried, and it was not enough."


def story(why: Why) -> list[tuple[str, str]]:
    """Return the path's story: pairs of what and where, no longer than a few stops."""
    steps = why.story or (why.because.story if why.because is not None else ())
    stops = [(step.kind, one_line(step.text, STOP), words.place(step.at)) for step in steps]
    said = {"left": "left TensorFlow at {}", "back": "came back as {}", "cut": "✗ {}"}
    said |= {"write": "written to {}", "read": "read back from {}"}
    found: list[tuple[str, str]] = []
    for number, (kind, what, where) in enumerate(stops):
        # The same expression may be two stops; only the one that says more is told.
        around = [stops[n] for n in (number - 1, number + 1) if 0 <= n < len(stops)]
        twins = [other for other, *same in around if same == [what, where]]
        if kind in ("op", "target") and any(other in _LOUD for other in twins):
            continue
        told = said.get(kind, "{}").replace("{}", what)
        if not found or found[-1] != (told, where):
            found.append((told, where))
    return _fewer(found)


def _fewer(stops: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Leave out plain stops in the middle of a long path; both ends and every event stay."""
    if len(stops) <= STOPS:
        return stops
    events = ("left ", "came ", "✗ ", "written ", "read ")
    loud = [n for n, (what, _) in enumerate(stops) if what.startswith(events)]
    ends = {0, 1, len(stops) - 2, len(stops) - 1}
    kept = sorted(sorted(range(len(stops)), key=lambda n: (n not in ends, n not in loud))[:STOPS])
    found: list[tuple[str, str]] = []
    for before, number in zip([-1, *kept], kept, strict=False):
        if number > before + 1:
            found.append((f"… {number - before - 1} more …", ""))
        found.append(stops[number])
    return found
