"""Verdicts and places in words, the same in every view.

A verdict always has a sign and a word: colour alone would leave out readers who cannot tell
colours apart, and every form without colour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tapemagic.report.model import Source, Why
    from tapemagic.traces.model import Site


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict as it is shown; ``tone`` is "good", "bad", "care" or "quiet"."""

    sign: str
    word: str
    tone: str

    @property
    def text(self) -> str:
        """Sign and word together."""
        return f"{self.sign} {self.word}"


_VERDICTS = {
    "connected": Verdict("✓", "connected", "good"),
    "none": Verdict("✗", "None", "bad"),
    "masked": Verdict("✗", "None, masked", "bad"),
    "zero": Verdict("○", "zero", "care"),
    "nan": Verdict("!", "NaN", "bad"),
    "inf": Verdict("!", "Inf", "bad"),
    "error": Verdict("✗", "error", "bad"),
}


_CAUSES = {
    "left-tensorflow": "left TensorFlow",
    "masked-none": "masked None",
    "nan-gradient": "turns non-finite",
    "zero-gradient": "turns zero",
    "no-gradient-op": "op without a gradient",
    "missing-gradient": "no gradient registered",
    "non-float-dtype": "non-float dtype",
    "non-differentiable-input": "non-differentiable input",
    "non-trainable": "non-trainable",
    "py-function": "py_function",
    "auto-watch-off": "automatic watching is off",
    "rebound-name": "name was rebound",
    "outside-tape": "outside the tape",
    "tape-consumed": "tape already used",
    "unwatched-tensor": "not watched",
    "watched-too-late": "watched too late",
}


def attention(why: Why | None) -> bool:
    """Tell whether a reason is one that a person should act on."""
    return why is not None and why.level in ("warning", "error")


def verdict(source: Source) -> Verdict:
    """Return the verdict on one source."""
    found = _VERDICTS.get(source.status, Verdict("?", source.status, "care"))
    if source.status == "connected" and source.partial:
        loud = any(attention(why) for why in source.partial)
        return Verdict("◐", "incomplete", "care" if loud else "quiet")
    if source.why is not None and not attention(source.why) and found.tone != "good":
        return Verdict("\u2013" if found.sign == "✗" else found.sign, found.word, "quiet")
    return found


def place(site: Site | None) -> str:
    """Say where something is: ``line 4``, ``line 4 of cell In[2]``, ``helpers.py, line 4``."""
    if site is None:
        return ""
    if site.file is not None:
        name = site.file.replace("\\", "/").rsplit("/", 1)[-1]
        return f"{name}, line {site.line}"
    if site.cell is not None:
        return f"line {site.line} of cell {site.cell}"
    return f"line {site.line}"


def inside(site: Site | None) -> str:
    """Say where something is, with the function that holds it."""
    where = place(site)
    return f"{where}, in {site.function}" if site is not None and site.function else where


def cause(why: Why) -> str:
    """Return the cause as words: ``left-tensorflow`` is ``left TensorFlow``."""
    return _CAUSES.get(why.cause, why.cause.replace("-", " "))


def several(names: list[str], most: int = 3) -> str:
    """Names in a sentence: "a, b and c", or "a, b, c and 4 more"."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
