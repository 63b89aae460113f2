"""A non-persistent tape was asked twice."""

from __future__ import annotations

from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.edits import Edits, calls_in, dotted
from tapemagic.diagnosis.repairs.asking import by_jacobian
from tapemagic.traces.model import Site

TEXT = """
A tape forgets everything after its first `gradient` (or `jacobian`), to free the memory that it
holds. A second question raises a RuntimeError. A tape made with `persistent=True` can be asked
as often as you like, until you delete it.
"""
EXAMPLE = """import tensorflow as tf

x = tf.Variable(3.0)
with tf.GradientTape() as tape:
    y = x * x
    z = y * y
dy = tape.gradient(y, x)
dz = tape.gradient(z, x)
"""
MENDED = EXAMPLE.replace("GradientTape()", "GradientTape(persistent=True)")


def recognise(case: Case) -> Found | None:
    """A RuntimeError of a query on a tape that had been asked before."""
    query = case.view.query
    if (
        query.error is None
        or query.error[0] != "RuntimeError"
        or "non-persistent" not in query.error[1]
    ):
        return _by_loop(case)
    earlier = [
        q for q in case.view.trace.queries
        if q.tape == query.tape and q.index < query.index and q.error is None
    ]  # fmt: skip
    first = f" on {case.line(earlier[-1].at)}" if earlier else ""
    given = {t for q in earlier for t in q.results if t is not None}
    if any(a.tensor in given for a in query.targets):
        return Found(
            query.at,
            f"`{case.tape_name}` was asked a second time, about its own answer: it is not "
            f"persistent, and it did not record the first question{first}.",
            "For a second derivative open another tape around the first question: with "
            "tf.GradientTape() as outer: .. the block and the first question ..; then "
            f"outer.gradient({case.target}, {case.name}).",
        )
    return Found(
        query.at,
        f"`{case.tape_name}` was asked a second time: it is not persistent, and the first "
        f"question{first} used it up.",
        "Make the tape with persistent=True, or ask for everything in one call"
        + (", as tape.jacobian does." if by_jacobian(case) else "."),
        by_jacobian(case) or _fixed(case, case.with_statement()),
    )


def _by_loop(case: Case) -> Found | None:
    """A Jacobian that is computed row by row asks its tape once for each row."""
    query = case.view.query
    said = query.error or ("", "")
    if said[0] != "RuntimeError" or "persistent=True" not in said[1]:
        return None
    return Found(
        query.at,
        f"With experimental_use_pfor=False `{case.written(query.at)}` asks `{case.tape_name}` once "
        "for each row, and a tape that is not persistent can be asked only once.",
        "Make the tape with persistent=True.",
        _fixed(case, case.with_statement()),
    )


def _fixed(case: Case, at: Site | None) -> str | None:
    if at is None or not at.here:
        return None
    text = case.here
    node = text.statement_at(at.line)
    if node is None:
        return None
    stop = node.body[0].lineno if hasattr(node, "body") else (node.end_lineno or 0) + 1
    calls = calls_in(
        text, (at.line, 0, stop, 0), lambda call: dotted(call.func).endswith("GradientTape")
    )
    if len(calls) != 1:
        return None
    call = calls[0]
    lead = ", " if call.args or call.keywords else ""
    end = (call.end_lineno or 0, (call.end_col_offset or 1) - 1)
    return Edits(text).insert(*end, f"{lead}persistent=True").source()


CAUSE = Cause(
    "tape-consumed", "The tape was used up by an earlier question", "error", TEXT, EXAMPLE, MENDED,
    recognise,
)  # fmt: skip
