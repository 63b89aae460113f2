"""The cell line by line: what ran there, what was recorded, what left TensorFlow."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from tapemagic.diagram.gradient.flow import follow
from tapemagic.diagram.graph import index
from tapemagic.diagram.nodes.labels import op_type
from tapemagic.diagram.nodes.ops import cell_line
from tapemagic.wording import numbers

if TYPE_CHECKING:
    from tapemagic.report.model import Report, Why

KINDS = 3  # op types named per line


@dataclass(slots=True)
class Annotated:
    """One line of the cell with what was observed there."""

    number: int
    text: str
    ops: Counter[str] = field(default_factory=Counter)
    recorded: int = 0
    nbytes: int = 0  # of the results that a tape keeps
    left: list[str] = field(default_factory=list)
    flow: str = ""  # "on": a gradient goes on to a source; "end": it ends; "lost": beyond that
    asked: list[str] = field(default_factory=list)
    seconds: float = 0.0  # of this line, with what it calls, while it was traced
    through: bool = False  # a call here led to ops

    @property
    def count(self) -> int:
        """How many ops ran here."""
        return sum(self.ops.values())

    @property
    def kinds(self) -> str:
        """The types of the ops, the most frequent first."""
        named = [
            kind if times == 1 else f"{kind} {numbers.TIMES}{times:,}"
            for kind, times in self.ops.most_common(KINDS)
        ]
        return ", ".join(named) + (", …" if len(self.ops) > KINDS else "")

    @property
    def kept(self) -> str:
        """How many of the ops were recorded, in words."""
        if not self.count:
            return ""
        if self.recorded == self.count:
            return "recorded" if self.count == 1 else f"all {self.count:,} recorded"
        return "not recorded" if not self.recorded else f"{self.recorded:,} of {self.count:,}"

    @property
    def size(self) -> str:
        """The bytes that the tape keeps for this line."""
        return numbers.nbytes(self.nbytes) if self.nbytes else ""

    @property
    def time(self) -> str:
        """How long the line took, where ops ran: a loop without any is not watched to its end."""
        seen = self.seconds > 0 and (self.count or self.asked or self.through)
        return numbers.seconds(self.seconds) if seen else ""


def annotate(report: Report) -> list[Annotated]:
    """Return every line of the cell with its observations."""
    lines = [Annotated(n, text) for n, text in enumerate(report.source.splitlines(), 1)]
    trace = report.trace
    if trace is None:
        return lines
    for site, seconds in trace.spent:
        if site.here and _inside(lines, site.line):
            lines[site.line - 1].seconds += seconds
    for op in trace.ops:
        for site in op.via:
            if site.here and _inside(lines, site.line):
                lines[site.line - 1].through = True
        line = cell_line(op)
        if op.phase != "forward" or op.graph is not None or not _inside(lines, line):
            continue
        assert line is not None
        here = lines[line - 1]
        here.ops[op_type(op, trace)] += 1
        if op.recorded:
            here.recorded += 1
            sizes = (trace.tensors.get(tensor) for tensor in op.outputs)
            here.nbytes += sum(tensor.nbytes for tensor in sizes if tensor is not None)
    for mark in trace.marks.values():
        if mark.tensors and mark.at is not None and mark.at.here and _inside(lines, mark.at.line):
            left = lines[mark.at.line - 1].left
            if mark.what not in left:
                left.append(mark.what)
    _flow(report, lines)
    return lines


def _inside(lines: list[Annotated], number: int | None) -> bool:
    return number is not None and 1 <= number <= len(lines)


def _flow(report: Report, lines: list[Annotated]) -> None:
    """Mark the lines through which a gradient flows to a source, and where one ends."""
    trace = report.trace
    assert trace is not None
    graph = index(trace)
    by_index = {op.index: op for op in graph.ops}
    for call in report.calls:
        query = trace.queries[call.query] if call.query < len(trace.queries) else None
        if query is not None and query.graph is None:
            for number, _ in follow(graph, call, query).path:
                line = cell_line(by_index[number]) if number in by_index else None
                if _inside(lines, line) and line is not None:
                    lines[line - 1].flow = "on"
    for call in report.calls:
        for source in call.sources:
            if source.why is not None and source.why.level != "info":
                _ends(source.why.because or source.why, lines)
        if call.at is not None and call.at.here and _inside(lines, call.at.line):
            lines[call.at.line - 1].asked.append(call.method)
    _join(lines)


def _ends(why: Why, lines: list[Annotated]) -> None:
    """Mark where a gradient ends, and the lines of the value's way that it would have gone on to."""
    at = why.at.line if why.at is not None and why.at.here else None
    if not _inside(lines, at) or at is None:
        return
    for step in why.story:
        if step.at is not None and step.at.here and _inside(lines, step.at.line):
            if step.at.line == at:
                break
            line = lines[step.at.line - 1]
            line.flow = line.flow or "lost"
    lines[at - 1].flow = "end"


def _join(lines: list[Annotated]) -> None:
    """Draw the margin's line on through lines that ran nothing."""
    marked = [line for line in lines if line.flow]
    for before, after in pairwise(marked):
        between = lines[before.number : after.number - 1]
        kinds = {before.flow, after.flow} - {"end"}
        if len(kinds) == 1 and not any(line.count for line in between):
            for line in between:
                line.flow = kinds.copy().pop()
