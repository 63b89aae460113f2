"""Build the report from the trace: verdicts, reasons, agreement, notes."""

from __future__ import annotations

import ast
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tapemagic.cell.text import CellText
from tapemagic.diagnosis.engine import Texts, explain, explain_forward, status_of
from tapemagic.diagnosis.mistakes import mistake
from tapemagic.diagnosis.opening import open_bodies, traced_before
from tapemagic.diagnosis.partial import incomplete
from tapemagic.diagnosis.repairs.outputs import two_outputs_at
from tapemagic.diagnosis.view import QueryView
from tapemagic.report.model import Call, Failure, Report, Source, Target, Why
from tapemagic.traces.flow import ValueGraph
from tapemagic.traces.model import Query, Trace

FINE = frozenset({"connected"})


def build_report(
    trace: Trace,
    text: CellText,
    texts: dict[str, CellText],
    *,
    registry: Any = None,
    error: BaseException | None = None,
    begun: int = 0,
    begun_queries: int = 0,
    imported: bool = True,
    reasons: dict[int, Why] | None = None,
    told: Callable[[str], None] = lambda _doing: None,
) -> Report:
    """The report of a trace.

    Args:
        trace: The observations.
        text: The traced cell.
        texts: The person's code by file name.
        registry: Answers which inputs of an op have a gradient; None if TensorFlow isn't there.
        error: The exception that ended the cell.
        begun: Ops before this index belong to earlier cells.
        begun_queries: Queries before this index do too.
        imported: Whether TensorFlow was imported at all.
        reasons: Those of an earlier cell, by source: its gradients may be given to an optimizer.
        told: Told what is being done.

    Returns:
        The report. When it is interrupted: with the calls that were explained by then, and a note.
    """
    places: Texts = {(t.label, t.file): t for t in texts.values()}
    places[None, None] = text
    trace.begun = begun
    report = Report(source=text.source, trace=trace)
    forward = [op for op in trace.ops[begun:] if op.phase == "forward" and op.graph is None]
    report.executed = len(forward)
    report.recorded = sum(op.recorded for op in forward)
    graph = ValueGraph(trace, registry.body if registry is not None else None)
    groups = _turns(trace.queries[begun_queries:])
    lasts: dict[tuple[Any, ...], int] = {}
    for number, group in enumerate(groups):
        try:
            told(f"explaining gradient {number + 1} of {len(groups)}")
            _explain_group(report, trace, graph, group, registry, places, lasts, told)
        except KeyboardInterrupt:
            report.notes.append(
                f"The report was interrupted: {number} of {len(groups)} gradient calls are "
                "explained. The cell's result is not affected."
            )
            break
    if registry is not None:
        open_bodies(trace, registry)
    _shared_reasons(report, reasons or {})
    if error is not None:
        report.error = _failure(report, text, error)
        if report.error.why is None:
            at = text.site(None, report.error.line) if report.error.line is not None else None
            report.error.why = explain_forward(trace, graph, registry, error, at, places)
    report.notes += _notes(trace, report, imported)
    return report


def _explain_group(
    report: Report,
    trace: Trace,
    graph: ValueGraph,
    group: list[Query],
    registry: Any,
    places: Texts,
    lasts: dict[tuple[Any, ...], int],
    told: Callable[[str], None],
) -> None:
    """Add the call of some equal queries, and compare all of them with what was predicted."""
    # Of gradients that are not finite the first tells how it began, of others the last is the news.
    first = any(g is not None and g.nonfinite for g in group[0].gradients)
    shown = group[0] if first else group[-1]
    view = QueryView(trace, graph, shown, registry)
    call = _call(view, places, len(group))
    number = lasts.get(_question(shown))
    if number is not None and _same(report.calls[number], call):
        call.times += report.calls[number].times
        if first:
            call = replace(report.calls[number], times=call.times)
        report.calls[number] = call
    else:
        lasts[_question(shown)] = len(report.calls)
        report.calls.append(call)
    for turn, query in enumerate(group):
        told(f"comparing call {turn + 1} of {len(group)} with the tape")
        one = view if query is shown else QueryView(trace, graph, query, registry)
        tensors, mismatches = one.agreement()
        report.tensors += tensors
        report.mismatches += mismatches


def _question(query: Query) -> tuple[Any, ...]:
    """What makes two calls the same question, asked again: the line, and what was asked."""
    names = tuple((a.name, a.kind) for a in (*query.targets, *query.sources))
    return (query.method, query.at, names, query.replica)


def _turns(queries: list[Query]) -> list[list[Query]]:
    """Consecutive calls from one line with equal outcomes, as in a loop."""
    groups: list[list[Query]] = []
    lasts: dict[tuple[Any, ...], tuple[Any, list[Query]]] = {}
    for query in queries:
        question = _question(query)
        outcome = (
            tuple(
                None if g is None else (g.zero, bool(g.nonfinite), g.nan) for g in query.gradients
            ),
            query.error,
        )
        last = lasts.get(question)
        if last is not None and last[0] == outcome:
            last[1].append(query)
        else:
            groups.append([query])
            lasts[question] = (outcome, groups[-1])
    return groups


def _same(last: Call, call: Call) -> bool:
    def verdicts(one: Call) -> Any:
        return (
            one.method, one.at, one.replica, one.error is None,
            [(s.name, s.status, s.why and (s.why.cause, s.why.at)) for s in one.sources],
        )  # fmt: skip

    return bool(verdicts(last) == verdicts(call))


def _call(view: QueryView, texts: Texts, times: int) -> Call:
    query, trace = view.query, view.trace
    tape = trace.tapes.get(query.tape) if query.tape is not None else None
    call = Call(
        query.method,
        query.at,
        (tape.name or f"tape {tape.id + 1}") if tape is not None else None,
        [Target(a.name, a.dtype, a.shape, a.tensor) for a in query.targets],
        [],
        times,
        query=query.index,
        replica=query.replica,
    )
    apply = query.method.startswith("apply")
    why: Why | None = None
    for position, argument in enumerate(query.sources):
        status = status_of(view, position)
        gradient = query.gradients[position] if position < len(query.gradients) else None
        source = Source(
            argument.name, argument.kind, argument.dtype, argument.shape, status, gradient,
            tensor=argument.tensor,
        )  # fmt: skip
        call.sources.append(source)
        if status == "error":
            if why is None:
                # One that is no tensor is what the error is about, wherever it stands.
                wrong = next((a for a in query.sources if a.tensor is None), argument)
                why = explain(view, wrong, status, texts)
            source.gradient = None
            source.why = why
        elif status not in FINE and not apply:
            source.why = explain(view, argument, status, texts)
        elif status == "connected" and not apply:
            source.partial = incomplete(view, argument, texts)
    if query.error is not None:
        if why is not None:
            why.level = "error"
        call.error = Failure(
            *query.error, query.at.line if query.at and query.at.here else None, why
        )
    lost = [s for s in call.sources if s.status in ("none", "masked", "nan", "inf")]
    if lost and len(lost) == len(call.sources):
        for source in lost:
            if source.why is not None and source.why.level == "warning":
                source.why.level = "error"
    return call


def _shared_reasons(report: Report, earlier: dict[int, Why]) -> None:
    """A None given to an optimizer has the reason of the query that returned it."""
    known = dict(earlier)
    for call in report.calls:
        if call.method.startswith("apply"):
            for source in call.sources:
                if source.status not in FINE and source.tensor in known:
                    source.why = known[source.tensor]
            if call.error is not None:
                call.error.why = next((s.why for s in call.sources if s.why is not None), None)
            for source in call.sources:
                if source.status not in FINE and source.why is None:
                    source.why = _given_none(call)
        else:
            for source in call.sources:
                if source.why is not None and source.tensor is not None:
                    known[source.tensor] = source.why


def _same_statement(text: CellText, one: int, other: int) -> bool:
    return text.statement_at(one) is text.statement_at(other)


def _given_none(call: Call) -> Why:
    return Why(
        "unconnected",
        "warning",
        "The optimizer was given this gradient as it is; the question that made it was not seen.",
        call.at,
    )


def _failure(report: Report, text: CellText, error: BaseException) -> Failure:
    line, lines = None, set()
    for frame, number in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename == text.filename:
            line = number
            lines.add(number)
    if isinstance(error, SyntaxError) and error.filename == text.filename:
        line = error.lineno
    failure = Failure(type(error).__name__, str(error)[:2000], line)
    for call in report.calls:
        said = call.error.message.strip() if call.error is not None else ""
        if call.error is not None and (  # a tf.function puts lines of its own before the message
            call.error.message == failure.message
            or (said and failure.message.strip().endswith(said))
        ):
            failure.why = call.error.why
    if failure.why is None:
        failure.why = _watch_error(report, text, line, lines)
    if failure.why is None and report.trace is not None:
        failure.why = mistake(report.trace, text, error, line)
    if failure.why is None:
        reasons = [
            s.why for c in report.calls for s in c.sources
            if s.why is not None and s.status in ("none", "error")
        ]  # fmt: skip
        if reasons and "None" in str(error):
            failure.why = reasons[-1]
    return failure


def _watch_error(report: Report, text: CellText, line: int | None, lines: set[int]) -> Why | None:
    """``tape.watch`` was given something that it can't take."""
    trace = report.trace
    if trace is None or not trace.refused:
        return None
    at, kind, name = trace.refused[-1]
    if at is not None and at.here and not any(_same_statement(text, at.line, n) for n in lines):
        return None  # it was caught: the cell's exception is another one
    if "KerasTensor" in kind:
        return Why(
            "different-object",
            "error",
            f"`{name}` is a symbolic Keras tensor (KerasTensor): it describes a layer's output and "
            "never holds a value, so a tape can't watch it.",
            at,
            (at.line,) if at is not None and at.here else (),
            fix="Build keras.Model(inputs, [layer.output, model.output]), which has two outputs, "
            "call it under the tape, and ask about the tensor that it returns.",
            fixed_source=two_outputs_at(text, at.line) if at is not None and at.here else None,
        )
    node = text.statement_at(line or 0)
    fixed = None
    if "Variable" in kind and node is not None and at is not None and at.here:
        from tapemagic.cell.text import span
        from tapemagic.diagnosis.edits import Edits

        for call in ast.walk(node):
            if (
                isinstance(call, ast.Call)
                and getattr(call.func, "attr", "") == "watch"
                and call.args
            ):
                fixed = Edits(text).insert(*span(call.args[0])[2:], ".value").source()
    said = (
        f"tape.watch was given the Keras variable `{name}`, which it can't take; a trainable one "
        "is watched by itself."
        if "Variable" in kind
        else f"tape.watch was given `{name}`, of type {kind}: it takes tensors and variables only."
    )
    return Why(
        "bad-argument", "error", said, at, (at.line,) if at is not None and at.here else (),
        fix="Leave the call out, or watch its .value." if "Variable" in kind
        else "Convert it with tf.convert_to_tensor first, and use that tensor.",
        fixed_source=fixed,
    )  # fmt: skip


def _notes(trace: Trace, report: Report, imported: bool) -> list[str]:
    notes = []
    if not imported:
        notes.append("This cell used no TensorFlow: there was nothing to trace.")
    elif not report.executed and not report.calls and not trace.aside:
        notes.append("No TensorFlow op ran in this cell: there was nothing to trace.")
    elif not report.calls and not report.notes:  # an interrupted report has said so
        notes.append(
            "No gradient was asked for in this cell."
            if trace.tapes
            else "No tape was opened in this cell."
        )
    notes += traced_before(trace)
    notes += trace.notes
    for fault in trace.faults:
        notes.append(f"tapemagic could not observe everything ({fault}); the cell is not affected.")
    return notes
