"""One source that needs an explanation, and the words for it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cached_property

from tapemagic.cell.text import CellText, span
from tapemagic.diagnosis.edits import dotted
from tapemagic.diagnosis.inside import Culprit, culprit
from tapemagic.diagnosis.view import QueryView, Way
from tapemagic.traces.flow import Edge, node_mark
from tapemagic.traces.model import Argument, Op, Site

_QUERIES = ("gradient", "jacobian", "batch_jacobian")
FAR = 500.0
"""The price of a way above which no value of the source enters the target."""


@dataclass(slots=True)
class Found:
    """What a cause says of a case.

    Attributes:
        at: The culprit statement.
        message: One or two sentences in the person's own names.
        fix: What to change, in words.
        fixed_source: The whole cell with the change made, or None.
        level: "info", "warning" or "error"; None for the cause's usual one.
        certain: False when another cause fits as well.
        cause: Its slug, once it is known which cause said it.
        lines: Further lines of the traced cell that it names.
    """

    at: Site | None
    message: str
    fix: str | None = None
    fixed_source: str | None = None
    level: str | None = None
    certain: bool = True
    cause: str = ""
    lines: tuple[int, ...] = ()


@dataclass
class Case:
    """A source of a query, the way of its value to the target, and the cut on that way.

    Args:
        view: The query.
        source: The source in question.
        texts: The person's code by (cell label, file); the traced cell is ``(None, None)``.
        status: What came back: "none", "zero", "nan", "inf" or "error".
    """

    view: QueryView
    source: Argument
    texts: dict[tuple[str | None, str | None], CellText]
    status: str = "none"
    way: Way | None = None
    _names: dict[int, str] = field(default_factory=dict)

    # -- the cut

    @cached_property
    def cut(self) -> Edge | None:
        """The first step of the way that the gradient can't take."""
        if self.way is None or self.way.cut is None:
            return None
        return self.way.edges[self.way.cut]

    @property
    def fault(self) -> str | None:
        """What kind of step the cut is."""
        if self.way is None or self.way.cut is None:
            return None
        return self.way.faults[self.way.cut]

    @property
    def op(self) -> Op | None:
        """The op at the cut."""
        cut = self.cut
        return None if cut is None or cut.op is None else self.view.trace.ops[cut.op]

    @cached_property
    def culprit(self) -> Culprit | None:
        """The op at the cut, looked up inside function bodies."""
        cut, op = self.cut, self.op
        if cut is None or op is None or cut.kind != "op":
            return None
        if self.fault != "no-gradient":
            return Culprit(op, cut.position, self.view.trace.tensors)
        return culprit(self.view, op, cut.position)

    def dtype_at(self, tensor: int | None) -> Site | None:
        """Where a tensor got its dtype: where it was made, past ops that only carry it."""
        view = self.view
        site = self.made_at(tensor) if tensor is not None else None
        facts = view.trace.tensors.get(tensor) if tensor is not None else None
        node = tensor
        for _ in range(64):
            maker = view.graph.maker.get(node) if node is not None else None
            if maker is None or facts is None:
                break
            op = view.trace.ops[maker]
            if op.type == "Cast" or not op.inputs:
                break
            same = [
                t for t in op.inputs
                if (f := view.trace.tensors.get(t)) is not None and f.dtype == facts.dtype
                and self.made_at(t) is not None
            ]  # fmt: skip
            if not same:
                break
            node = same[0]
            site = self.made_at(node) or site
        return site

    @property
    def at_source(self) -> bool:
        """Whether the very first step from the source is the cut."""
        return self.way is not None and self.way.cut == 0

    @property
    def untracked_target(self) -> bool:
        """Whether a Jacobian was asked of a value by itself, and the tape doesn't track it."""
        tensor = self.source.tensor
        return tensor in self.view.targets and tensor not in self.view.begins

    @property
    def followed(self) -> bool:
        """Whether a value of the source was seen to enter the target, by more than its shape."""
        return self.source.tensor is not None and self.view.price(self.source.tensor) < FAR

    @property
    def earlier(self) -> bool:
        """Whether the cut lies in an earlier cell, of which only the result is known."""
        return self.op is not None and self.op.phase == "earlier"

    @property
    def tape_name(self) -> str:
        """The tape's name in the person's code."""
        tape = self.view.tape
        return (tape.name if tape is not None else None) or self._asked_of or "tape"

    @property
    def _asked_of(self) -> str | None:
        """What the question was asked of, as ``rec.tape`` in ``rec.tape.gradient(..)``."""
        node = self.node(self.view.query.at)
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            return None
        asked = node.func.attr == self.view.query.method and self.view.query.method in _QUERIES
        return dotted(node.func.value) or None if asked else None

    # -- words

    @property
    def name(self) -> str:
        """The source as the person wrote it."""
        return self.source.name

    @property
    def target(self) -> str:
        """The target as the person wrote it."""
        return ", ".join(a.name for a in self.view.query.targets) or "the target"

    def text(self, site: Site | None) -> CellText | None:
        """The person's code that holds a site."""
        return None if site is None else self.texts.get((site.cell, site.file))

    @property
    def here(self) -> CellText:
        """The traced cell."""
        return self.texts[None, None]

    def written(self, site: Site | None, most: int = 60) -> str:
        """The expression at a site, as written."""
        text = self.text(site)
        if text is None or site is None:
            return ""
        if site.expr is not None:
            found = text.segment(site.expr)
        elif 0 < site.line <= len(text.lines):
            found = text.lines[site.line - 1].strip()
        else:
            found = ""
        return found if len(found) <= most else found[: most - 1] + "…"

    def node(self, site: Site | None) -> ast.expr | None:
        """The expression node at a site."""
        text = self.text(site)
        if text is None or site is None or site.expr is None or text.tree is None:
            return None
        best = None
        for node in ast.walk(text.tree):
            if isinstance(node, ast.expr) and span(node) == site.expr:
                best = node
        return best

    def line(self, site: Site | None) -> str:
        """How a site is told: by its line, or by where it is when it is not in this cell."""
        if site is None:
            return "a line that was not seen"
        if site.file is not None:
            return f"line {site.line} of {site.file.rsplit('/', 1)[-1]}"
        if site.cell is not None:
            return f"line {site.line} of {site.cell}"
        return f"line {site.line}"

    def call_it(self, node: int) -> str:
        """What the person would call a tensor or marked value."""
        trace = self.view.trace
        if node == self.source.tensor:
            return f"`{self.name}`"
        mark = node_mark(node)
        if mark is not None:
            made = trace.marks[mark]
            return f"`{made.name or made.what}`"
        for argument in self.view.query.targets:
            if argument.tensor == node:
                return f"`{argument.name}`"
        facts = trace.tensors.get(node)
        given = (facts.name if facts.name != "_" else None) or facts.label if facts else None
        if given:
            return f"`{given}`"
        maker = self.view.graph.maker.get(node)
        if maker is not None:
            if trace.ops[maker].type in ("ReadVariableOp", "captured_value"):
                return self.call_it(trace.ops[maker].inputs[0])
            written = self.written(trace.ops[maker].at, 40)
            return f"`{written}`" if written else f"the result of {trace.ops[maker].type}"
        return "a constant"

    def value_before(self, at: Site | None) -> str:
        """The last value on the way that was not made at the cut's own place, in the person's words."""
        way, cut = self.way, self.cut
        if way is None or cut is None:
            return f"`{self.name}`"
        for edge in reversed(way.edges[: (way.cut or 0) + 1]):
            made = self.made_at(edge.source)
            if made is None or at is None or made.expr != at.expr:
                return self.call_it(edge.source)
        return f"`{self.name}`"

    def made_at(self, node: int | None) -> Site | None:
        """Where a tensor or marked value was made."""
        if node is None:
            return None
        mark = node_mark(node)
        if mark is not None:
            return self.view.trace.marks[mark].at
        facts = self.view.trace.tensors.get(node)
        maker = self.view.graph.maker.get(node)
        if maker is None and facts is not None and facts.kind == "variable":
            maker = self.view.graph.created.get(node)
        if maker is not None:
            return self.view.trace.ops[maker].at
        if facts is not None:
            return facts.made_at or facts.named_at
        return None

    def entered(self, back: Edge) -> Site | None:
        """Where a value from outside TensorFlow was made a constant; else the first op that took it."""
        trace = self.view.trace
        entries = [e for e in trace.entries if e.tensor == back.target and e.at is not None]
        entry = next((e for e in entries if back.mark in e.marks), entries[0] if entries else None)
        if entry is not None:
            return entry.at
        return next((op.at for op in trace.ops if back.target in op.inputs), None)

    def with_statement(self) -> Site | None:
        """The ``with`` statement of the query's tape."""
        tape = self.view.tape
        if tape is None:
            return None
        enter = next((e for e in tape.events if e.kind == "enter" and e.at is not None), None)
        return enter.at if enter is not None else tape.at

    def statement_in_frame(self, op: Op, frame: Site | None) -> Site | None:
        """The statement that led to an op, in the function (or cell) that ``frame`` stands in."""
        stack = [s for s in (op.at, *op.via) if s is not None]
        if frame is not None:
            for site in stack:
                if (site.function, site.cell, site.file) == (
                    frame.function,
                    frame.cell,
                    frame.file,
                ):
                    return site
        return stack[0] if stack else None
