"""A new variable on the way: the value itself goes on, watched where the variable was asked about."""

from __future__ import annotations

import ast

from tapemagic.cell.text import Span, span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import Edits, calls_in, dotted, module_alias
from tapemagic.diagnosis.repairs.rewriter import NoRepair, mechanical
from tapemagic.diagnosis.repairs.watching import insert_watch
from tapemagic.traces.model import Site


@mechanical
def unwrapped(case: Case, at: Site | None) -> str | None:
    """The cell with ``tf.Variable(value)`` replaced by the value, in the whole statement.

    Args:
        case: The source and its way.
        at: Where the variable on the way was made.
    """
    if at is None or not at.here or at.expr is None:
        return None
    statement = case.here.statement_at(at.line)
    copies = _copies(case, at)
    if statement is None or at.expr not in copies:
        return None
    edits = Edits(case.here)
    for call in calls_in(case.here, span(statement), lambda call: span(call) in copies):
        _replace(case, edits, call)
    for expression, line, tape in _asked(case, {h for made in copies.values() for h in made}):
        if not insert_watch(case.here, edits, line, tape, expression):
            raise NoRepair
    return edits.source()


def _copies(case: Case, at: Site) -> dict[Span, list[int]]:
    """The variables that a statement copied tracked values into, by the place of the call.

    Raises:
        NoRepair: If one of them is changed later: then it has to be a variable.
    """
    graph, trace, tracking = case.view.graph, case.view.trace, case.view.tracking
    found: dict[Span, list[int]] = {}
    for handle, index in graph.created.items():
        made, writes = trace.ops[index].at, graph.writes.get(handle, ())
        if made is None or made.expr is None or not made.here or made.line != at.line or not writes:
            continue
        given = [t for t in trace.ops[writes[0]].inputs if t != handle]
        if made != at and (tracking is None or not any(t in tracking.tracked for t in given)):
            continue
        if len(writes) > 1:
            raise NoRepair
        found.setdefault(made.expr, []).append(handle)
    return found


def _replace(case: Case, edits: Edits, call: ast.Call) -> None:
    if not dotted(call.func).endswith("Variable") or not call.args:
        raise NoRepair
    value = call.args[0]
    if isinstance(value, ast.Lambda):
        value = value.body  # TensorFlow calls it for the initial value
    tf, inner = module_alias(case.here, "tensorflow", "tf"), edits.raw(span(value))
    if isinstance(value, (ast.Name, ast.Attribute, ast.Call)):
        made = "identity"
    else:
        made = "stack" if isinstance(value, (ast.List, ast.ListComp)) else "convert_to_tensor"
    edits.replace(span(call), f"{tf}.{made}({inner})")


def _asked(case: Case, handles: set[int]) -> list[tuple[str, int, str]]:
    """What other tapes were asked about some variables: as written, and where the tape was opened.

    Raises:
        NoRepair: If that is not written in this cell.
    """
    trace = case.view.trace
    found: dict[tuple[str, int, str], None] = {}
    for query in trace.queries:
        if query is case.view.query or handles.isdisjoint(a.tensor or 0 for a in query.sources):
            continue
        tape = trace.tapes.get(query.tape) if query.tape is not None else None
        if tape is None or tape.ours:
            continue
        enter = next((e.at for e in tape.events if e.kind == "enter" and e.at is not None), tape.at)
        node = case.node(query.at)
        here = enter is not None and enter.here and query.at is not None and query.at.here
        if not here or enter is None or not isinstance(node, ast.Call) or len(node.args) < 2:
            raise NoRepair
        found[ast.unparse(node.args[1]), enter.line, tape.name or "tape"] = None
    return list(found)
