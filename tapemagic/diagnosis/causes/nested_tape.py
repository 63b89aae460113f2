"""Higher order: the inner gradient was taken outside the outer tape."""

from __future__ import annotations

import ast

from tapemagic.cell.text import CellText
from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.causes.constant_gradient import inner_query
from tapemagic.diagnosis.edits import Edits, body_lines, indent_of, shifted, siblings, with_of_tape
from tapemagic.traces.model import Site

TEXT = """
To differentiate a gradient, the outer tape must record how that gradient was computed: the inner
`gradient` call has to stand inside the outer tape's `with` block, and so has everything that is
done with its result.
"""
EXAMPLE = """import tensorflow as tf

x = tf.Variable(2.0)
with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        y = x * x * x
dy = inner.gradient(y, x)
d2y = outer.gradient(dy, x)
"""
MENDED = """import tensorflow as tf

x = tf.Variable(2.0)
with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        y = x * x * x
    dy = inner.gradient(y, x)
d2y = outer.gradient(dy, x)
"""


def recognise(case: Case) -> Found | None:
    """The way goes through an inner gradient, and is cut there or after it for want of recording."""
    cut, view = case.cut, case.view
    if cut is None or case.way is None:
        return None
    inner = inner_query(case)
    if inner is None:
        return None
    if cut.kind == "query":
        at = view.trace.queries[cut.query].at if cut.query is not None else inner.at
        said = (
            f"The gradient `{case.written(at)}` on {case.line(at)} was taken outside "
            f"`{case.tape_name}`, so that tape did not record how it was computed."
        )
    elif (
        case.fault == "unrecorded"
        and case.op is not None
        and not view.tracking.recording_at(  # type: ignore[union-attr]
            case.op.index
        )
    ):
        at = case.op.at
        said = (
            f"`{case.written(at)}` on {case.line(at)} works on an inner gradient, and ran outside "
            f"`{case.tape_name}`: the outer tape did not record it."
        )
    else:
        return None
    return Found(
        at,
        said,
        f"Move it inside the `with` block of the outer tape `{case.tape_name}` (indent it).",
        moved_in(case, at),
    )


def moved_in(case: Case, at) -> str | None:  # type: ignore[no-untyped-def]
    """The cell with the statement at a site, and those before it, moved into the tape's block."""
    enter = case.with_statement()
    if at is None or enter is None or not at.here or not enter.here:
        return None
    text = case.here
    block = with_of_tape(text, enter.line)
    statement = text.statement_at(at.line)
    if block is None or statement is None:
        return None
    row = siblings(text, block)
    if row is None:
        return None
    while statement is not None and not any(statement is s for s in row):
        statement = _parent(text, statement)
    if statement is None:
        return None
    first, last = row.index(block) + 1, row.index(statement)  # type: ignore[arg-type]
    last = max(last, _last_on_way(case, row, enter))
    query = case.view.query.at
    if last < first or any(
        query is not None and s.lineno <= query.line <= (s.end_lineno or 0)
        for s in row[first : last + 1]
    ):
        return None
    begin, end = body_lines(text, row[first])[0], row[last].end_lineno or 0
    new = shifted(text, begin, end, indent_of(text, block.body[0].lineno))
    edits = Edits(text)
    edits.delete_lines(begin, end)
    return edits.insert_line((block.end_lineno or 0) + 1, new).source()


def _last_on_way(case: Case, row: list[ast.stmt], enter: Site) -> int:
    """The last statement of the row, before the question, that the value passes on its way."""
    view, query, found = case.view, case.view.query.at, 0
    for edge in case.way.edges if case.way is not None else ():
        if edge.op is None or view.tracking is None or view.tracking.recording_at(edge.op):
            continue
        site = case.statement_in_frame(view.trace.ops[edge.op], enter)
        if site is None or (site.function, site.cell, site.file) != (
            enter.function, enter.cell, enter.file,
        ):  # fmt: skip
            continue
        for index, one in enumerate(row):
            inside = one.lineno <= site.line <= (one.end_lineno or 0)
            if inside and (query is None or (one.end_lineno or 0) < query.line):
                found = max(found, index)
    return found


def _parent(text: CellText, node: ast.AST) -> ast.stmt | None:
    for other in text.statements:
        if any(child is node for child in ast.iter_child_nodes(other)) and isinstance(
            other, ast.stmt
        ):
            return other
    return None


CAUSE = Cause(
    "nested-tape", "The inner gradient was taken outside the outer tape", "warning",
    TEXT, EXAMPLE, MENDED, recognise,
)  # fmt: skip
