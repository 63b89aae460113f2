"""Values that only decide what is computed: a branch, a loop's length, an index.

No value of theirs enters the target, so no tape can follow them; yet to say that the target does not
depend on them would be false. That a value was made from the source is observed; that it stands in a
condition, an index or a range is read off the person's code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from tapemagic.cell.text import CellText, span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import dotted
from tapemagic.traces.flow import mark_node
from tapemagic.traces.model import Mark, Site

_CHOOSING = ("cond", "switch_case", "case")  # of TensorFlow, run eagerly: they call one of several
_MOST = 5000


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a value made from the source decides, and where it left TensorFlow, if it did."""

    at: Site
    what: str
    mark: Mark | None
    itself: bool = False  # the source itself stands there, not what was made from it


def deciding(case: Case) -> Decision | None:
    """The first place in the cells where a value made from the source decides."""
    tensor = case.source.tensor
    if tensor is None:
        return None
    known = case.view.memo.setdefault("decisions", {})
    if tensor not in known:
        known[tensor] = _find(case, _values(case, tensor))
    found: Decision | None = known[tensor]
    return found


def _values(case: Case, source: int) -> set[int]:
    """The tensors and marked values that were made from the source before the target was."""
    view, trace = case.view, case.view.trace
    begin = view.tracking.begin if view.tracking is not None else 0
    found = {source}
    marks = sorted(trace.marks.values(), key=lambda m: m.index)
    position = 0
    for op in trace.ops[: view.query.op]:
        while position < len(marks) and marks[position].index <= op.index:
            _mark(marks[position], found)
            position += 1
        if op.index >= begin and op.query is None and not found.isdisjoint(op.inputs):
            found.update(op.outputs)
    for mark in marks[position:]:
        if mark.index <= view.query.op:
            _mark(mark, found)
    return found


def _mark(mark: Mark, found: set[int]) -> None:
    came = {*mark.tensors, *map(mark_node, mark.marks)}
    if not came.isdisjoint(found):
        found.add(mark_node(mark.id))


def _find(case: Case, values: set[int]) -> Decision | None:
    trace = case.view.trace
    marks = {m.id: m for m in trace.marks.values() if mark_node(m.id) in values}
    names: dict[str, Mark | None] = {}
    for binding in trace.bindings:
        if binding.tensor in values and binding.tensor != case.source.tensor:
            names.setdefault(binding.name, None)
    for mark in marks.values():
        if mark.name is not None:
            names[mark.name] = mark
    spans = {m.at.expr: m for m in marks.values() if m.at is not None and m.at.here}
    text = case.here
    for node, what, given in _decisions(text):
        for inner in (n for part in (what, *given) for n in ast.walk(part)):
            if isinstance(inner, ast.Name) and inner.id == case.source.name:
                return Decision(text.site(span(what)), ast.unparse(what), None, itself=True)
            if isinstance(inner, ast.Name) and inner.id in names:
                return _decision(text, node, what, names[inner.id], marks)
            if isinstance(inner, ast.expr) and span(inner) in spans:
                return _decision(text, node, what, spans[span(inner)], marks)
    return None


def _decision(
    text: CellText, node: ast.AST, what: ast.expr, mark: Mark | None, marks: dict[int, Mark]
) -> Decision:
    while mark is not None and not mark.tensors and mark.marks and mark.marks[0] in marks:
        mark = marks[mark.marks[0]]
    written = text.segment(span(what))
    if isinstance(node, ast.Subscript):
        written = text.segment(span(node))
    return Decision(text.site(span(what)), written, mark)


def _decisions(text: CellText) -> Iterator[tuple[ast.AST, ast.expr, tuple[ast.expr, ...]]]:
    """The conditions, ranges and indices of a text, in its order, and what a condition goes through."""
    nodes = list(ast.walk(text.tree)) if text.tree is not None else []
    for node in sorted(nodes[:_MOST], key=lambda n: getattr(n, "lineno", 0)):
        if isinstance(node, (ast.If, ast.While, ast.IfExp)):
            yield node, node.test, ()
        elif isinstance(node, (ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp)):
            for part in node.generators:
                yield from ((node, test, (part.iter,)) for test in part.ifs)
        elif isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Constant):
            yield node, node.slice, ()
        elif isinstance(node, ast.Call):
            name = dotted(node.func).rsplit(".", 1)[-1]
            if name == "range" or (name in _CHOOSING and node.args):
                for given in node.args if name == "range" else node.args[:1]:
                    yield node, given, ()
