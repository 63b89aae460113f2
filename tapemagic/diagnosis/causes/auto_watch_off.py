"""``watch_accessed_variables=False`` and no ``watch``."""

from __future__ import annotations

import ast
import re

from tapemagic.cell.text import CellText, Span, span
from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.edits import Edits, calls_in, dotted, with_of_tape
from tapemagic.diagnosis.repairs.watching import insert_watch

TEXT = """
A tape made with `watch_accessed_variables=False` watches nothing by itself: each variable or tensor
that you want a gradient for has to be given to `tape.watch`.
"""
EXAMPLE = """import tensorflow as tf

x = tf.Variable(2.0)
with tf.GradientTape(watch_accessed_variables=False) as tape:
    y = x * x
grad = tape.gradient(y, x)
"""
MENDED = EXAMPLE.replace("    y = ", "    tape.watch(x)\n    y = ")


def recognise(case: Case) -> Found | None:
    """A trainable variable was read under a tape that watches nothing by itself."""
    source = case.source.tensor
    if case.untracked_target and source is not None and _unwatched(case, source):
        return _found(case, source)
    if case.earlier:
        return None
    cut, op, tracking = case.cut, case.op, case.view.tracking
    if cut is None or op is None or tracking is None or case.fault != "untracked":
        return None
    if not _unwatched(case, cut.source) or not tracking.recording_at(op.index):
        return None
    return _found(case, cut.source)


def _unwatched(case: Case, tensor: int | None) -> bool:
    """Whether a tensor is a variable of which a tape that watches nothing was not told."""
    tracking = case.view.tracking
    facts = case.view.trace.tensors.get(tensor) if tensor is not None else None
    if facts is None or facts.kind != "variable" or tracking is None or tracking.tape.auto_watch:
        return False
    return tensor not in tracking.watches


def _found(case: Case, tensor: int) -> Found:
    at = case.with_statement()
    return Found(
        at,
        f"`{case.tape_name}` was made with watch_accessed_variables=False on {case.line(at)}, and "
        f"{case.call_it(tensor)} was never given to {case.tape_name}.watch.",
        f"Call {case.tape_name}.watch({case.name}) at the start of the block, or leave "
        "watch_accessed_variables at its default True.",
        _fixed(case),
    )


def _fixed(case: Case) -> str | None:
    at = case.with_statement()
    if at is None or not at.here:
        return None
    tensor = case.source.tensor
    facts = case.view.trace.tensors.get(tensor) if tensor is not None else None
    text = case.here
    keras = facts is not None and "/" in (facts.label or "")
    if re.fullmatch(r"\w+", case.name) and not keras:
        edits = Edits(text)
        if insert_watch(text, edits, at.line, case.tape_name, case.name):
            return edits.source()
    for place in (_statement(text, at.line), _maker(text, at.line)):
        for call in calls_in(text, place, _makes_tape) if place is not None else ():
            for keyword in call.keywords:
                if keyword.arg == "watch_accessed_variables":
                    return Edits(text).replace(span(keyword.value), "True").source()
    return None


def _makes_tape(call: ast.Call) -> bool:
    return dotted(call.func).endswith("GradientTape")


def _statement(text: CellText, line: int) -> Span | None:
    """The statement at a line, with the lines that it goes on to."""
    node = text.statement_at(line)
    return None if node is None else (line, 0, (node.end_lineno or line) + 1, 0)


def _maker(text: CellText, line: int) -> Span | None:
    """The one function of the cell that gives the tape which a ``with`` statement opens."""
    block = with_of_tape(text, line)
    opened = [i.context_expr for i in block.items] if block is not None else []
    names = {dotted(n.func).rsplit(".", 1)[-1] for n in opened if isinstance(n, ast.Call)}
    found = [n for n in text.statements if isinstance(n, ast.FunctionDef) and n.name in names]
    return span(found[0]) if len(found) == 1 else None


CAUSE = Cause(
    "auto-watch-off", "The tape watches nothing by itself", "warning", TEXT, EXAMPLE, MENDED,
    recognise,
)  # fmt: skip
