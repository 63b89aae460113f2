"""The linking op ran before, after, or with recording stopped or reset, or under another tape."""

from __future__ import annotations

import ast
from itertools import pairwise

from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.causes.constant_gradient import inner_query
from tapemagic.diagnosis.causes.nested_tape import moved_in
from tapemagic.diagnosis.edits import Edits, dotted, indent_of, shifted, siblings
from tapemagic.diagnosis.repairs.asking import by_jacobian
from tapemagic.diagnosis.repairs.everyturn import in_call
from tapemagic.diagnosis.repairs.moving import moved_into
from tapemagic.traces.flow import Edge
from tapemagic.traces.model import Op, Site, TapeEvent

TEXT = """
A tape records only while its `with` block runs. What is computed before the block, after it, under
`stop_recording`, before a `reset`, or in an earlier turn of a loop, is not on it.
"""
EXAMPLE = """import tensorflow as tf

x = tf.Variable(2.0)
h = x * x
with tf.GradientTape() as tape:
    y = h + 1.0
grad = tape.gradient(y, x)
"""
MENDED = """import tensorflow as tf

x = tf.Variable(2.0)
with tf.GradientTape() as tape:
    h = x * x
    y = h + 1.0
grad = tape.gradient(y, x)
"""


def recognise(case: Case) -> Found | None:
    """The op at the cut ran when the tape was not recording, or its record was thrown away."""
    cut, op, tracking = case.cut, case.op, case.view.tracking
    if cut is None or op is None or tracking is None or cut.kind != "op":
        return None
    if case.fault not in ("untracked", "unrecorded"):
        return None
    reset = _reset_after(case, op)
    if reset is not None:
        return _by_reset(case, op, reset)
    if case.earlier:
        made, source = case.call_it(cut.target), case.call_it(cut.source)
        return Found(
            op.at,
            f"{made} was computed from {source} in an earlier cell, on {case.line(op.at)} "
            f"(`{case.written(op.at)}`), before `{case.tape_name}` recorded.",
            f"Compute {made} in this cell, inside the `with` block.",
        )
    if tracking.recording_at(op.index):
        return None
    spans = tracking.spans
    enter = case.with_statement()
    paused = any(a[2] == "stop" and a[1] <= op.index < b[0] for a, b in pairwise(spans))
    if paused:
        exits = [e for e in tracking.tape.events if e.kind == "exit" and e.index <= op.index]
        at = case.statement_in_frame(op, exits[-1].at if exits else enter)
        return Found(
            at,
            f"`{case.written(at)}` on {case.line(at)} ran while recording was stopped "
            f"(stop_recording): `{case.tape_name}` did not record it.",
            "Take it out of the stop_recording block.",
            _unpaused(case, at),
        )
    before = bool(spans) and op.index < spans[0][0]
    in_turn = before and op.recorded  # by another tape
    once = op.at is not None and op.at.function in ("__init__", "build")
    if once and before:
        return _once(case, op, cut)
    at = op.at if in_turn else case.statement_in_frame(op, enter)
    when = "before" if before else "after"
    words = (
        f"in an earlier turn, under an earlier tape (it is outside of the one opened on {case.line(enter)})"
        if in_turn
        else f"outside the tape's block, {when} it"
    )
    made, source = case.call_it(cut.target), case.call_it(cut.source)
    return Found(
        at,
        f"`{case.written(at)}` on {case.line(at)} ran {words}, so `{case.tape_name}` did not record "
        + (f"how {made} was computed from {source}." if made != source else "it."),
        _advice(case, in_turn),
        _fixed(case, op, at, before, in_turn),
    )


def _advice(case: Case, in_turn: bool) -> str:
    if in_turn:
        return "Compute it inside the `with` block, in every turn (in call, not in build)."
    inner = inner_query(case)
    if inner is not None and inner.op < (case.op.index if case.op is not None else 0):
        return (
            f"Open `{case.tape_name}` before the inner tape, so that the inner block, its question on "
            f"{case.line(inner.at)} and this line run inside it; with this line alone moved, the inner "
            "gradient stays a constant."
        )
    if by_jacobian(case) is not None:
        return (
            f"Ask for all rows at once with {case.tape_name}.jacobian; or compute the rows inside the "
            "`with` block."
        )
    return "Compute it inside the `with` block: move this line into it."


def _once(case: Case, op: Op, cut: Edge) -> Found:
    """A layer computed something from its variable when it was made, once for all."""
    at = op.at
    made, source = case.call_it(cut.target), case.call_it(cut.source)
    what = f"how {made} was computed from {source}" if made != source else "it"
    return Found(
        at,
        f"`{case.written(at)}` on {case.line(at)} ran once, when the object was made, and outside "
        f"the tape's block: `{case.tape_name}` did not record {what}.",
        "Keep the variable itself in the object, and compute this in every call.",
        in_call(case, at),
    )


def _reset_after(case: Case, op: Op) -> TapeEvent | None:
    """The reset that threw away the record of an op, or the tracking of its input."""
    tracking = case.view.tracking
    assert tracking is not None
    for event in tracking.tape.events:
        if event.kind == "reset" and event.index > op.index and tracking.recording_at(op.index):
            return event
    return None


def _by_reset(case: Case, op: Op, event: TapeEvent) -> Found:
    return Found(
        event.at,
        f"{case.tape_name}.reset() on {case.line(event.at)} threw away what had been recorded: "
        f"`{case.written(op.at)}` on {case.line(op.at)} ran before it and is no longer on the tape.",
        "Take the reset out, or compute everything that the target needs after it.",
        _without_reset(case, event.at),
    )


def _without_reset(case: Case, at: Site | None) -> str | None:
    if at is None or not at.here:
        return None
    text = case.here
    node = text.statement_at(at.line)
    if not isinstance(node, ast.Expr):
        return None
    row = siblings(text, node)
    if row is None:
        return None
    edits = Edits(text)
    if len(row) == 1:
        place = (node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0)
        return edits.replace(place, "pass").source()
    return edits.delete_lines(node.lineno, node.end_lineno or node.lineno).source()


def _unpaused(case: Case, at: Site | None) -> str | None:
    """The cell with the stop_recording block's statements moved out of it."""
    if at is None or not at.here:
        return None
    text = case.here
    for node in text.statements:
        if not isinstance(node, ast.With) or not node.lineno < at.line <= (node.end_lineno or 0):
            continue
        calls = [i.context_expr for i in node.items if isinstance(i.context_expr, ast.Call)]
        if len(node.items) == 1 and calls and dotted(calls[0].func).endswith("stop_recording"):
            first, last = node.body[0].lineno, node.end_lineno or 0
            new = shifted(text, first, last, indent_of(text, node.lineno))
            edits = Edits(text)
            edits.delete_lines(node.lineno, last)
            return edits.insert_line(last + 1, new).source()
    return None


def _fixed(case: Case, op: Op, at: Site | None, before: bool, in_turn: bool) -> str | None:
    once = in_call(case, op.at)
    if once is not None or in_turn:
        return once
    return moved_into(case, at) if before else by_jacobian(case) or moved_in(case, at)


CAUSE = Cause(
    "outside-tape", "It was computed while the tape was not recording", "warning",
    TEXT, EXAMPLE, MENDED, recognise,
)  # fmt: skip
