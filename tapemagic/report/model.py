"""The report: one object that shows and saves what was found. Its JSON form is schema 1.

The dataclasses mirror the JSON key by key; see ``docs/report.md``. Lines are 1-based in the
source of the cell.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tapemagic.diagnosis.why import Step, Why

if TYPE_CHECKING:
    from tapemagic.traces.model import Gradient, Shape, Site, Trace

__all__ = ["Call", "Failure", "Place", "Report", "Source", "Step", "Target", "Why"]


@dataclass(slots=True)
class Place:
    """Where something is when it is not in this cell; all None when it is."""

    cell: str | None = None
    file: str | None = None
    line: int | None = None


@dataclass(slots=True)
class Source:
    """One source of a call: what was asked about, and what came back."""

    name: str
    kind: str
    dtype: str
    shape: Shape
    status: str
    gradient: Gradient | None = None
    why: Why | None = None
    partial: list[Why] = field(default_factory=list)
    tensor: int | None = None


@dataclass(slots=True)
class Target:
    """One target of a call."""

    name: str
    dtype: str
    shape: Shape
    tensor: int | None = None


@dataclass(slots=True)
class Failure:
    """An exception of the person's code, explained where it can be."""

    type: str
    message: str
    line: int | None = None
    why: Why | None = None


@dataclass(slots=True)
class Call:
    """A query with its verdicts; consecutive calls from one line with equal verdicts are one."""

    method: str
    at: Site | None
    tape: str | None
    targets: list[Target]
    sources: list[Source]
    times: int = 1
    error: Failure | None = None
    query: int = 0  # index in the trace of the last of them
    replica: int | None = None  # of a strategy, when it was asked in a replica's thread


@dataclass(slots=True, repr=False)
class Report:
    """What ``%%tape`` found.

    Attributes:
        source: The text of the cell.
        error: The exception that ended the cell, or None.
        executed: Forward ops that ran, in eager order; a function call counts as one.
        recorded: How many of them a tape recorded.
        tensors: Number of (call, tensor) pairs for which a gradient was predicted and observed.
        mismatches: Pairs where the two differ.
        calls: The queries, in order.
        notes: Sentences about the whole run, such as "This cell used no TensorFlow.".
        trace: The observations, or None if they were not kept.
    """

    source: str = ""
    error: Failure | None = None
    executed: int = 0
    recorded: int = 0
    tensors: int = 0
    mismatches: int = 0
    calls: list[Call] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    trace: Trace | None = None
    options: Any = None

    @property
    def needs_attention(self) -> bool:
        """Whether something is said at the level of a warning or above."""
        whys = [s.why for c in self.calls for s in c.sources]
        whys += [p for c in self.calls for s in c.sources for p in s.partial]
        whys += [c.error.why for c in self.calls if c.error is not None]
        whys += [self.error.why] if self.error is not None else []
        return bool(self.mismatches) or any(w is not None and w.level != "info" for w in whys)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON data, schema 1; see ``docs/report.md``."""
        from tapemagic.report.serial import to_dict

        return to_dict(self)

    def save(self, path: str | os.PathLike[str], **options: Any) -> Path:
        """Save by suffix: .html, .json, .md, .txt, .svg, .dot, .png or .pdf.

        Args:
            path: Where to.
            **options: Of the format; see :func:`tapemagic.views.save.save`.

        Returns:
            The path that was written.

        Raises:
            ReportError: If it can't be saved; nothing half-written is left.
        """
        from tapemagic.views.save import save

        return save(self, path, **options)

    def graph(self, level: str = "auto", call: int | None = None, title: str | None = None) -> Any:
        """The diagram as a ``graphviz.Digraph``, free to be restyled and rendered.

        Args:
            level: What one box stands for: "auto", "op", "line" or "layer".
            call: Position of the one call to draw.
            title: A heading inside the picture.
        """
        from tapemagic.diagram.build import build
        from tapemagic.diagram.dot.source import dot

        return dot(build(self, level, call), legend=True, title=title)

    def diff(self, other: Report) -> Any:
        """What changed from this report to another one, as before and after a repair.

        Returns:
            A comparison that prints itself, and shows itself in a notebook.
        """
        from tapemagic.views.diff.difference import diff

        return diff(self, other)

    def __str__(self) -> str:
        from tapemagic.views.text.report import text

        return text(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from tapemagic.views.bundle import mimebundle

        del include, exclude
        return mimebundle(self, self.options)
