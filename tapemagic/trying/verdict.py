"""Whether a tried fix brought the gradient back, and the words for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tapemagic.report.model import Call, Report, Source
from tapemagic.trying.attempt import Attempt
from tapemagic.wording.escape import one_line

QUERIES = ("gradient", "jacobian", "batch_jacobian")
_FEW = 8


@dataclass(slots=True)
class Asked:
    """The question whose answer was missing.

    Attributes:
        call: The call in the first report; None when the cell ended before it asked.
        source: The source in question; None when the whole call failed.
        partial: Only a part of the gradient was missing.
        cause: Why.
    """

    call: Call | None
    source: Source | None
    partial: bool = False
    cause: str = ""


def judged(attempt: Attempt, first: Report, asked: Asked) -> tuple[bool | None, str]:
    """Whether the fix helped, and what was seen; None for a change that is no fix, as was seen."""
    if attempt.late:
        return False, "tried: it took too long and was ended"
    if attempt.report is None:
        return False, "tried: the changed cell could not be run"
    calls = _same_site(attempt.report, first, asked.call)
    ended = _ended(attempt, first)
    if not calls:
        if isinstance(attempt.error, (EOFError, SystemExit)):
            return False, ended or ""  # asking the person, or leaving: not by the change
        return None, ended or "tried: the changed cell did not ask for the gradient again"
    found = [s for call in calls for s in _sources(call, asked)]
    failed = next((c.error for c in calls if c.error is not None), None)
    if failed is not None:
        return None, f"tried: it did not help (the question raised {failed.type})"
    bad = next((s for s in found if not _good(s, asked)), None)
    if not found or bad is not None:
        now = (
            {"none": "None", "nan": "NaN", "inf": "Inf"}.get(bad.status, bad.status)
            if bad
            else "None"
        )
        if asked.partial and bad is not None and bad.partial:
            now = "incomplete"
        return None, f"tried: it did not help (the gradient is still {now})"
    if ended is not None:
        return False, ended
    return True, f"tried: {_told(_together(calls[0], asked), asked)}"


def _same_site(report: Report, first: Report, call: Call | None) -> list[Call]:
    """The calls of the changed cell from the place of the same question."""
    asked = [c for c in report.calls if c.method in QUERIES]
    if call is None or call.method not in QUERIES:
        return asked[-1:] if call is None else asked
    before = _sites([c for c in first.calls if c.method in QUERIES])
    now = _sites(asked)
    order = before.index((call.method, call.at))
    return [c for c in asked if order < len(now) and (c.method, c.at) == now[order]]


def _sites(calls: list[Call]) -> list[tuple[str, Any]]:
    """The places of the questions, each once, in the order of asking."""
    return list(dict.fromkeys((c.method, c.at) for c in calls))


def _sources(call: Call, asked: Asked) -> list[Source]:
    if asked.source is None or asked.call is None:
        return call.sources
    index = next((i for i, s in enumerate(asked.call.sources) if s is asked.source), None)
    if index is not None and len(call.sources) == len(asked.call.sources):
        return [call.sources[index]]
    return call.sources


def _good(source: Source, asked: Asked) -> bool:
    if asked.partial:
        # Another part that is missing has a change of its own; a straight-through estimator stops
        # its own rounding.
        before = asked.source.partial if asked.source is not None else []
        left = [[p.cause for p in found].count(asked.cause) for found in (source.partial, before)]
        return source.status == "connected" and left[0] < left[1]
    if source.status == "zero":
        # A true zero is an answer where there was none, and none where zero was the trouble.
        was = "error" if asked.source is None else asked.source.status
        return was in ("none", "nan", "inf", "error")
    if source.status == "masked":
        return asked.cause == "constant-gradient"  # the zeros are the derivative
    return source.status == "connected"


def _ended(attempt: Attempt, first: Report) -> str | None:
    """The changed cell's own exception, unless the cell ended with the same one before."""
    error = attempt.error
    if error is None:
        return None
    same = first.error is not None and first.error.type == type(error).__name__
    if same and first.error is not None and first.error.message == str(error)[:2000]:
        return None
    said = str(error).strip().split("\n")[0][:120]
    return f"tried: the changed cell raised {type(error).__name__}" + (f": {said}" if said else "")


def _together(call: Call, asked: Asked) -> list[Source]:
    """The sources of a call that the same change was made for, as the changed cell gave them."""
    mine = _sources(call, asked)
    if asked.call is None or asked.source is None or len(mine) != 1 or asked.partial:
        return mine
    change = _change(asked.source)
    return [
        now for before, now in zip(asked.call.sources, call.sources, strict=False)
        if before is asked.source or _change(before) == change
    ]  # fmt: skip


def _change(source: Source) -> str | None:
    why = source.why
    return None if why is None else why.fixed_source


def _told(found: list[Source], asked: Asked) -> str:
    """The new gradients: how many of them there are, and one in full."""
    good = [source for source in found if _good(source, asked)]
    if not good:
        return "the gradient came back"
    one = f"`{one_line(good[0].name, 40)}`"
    if len(found) == 1:
        return f"the gradient of {one} is now {_gradient(good[0])}"
    count = f"{len(good)} of {len(found)}" if len(good) < len(found) else f"all {len(found)}"
    count = "both" if len(good) == len(found) == 2 else count
    return f"{count} gradients arrive now ({one}: {_gradient(good[0])})"


def _gradient(source: Source) -> str:
    gradient = source.gradient
    if gradient is None:
        return "there"
    value = gradient.value
    if value is not None and _count(value) <= _FEW:
        return _number(value)
    shape = "" if gradient.shape is None else f"of shape {tuple(gradient.shape)}"
    norm = "" if gradient.norm is None else f"with norm {gradient.norm:.4g}"
    return " ".join(part for part in (shape, norm) if part)


def _count(value: Any) -> int:
    return sum(_count(v) for v in value) if isinstance(value, list) else 1


def _number(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_number(v) for v in value)}]"
    if isinstance(value, float):
        short = f"{value:.4g}"
        return short if any(c in short for c in ".en") else f"{short}.0"
    return str(value)
