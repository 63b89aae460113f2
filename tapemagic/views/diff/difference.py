"""Two reports side by side: per source, what the one gave and what the other gives."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from tapemagic.views.told import rows, summary
from tapemagic.views.told.changes import changes
from tapemagic.wording import words
from tapemagic.wording.asked import heading
from tapemagic.wording.numbers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapemagic.report.model import Call, Report

_RANKS = {"bad": 0, "care": 1, "quiet": 2, "good": 3}
SIGNS = {"better": "▲", "worse": "▼", "changed": "≠", "same": "=", "new": "+", "gone": "-"}
TONES = {"better": "good", "worse": "bad", "changed": "care"}


@dataclass(slots=True)
class Pair:
    """One source in both reports; None where it was not asked about."""

    before: rows.Row | None
    after: rows.Row | None

    @property
    def name(self) -> str:
        """The source's name."""
        return self._row.name

    @property
    def path(self) -> str:
        """The source's path in Keras."""
        return self._row.path

    @property
    def _row(self) -> rows.Row:
        row = self.after or self.before
        assert row is not None
        return row

    @property
    def change(self) -> str:
        """One of the keys of SIGNS."""
        if self.before is None or self.after is None:
            return "new" if self.before is None else "gone"
        ranks = [_RANKS.get(row.verdict.tone, 1) for row in (self.before, self.after)]
        if ranks[0] != ranks[1]:
            return "better" if ranks[1] > ranks[0] else "worse"
        # Lines move when code is edited: that alone is no change.
        told = [(row.verdict.word, row.reason, row.gradient) for row in (self.before, self.after)]
        return "same" if told[0] == told[1] else "changed"


@dataclass(slots=True)
class Compared:
    """One call in both reports."""

    heading: str
    where: str
    pairs: list[Pair] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True, repr=False)
class Difference:
    """What differs between two reports; shows itself as text and in a notebook."""

    before: Report
    after: Report
    calls: list[Compared] = field(default_factory=list)
    code: list[tuple[str, str]] = field(default_factory=list)

    @property
    def counts(self) -> Counter[str]:
        """How many sources changed in which way."""
        return Counter(pair.change for call in self.calls for pair in call.pairs)

    @property
    def summary(self) -> str:
        """One line: how many sources, what became of them, what still needs attention."""
        found = [f"{counted(self.counts.total(), 'source')} compared"]
        found += [f"{self.counts[kind]:,} {kind}" for kind in SIGNS if self.counts[kind]]
        left = [summary.attention(report) for report in (self.before, self.after)]
        found.append(f"needs attention: {left[0]:,} before, {left[1]:,} after")
        return " · ".join(found)

    def __str__(self) -> str:
        from tapemagic.views.diff.text import text

        return text(self)

    __repr__ = __str__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from tapemagic.views.diff.page import html

        del include, exclude
        return {"text/html": html(self), "text/plain": str(self)}


def diff(before: Report, after: Report) -> Difference:
    """Compare two reports.

    Calls belong together when they ask for the same targets with the same method, in order;
    sources when they have the same name. Line numbers are shown, and are no difference.

    Args:
        before: The earlier report.
        after: The later one.
    """
    found = Difference(before, after, code=changes(before.source, after.source))
    for first, second in _calls(before, after):
        found.calls.append(_compare(before, first, after, second))
    return found


def _calls(before: Report, after: Report) -> Iterator[tuple[Call | None, Call | None]]:
    old, new = ([(c.method, _targets(c)) for c in report.calls] for report in (before, after))
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for kind, first, last, start, end in matcher.get_opcodes():
        left, right = before.calls[first:last], after.calls[start:end]
        if kind == "equal" or [c.method for c in left] == [c.method for c in right]:
            yield from zip(left, right, strict=True)
        else:
            yield from _by_method(left, right)


def _by_method(left: list[Call], right: list[Call]) -> Iterator[tuple[Call | None, Call | None]]:
    for method in dict.fromkeys(call.method for call in (*left, *right)):
        yield from zip_longest(
            [call for call in left if call.method == method],
            [call for call in right if call.method == method],
        )


def _targets(call: Call) -> tuple[str, ...]:
    return tuple(target.name for target in call.targets)


def _compare(before: Report, first: Call | None, after: Report, second: Call | None) -> Compared:
    report, call = (after, second) if second is not None else (before, first)
    assert call is not None
    places = [words.place(one.at) if one is not None else "not asked" for one in (first, second)]
    where = places[1] if places[0] == places[1] else " → ".join(p or "?" for p in places)
    found = Compared(heading(report, call), where)
    old = _named(rows.rows(first, before.trace) if first is not None else [])
    new = _named(rows.rows(second, after.trace) if second is not None else [])
    found.pairs = [Pair(old.get(key), new.get(key)) for key in dict.fromkeys((*new, *old))]
    for one, said in ((first, "before"), (second, "after")):
        if one is not None and one.error is not None:
            found.notes.append(f"{said.capitalize()}, the call raised {one.error.type}.")
    return found


def _named(found: list[rows.Row]) -> dict[tuple[str, int], rows.Row]:
    """Key rows by name; one that occurs twice also by its turn."""
    seen: Counter[str] = Counter()
    keyed = {}
    for row in found:
        keyed[row.name, seen[row.name]] = row
        seen[row.name] += 1
    return keyed


def told(row: rows.Row | None, places: bool = True) -> str:
    """Return what a source got, in one cell of a table; without places if it must be short."""
    if row is None:
        return "not asked"
    reason = ", ".join(x for x in (row.reason, row.where if places else "") if x)
    gradient = row.gradient if places else row.gradient.partition(", ")[0]
    parts = [
        row.verdict.text,
        row.gradient if gradient.startswith("[") else gradient,
        f"({reason})" if reason else "",
    ]
    return " ".join(part for part in parts if part)
