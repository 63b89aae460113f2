"""The linking op ran before, after, or with recording stopped or reset, or under another tape."""

from __future__ import annotations

import ast
from itertools import pairwise

from tapemagic.cell.text import contains, span
from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.causes.constant_gradient import inner_query
from tapemagic.diagnosis.causes.nested_tape import moved_in
from tapemagic.diagnosis.edits import Edits, dotted, indent_of, shifted, siblings, with_of_tape
from tapemagic.diagnosis.repairs.asking import by_jacobian
from tapemagic.diagnosis.repairs.asktarget import target_inside
from tapemagic.diagnosis.repairs.everyturn import in_call
from tapemagic.diagnosis.repairs.fusing import fused
from tapemagic.diagnosis.repairs.inbody import in_body
from tapemagic.diagnosis.repairs.moving import moved_into
from tapemagic.diagnosis.repairs.uncached import without_cache
from tapemagic.traces.flow import Edge
from tapemagic.traces.model import Op, Site, Tape, TapeEvent
from tapemagic.traces.tracking import Tracking, spans_of

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
    if case.untracked_target:
        return _by_itself(case)
    cut, op, tracking = case.cut, case.op, case.view.tracking
    if case.status == "none" and case.source.tensor in case.view.trace.aside and not case.followed:
        return _aside(case)
    if cut is None or op is None or tracking is None or cut.kind != "op":
        return None
    if "Dataset" in op.type and not tracking.recording_at(op.index):
        return _in_dataset(case, op)
    if case.fault not in ("untracked", "unrecorded"):
        return None
    if op.phase == "thread":
        return _in_thread(case, op)
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
    if _is_paused(tracking, op):
        return _while_paused(case, op, tracking)
    before = bool(spans) and op.index < spans[0][0]
    if not before and (ended := _by_hand(case, op)) is not None:
        return _ended(case, op, *ended)
    in_turn = before and op.recorded and _in_earlier_turn(case, op)
    once = _making(case, op)
    if once is not None and before:
        return _once(case, once, cut)
    at = op.at if in_turn else case.statement_in_frame(op, enter)
    when = "before" if before else "after"
    words = (
        f"in an earlier turn, under an earlier tape (it is outside of the one opened on {case.line(enter)})"
        if in_turn
        else f"outside the tape's block, {when} it"
    )
    made, source = case.call_it(cut.target), case.call_it(cut.source)
    other = None if in_turn or inner_query(case) is not None else _recorded_by(case, op)
    if other is not None:
        return _by_another(case, op, other)
    return Found(
        at,
        f"`{case.written(at)}` on {case.line(at)} ran {words}, so `{case.tape_name}` did not record "
        + (f"how {made} was computed from {source}." if made != source else "it."),
        _advice(case, in_turn),
        _fixed(case, op, at, before, in_turn),
    )


def _by_hand(case: Case, op: Op) -> tuple[TapeEvent, TapeEvent] | None:
    """The last begin and end of recording before an op, of a tape that no ``with`` statement runs."""
    tape = case.view.tape
    events = [e for e in tape.events if e.index <= op.index] if tape is not None else []
    begin = next((e for e in reversed(events) if e.kind == "enter"), None)
    end = next((e for e in reversed(events) if e.kind == "exit"), None)
    if begin is None or end is None or begin.at is None or end.at is None:
        return None
    text = case.text(begin.at)
    if text is None or with_of_tape(text, begin.at.line) is not None:
        return None
    return begin, end


def _ended(case: Case, op: Op, begin: TapeEvent, end: TapeEvent) -> Found:
    """The tape was entered and left by calls, and not entered again."""
    at = case.statement_in_frame(op, case.view.query.at)
    which = _turn(case, op, at)
    name = case.tape_name
    places = [_called(case, event) for event in (begin, end)]
    named = [s for event in (begin, end) for s in (event.at, *event.via) if s is not None]
    return Found(
        at,
        f"`{case.written(at)}` on {case.line(at)} ran{which} when `{name}` was not recording: it began "
        f"to record {places[0]}, ended {places[1]}, and did not begin again before.",
        f"Enter the tape again before {case.line(at)}; best with a `with tf.GradientTape() as tape:` "
        "block around what the target needs, in every turn.",
        lines=tuple(dict.fromkeys(s.line for s in named if s.here)),
    )


def _turn(case: Case, op: Op, at: Site | None) -> str:
    """In which turn of the loop around it and the question an op ran, from the second on."""
    query = case.view.query
    asked = [q for q in case.view.trace.queries[: query.index] if q.at == query.at]
    if at is None or query.at is None or not (at.here and query.at.here) or not asked:
        return ""
    loops = [n for n in case.here.statements if isinstance(n, (ast.For, ast.While))]
    around = any(
        n.lineno < min(at.line, query.at.line)
        and max(at.line, query.at.line) <= (n.end_lineno or 0)
        for n in loops
    )
    return f" in turn {len(asked) + 1}" if around and asked[-1].op <= op.index else ""


def _called(case: Case, event: TapeEvent) -> str:
    """Where a tape was entered or left, and where that was called."""
    inner = f"on {case.line(event.at)}"
    if not event.via:
        return inner
    outer = event.via[-1]
    return f"in `{case.written(outer)}` on {case.line(outer)} ({case.line(event.at)})"


def _recorded_by(case: Case, op: Op) -> Tape | None:
    """Another tape of the person's that recorded an op."""
    view = case.view
    found = [
        tape for tape in view.trace.tapes.values()
        if tape is not view.tape and not tape.ours and tape.graph is None and tape.at is not None
        and any(begin <= op.index < end for begin, end, _ in spans_of(tape, view.query.op))
    ]  # fmt: skip
    return found[-1] if found and op.recorded else None


def _by_another(case: Case, op: Op, other: Tape) -> Found:
    """The line stands in a block already: in that of a tape which was not asked."""
    asked = case.with_statement()
    at = case.statement_in_frame(op, other.at)
    same = other.name is None or other.name == case.tape_name
    recorder = f"the tape opened on {case.line(other.at)}" if same else f"`{other.name}`"
    if asked is not None and not asked.here:
        which = f"this `{case.tape_name}` is from an earlier cell"
    else:
        which = f"`{case.tape_name}`, opened on {case.line(asked)}, did not record it"
    return Found(
        at,
        f"`{case.written(at)}` on {case.line(at)} was recorded by {recorder}, and {which}.",
        f"Ask {recorder}, which recorded it.",
        None if same else _asking(case, str(other.name)),
    )


def _asking(case: Case, name: str) -> str | None:
    """The same question, of another tape."""
    at = case.view.query.at
    node = case.node(at)
    if at is None or not at.here or not isinstance(node, ast.Call):
        return None
    if not isinstance(node.func, ast.Attribute) or not isinstance(node.func.value, ast.Name):
        return None
    return Edits(case.here).replace(span(node.func.value), name).source()


def _is_paused(tracking: Tracking, op: Op) -> bool:
    return any(a[2] == "stop" and a[1] <= op.index < b[0] for a, b in pairwise(tracking.spans))


def _while_paused(case: Case, op: Op, tracking: Tracking) -> Found:
    exits = [e for e in tracking.tape.events if e.kind == "exit" and e.index <= op.index]
    at = case.statement_in_frame(op, exits[-1].at if exits else case.with_statement())
    return Found(
        at,
        f"`{case.written(at)}` on {case.line(at)} ran while recording was stopped "
        f"(stop_recording): `{case.tape_name}` did not record it.",
        "Take it out of the stop_recording block.",
        _unpaused(case, at),
    )


def _aside(case: Case) -> Found:
    """Another thread computed with the source, and what it made of it was not seen to come back."""
    at = case.view.trace.aside[case.source.tensor or 0]
    return Found(
        at,
        f"`{case.name}` was used in another thread, by `{case.written(at)}` on {case.line(at)}. A tape "
        f"records only the thread that its block runs in; whether what that thread made of it enters "
        f"`{case.target}` was not seen.",
        "Compute it in the thread of the `with` block, without the pool or thread.",
        certain=False,
    )


def _in_thread(case: Case, op: Op) -> Found:
    """Each thread has tapes of its own."""
    at, said = op.at, f"`{case.written(op.at)}` on {case.line(op.at)} ran in another thread."
    if at is None:
        at, name = _came_back(case)
        said = f"{name} on {case.line(at)} was computed from `{case.name}` in another thread."
    return Found(
        at,
        f"{said} A tape records only the "
        f"thread that its block runs in, so `{case.tape_name}` did not record it.",
        "Compute it in the thread of the `with` block, without the pool or thread; or open a tape in "
        "the thread's own function, and hand on the gradients it gives.",
    )


def _in_dataset(case: Case, op: Op) -> Found:
    """A function that was given to Dataset.map, or the like, computed it."""
    return Found(
        op.at,
        f"`{case.written(op.at)}` on {case.line(op.at)} uses `{case.name}` in a dataset's function, "
        f"as of Dataset.map, which runs in the dataset's own graph: `{case.tape_name}` records none of it.",
        f"Compute this step in the loop over the dataset, inside the `with` block, and leave "
        f"`{case.name}` out of the dataset's function.",
    )


def _came_back(case: Case) -> tuple[Site | None, str]:
    """Where what another thread made is first met, when no line of the person's made it there."""
    trace = case.view.trace
    for edge in case.way.edges if case.way is not None else ():
        facts = trace.tensors.get(edge.target)
        if facts is not None and facts.name is not None and facts.named_at is not None:
            return facts.named_at, case.call_it(edge.target)
        op = trace.ops[edge.op] if edge.kind == "op" and edge.op is not None else None
        if op is not None and op.phase != "thread" and op.at is not None:
            return op.at, f"What enters `{case.written(op.at)}`"
    return case.view.query.at, f"`{case.target}`"


def _in_earlier_turn(case: Case, op: Op) -> bool:
    """Whether an earlier tape of the same ``with`` statement recorded an op: in a loop."""
    view, enter = case.view, case.with_statement()
    for tape in view.trace.tapes.values():
        at = next((e.at for e in tape.events if e.kind == "enter"), tape.at)
        if tape is not view.tape and at == enter:
            if any(begin <= op.index < end for begin, end, _ in spans_of(tape, view.query.op)):
                return True
    return False


def _advice(case: Case, in_turn: bool) -> str:
    if in_turn:
        return "Compute it again inside the `with` block, in every turn: what an earlier turn kept is a constant."
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
    query, op = case.node(case.view.query.at), case.op
    if isinstance(query, ast.Call) and query.args and op is not None:
        place = span(query.args[0])
        if any(
            s.expr is not None and contains(place, s.expr) for s in (op.at, *op.via) if s and s.here
        ):
            return "Compute the target inside the `with` block, and ask about that."
    return "Compute it inside the `with` block: move this line into it."


def _making(case: Case, op: Op) -> Site | None:
    """Where an object's ``__init__`` or ``build`` led to an op, unless it opened the tape too."""
    around = [case.with_statement(), case.view.query.at, *case.view.query.via]
    opened = {site.function for site in around if site is not None}
    return next(
        (
            s for s in (op.at, *op.via)
            if s is not None and s.function in ("__init__", "build") and s.function not in opened
        ),
        None,
    )  # fmt: skip


def _once(case: Case, at: Site, cut: Edge) -> Found:
    """An object computed something from its variable when it was made, once for all."""
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


def _by_itself(case: Case) -> Found | None:
    """The tape was told to forget or not to record the value whose Jacobian by itself is asked for."""
    tracking, tensor = case.view.tracking, case.source.tensor
    if tracking is None or tensor is None:
        return None
    maker = case.view.graph.maker.get(tensor)
    if maker is not None and _is_paused(tracking, case.view.trace.ops[maker]):
        return _while_paused(case, case.view.trace.ops[maker], tracking)
    index = tracking.lost.get(tensor)
    if index is None:
        return None
    event = next(e for e in tracking.tape.events if e.kind == "reset" and e.index == index)
    return Found(
        event.at,
        f"{case.tape_name}.reset() on {case.line(event.at)} threw away what had been recorded and "
        f"watched: the tape tracked `{case.name}` until then, and a Jacobian comes back only for what "
        "it tracks, also that of a value by itself.",
        "Take the reset out, or watch and compute everything that the question needs after it.",
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
    once = in_call(case, op.at) or without_cache(case)
    if once is not None or in_turn:
        return once
    if before:
        return moved_into(case, at) or fused(case, at) or in_body(case, at)
    return by_jacobian(case) or moved_in(case, at) or target_inside(case)


CAUSE = Cause(
    "outside-tape", "It was computed while the tape was not recording", "warning",
    TEXT, EXAMPLE, MENDED, recognise,
)  # fmt: skip
