"""The gradient table as plain rows, and the notes that teach how to read it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tapemagic.views.told.summary import handed_on
from tapemagic.wording import names, numbers, words
from tapemagic.wording.escape import one_line
from tapemagic.wording.terminal import clip_middle

if TYPE_CHECKING:
    from tapemagic.report.model import Call, Source, Why
    from tapemagic.traces.model import Gradient, Shape, Trace


CALM = 3  # reasons without a card that are told
OTHER = "`…`"  # stands for the name of a source in a reason


@dataclass(slots=True)
class Row:
    """One source: every field is text that is not escaped yet."""

    name: str
    kind: str
    dtype: str
    shape: str
    verdict: words.Verdict
    gradient: str
    reason: str
    where: str
    picture: str = ""  # of its gradient, for views that can show one: HTML
    code: str = ""  # the name as it stands below what was asked: ``[0]``
    path: str = ""  # the name that Keras knows a variable by, where the code says something else

    @property
    def called(self) -> str:
        """Both names."""
        return f"{self.code} {self.path}".rstrip()

    @property
    def type(self) -> str:
        """What the source is: ``variable float32 (3, 2)``."""
        return self.types[0]

    @property
    def types(self) -> tuple[str, str, str]:
        """What the source is, the longest form first."""
        held = f"{self.dtype} {self.shape}".strip()
        return f"{self.kind} {held}".strip(), held, self.shape


def rows(call: Call, trace: Trace | None = None) -> list[Row]:
    """Return the rows of one call."""
    called = names.names(call.sources, trace)
    return [_row(source, name) for source, name in zip(call.sources, called, strict=True)]


def got(found: list[Row]) -> str:
    """Return the head of the column that says what came, or why nothing did."""
    if not any(row.reason for row in found):
        return "gradient"
    return "gradient, or the reason" if any(row.gradient for row in found) else "reason"


def _row(source: Source, name: names.Name) -> Row:
    why = source.why
    if why is not None and why.because is not None:
        why = why.because
    if why is None and source.partial:
        why = source.partial[0]
    return Row(
        source.name,
        source.kind,
        source.dtype,
        numbers.shape(source.shape) if source.kind != "other" or source.shape is not None else "",
        words.verdict(source),
        gradient(source.gradient, source.shape),
        words.cause(why) if why is not None else "",
        words.place(why.at) if why is not None else "",
        code=name.code,
        path=name.path,
    )


def gradient(found: Gradient | None, like: Shape = None) -> str:
    """Write a gradient: its value if small, else norm and range, and the shape if it differs.

    Args:
        found: The gradient.
        like: Shape of the source.
    """
    if found is None:
        return ""
    value = numbers.small(found.value)
    if value is not None and not found.sparse:
        return value
    if found.zero and not found.sparse:
        return "0 everywhere"
    parts = ["IndexedSlices"] if found.sparse else []
    if found.shape != like or (found.norm is None and not found.nonfinite):
        parts.append(numbers.shape(found.shape))
    if found.norm is not None:
        parts.append(f"norm {numbers.number(found.norm, 3)}")
    if found.min is not None and found.max is not None:
        parts.append(f"{numbers.number(found.min, 3)} to {numbers.number(found.max, 3)}")
    if found.nonfinite:
        parts.append(_not_finite(found))
    return ", ".join(parts)


def _not_finite(found: Gradient) -> str:
    dims = [dim for dim in found.shape or () if dim is not None]
    every = found.shape is not None and found.nonfinite == math.prod(dims)
    return f"{'all ' if every and found.nonfinite > 1 else ''}{found.nonfinite:,} not finite"


def notes(call: Call) -> list[str]:
    """Return the sentences that teach what the numbers of this call mean."""
    found = []
    if handed_on(call):
        lost = sum(source.why is not None for source in call.sources)
        return [f"{lost} of its {len(call.sources)} gradients are explained above.", *_turns(call)]
    if quiet(call):
        count = numbers.counted(len(call.sources), "variable")
        return [f"Each of {count} got a gradient."] if len(call.sources) > 1 else []
    if call.error is not None:
        return _turns(call)
    large = [t for t in call.targets if t.shape is not None and any(dim != 1 for dim in t.shape)]
    if call.method == "gradient" and len(call.targets) > 1:
        found.append("With several targets, this is the sum of their gradients.")
    if call.method == "gradient" and large and any(s.gradient is not None for s in call.sources):
        names = " and ".join(target.name for target in large[:2])
        shape = numbers.shape(large[0].shape)
        found.append(
            f"{names} is not a scalar but has shape {shape}:"
            " this is the gradient of the sum of its elements; tape.jacobian keeps them apart."
        )
    if any(s.gradient is not None and s.gradient.sparse for s in call.sources):
        found.append(
            "A sparse gradient is a tf.IndexedSlices: it holds only the rows that were looked up."
        )
    return found + _calm(call) + _turns(call)


def _calm(call: Call) -> list[str]:
    """Explain in a line what is no cause for alarm and gets no card: often it is meant so."""
    found = []
    parts: dict[str, list[str]] = {}
    for source in call.sources:
        for why in source.partial:
            if not words.attention(why):
                parts.setdefault(_told(why), []).append(f"`{one_line(source.name, 40)}`")
    for told, sources in parts.items():
        leaves = "gradient of" if len(sources) == 1 else "gradients of"
        verb = "leaves" if len(sources) == 1 else "leave"
        found.append(f"The {leaves} {words.several(sources)} {verb} a part out: {told}")
    found += _meant(call)
    return found[:CALM] + ([f"And {len(found) - CALM} more."] if len(found) > CALM else [])


def _meant(call: Call) -> list[str]:
    """Explain the sources without a gradient that are often meant so; those alike in one line."""
    alike: dict[str, list[str]] = {}
    for source in call.sources:
        if source.why is not None and not words.attention(source.why):
            told = _told(source.why.because or source.why)
            alike.setdefault(told.replace(f"`{source.name}`", OTHER), []).append(source.name)
    found = []
    for told, called in alike.items():
        first = f"`{clip_middle(one_line(called[0], 200), 40)}`"
        said = told.replace(OTHER, first) if OTHER in told else f"{first}: {told}"
        rest = f" The same is true of {len(called) - 1} more." if len(called) > 1 else ""
        found.append(said + rest)
    return found


def _told(why: Why) -> str:
    where = words.place(why.at)
    known = where and where in why.message
    return one_line(why.message if known or not where else f"{why.message} ({where})")


def quiet(call: Call) -> bool:
    """Tell whether a call only hands on gradients that another call's table shows already."""
    fine = all(words.verdict(source).tone == "good" for source in call.sources)
    plain = call.method.startswith("apply") and fine and call.error is None and bool(call.sources)
    return plain or handed_on(call)


def _turns(call: Call) -> list[str]:
    if call.times == 1:
        return []
    return [f"The same verdicts came {call.times:,} times; the numbers are the last ones."]
