"""``watch`` came after the op that used the tensor."""

from __future__ import annotations

import ast

from tapemagic.cell.text import CellText
from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.edits import Edits
from tapemagic.diagnosis.repairs.watching import insert_watch

TEXT = """
A tape records an op when it runs, and only if it tracks one of the op's inputs at that moment.
`tape.watch(x)` after the ops that used `x` comes too late for them.
"""
EXAMPLE = """import tensorflow as tf

x = tf.constant(2.0)
with tf.GradientTape() as tape:
    y = x * x
    tape.watch(x)
grad = tape.gradient(y, x)
"""
MENDED = """import tensorflow as tf

x = tf.constant(2.0)
with tf.GradientTape() as tape:
    tape.watch(x)
    y = x * x
grad = tape.gradient(y, x)
"""


def recognise(case: Case) -> Found | None:
    """The first step from the source was untracked, and its watch came later."""
    if case.earlier:
        return None
    cut, op = case.cut, case.op
    tracking = case.view.tracking
    if cut is None or op is None or tracking is None or case.fault != "untracked":
        return None
    late = [i for i in tracking.watches.get(cut.source, ()) if i > op.index]
    if not late or cut.source in tracking.lost or not tracking.recording_at(op.index):
        return None
    event = next(
        e for e in tracking.tape.events
        if e.kind == "watch" and e.tensor == cut.source and e.index == late[0]
    )  # fmt: skip
    return Found(
        event.at,
        f"{case.call_it(cut.source)} is watched on {case.line(event.at)}, after "
        f"`{case.written(op.at)}` had used it on {case.line(op.at)}: too late for that op to be "
        "recorded.",
        f"Call {case.tape_name}.watch({case.name}) before its first use.",
        _moved(case, event.at),
    )


def _moved(case: Case, at) -> str | None:  # type: ignore[no-untyped-def]
    enter = case.with_statement()
    if at is None or enter is None or not at.here or not enter.here:
        return None
    text = case.here
    node = text.statement_at(at.line)
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return None
    call = node.value
    if len(call.args) != 1 or node.lineno != node.end_lineno:
        return None
    without = Edits(text).delete_lines(node.lineno, node.lineno).source()
    if without is None or node.lineno <= enter.line:
        return None
    written = Edits(text).raw(
        (call.args[0].lineno, call.args[0].col_offset,
         call.args[0].end_lineno or 0, call.args[0].end_col_offset or 0)
    )  # fmt: skip
    moved = CellText(without, text.filename)
    edits = Edits(moved)
    done = insert_watch(moved, edits, enter.line, case.tape_name, written)
    return edits.source() if done else None


CAUSE = Cause(
    "watched-too-late", "watch came after the op that used it", "warning", TEXT, EXAMPLE, MENDED,
    recognise,
)  # fmt: skip
