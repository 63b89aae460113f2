"""The first line: what ran, what was asked, and how much of it needs attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapemagic.wording import words
from tapemagic.wording.numbers import counted

if TYPE_CHECKING:
    from tapemagic.report.model import Call, Report, Source


def attention(report: Report) -> int:
    """Count what needs attention: sources, calls that raised, and an explained exception."""
    count = 0
    told = [source.why for call in report.calls for source in call.sources]
    why = report.error.why if report.error is not None else None
    explained = words.attention(why) and not any(one is why for one in told)
    asked: set[int] = set()
    for call in report.calls:
        whys = [source.why for source in call.sources]
        if not call.method.startswith("apply"):
            asked.update(map(id, whys))
        elif handed_on(call) and asked.issuperset(id(why) for why in whys if why is not None):
            explained = explained and call.error is None
            continue  # what the optimizer was given is counted where it was asked
        asking = sum(words.attention(source.why) for source in call.sources)
        asking += sum(any(map(words.attention, source.partial)) for source in call.sources)
        if call.error is not None:
            asking = max(asking, 1)
            explained = False
        count += asking
    return count + int(explained)


def handed_on(call: Call) -> bool:
    """Tell whether a call only hands on what other calls were answered, some of it None."""
    whys = [source.why for source in call.sources if source.why is not None]
    return call.method.startswith("apply") and bool(whys) and all(w.at != call.at for w in whys)


def parts(report: Report) -> list[str]:
    """Return the pieces of the summary, each a few words."""
    found = []
    if report.trace is not None and report.trace.tapes:
        found.append(counted(len(report.trace.tapes), "tape"))
    found.append(f"{report.recorded:,} of {counted(report.executed, 'op')} recorded")
    asked = sum(call.times for call in report.calls)
    found.append(f"{counted(asked, 'gradient')} asked" if asked else "no gradient asked")
    if report.calls:
        count = attention(report)
        verb = "needs" if count == 1 else "need"
        found.append(f"{count} {verb} attention" if count else "nothing needs attention")
        calm = sum(_meant(source) for call in report.calls for source in call.sources)
        found += [f"{calm} explained below the table"] if calm else []
    if report.tensors and report.mismatches:
        found.append(
            f"the drawing differs from what the tape did at {report.mismatches:,}"
            f" of {counted(report.tensors, 'tensor')}"
        )
    return found


def _meant(source: Source) -> bool:
    """Tell whether a source got no gradient for a reason that is often meant."""
    return source.why is not None and not words.attention(source.why)


def checked(report: Report) -> str:
    """Say what was compared with the tape and agreed, or ""."""
    if not report.tensors or report.mismatches:
        return ""
    return (
        "Checked against the tape: what is drawn as reached by a gradient is what one came to"
        f" ({counted(report.tensors, 'tensor')})."
    )


def line(report: Report) -> str:
    """Return the summary as one line of text."""
    return " · ".join(parts(report))
