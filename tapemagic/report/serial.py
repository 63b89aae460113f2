"""The report as JSON, schema 1."""

from __future__ import annotations

import math
from typing import Any

from tapemagic.report.model import Call, Failure, Report, Source, Why
from tapemagic.traces.model import Body, Gradient, Site


def to_dict(report: Report) -> dict[str, Any]:
    """The report as plain JSON data, without NaN or Infinity. See ``docs/report.md``."""
    made = {
        "schema": 1,
        "cell": {"source": report.source, "error": _failure(report.error, line=True)},
        "ops": {"executed": report.executed, "recorded": report.recorded},
        "agreement": {"tensors": report.tensors, "mismatches": report.mismatches},
        "calls": [_call(call) for call in report.calls],
    }
    if report.trace is not None and report.trace.bodies:
        made["functions"] = [_function(body) for body in report.trace.bodies.values()]
    return made


def _function(body: Body) -> dict[str, Any]:
    lines = {op.at.line for op in body.ops if op.at is not None and op.at.here}
    return {
        "name": body.function if body.made_by == "tf.function" else None,
        "kind": body.made_by,
        "ops": len(body.ops),
        "lines": sorted(lines),
        "traced": body.traces,
        "compiled": body.compiled,
        "turns": body.turns,
    }


def _call(call: Call) -> dict[str, Any]:
    made: dict[str, Any] = {
        "method": call.method,
        "line": _line(call.at),
        "place": _place(call.at),
        "times": call.times,
        "tape": call.tape,
        "targets": [
            {"name": t.name, "dtype": t.dtype, "shape": _shape(t.shape)} for t in call.targets
        ],
        "error": _failure(call.error),
        "sources": [_source(source) for source in call.sources],
    }
    if call.replica is not None:
        made["replica"] = call.replica
    return made


def _source(source: Source) -> dict[str, Any]:
    return {
        "name": source.name,
        "kind": source.kind,
        "dtype": source.dtype,
        "shape": _shape(source.shape),
        "status": source.status,
        "gradient": None if source.status == "none" else _gradient(source.gradient),
        "why": _why(source.why),
        "partial": [_why(why) for why in source.partial],
    }


def _gradient(gradient: Gradient | None) -> dict[str, Any] | None:
    if gradient is None:
        return None
    return {
        "shape": _shape(gradient.shape),
        "dtype": gradient.dtype,
        "norm": _number(gradient.norm),
        "min": _number(gradient.min),
        "max": _number(gradient.max),
        "nonfinite": gradient.nonfinite,
        "sparse": gradient.sparse,
    }


def _why(why: Why | None) -> dict[str, Any] | None:
    if why is None:
        return None
    return {
        "cause": why.cause,
        "level": why.level,
        "line": _line(why.at),
        "lines": list(why.lines),
        "place": _place(why.at),
        "message": why.message,
        "because": _why(why.because),
        "fix": why.fix,
        "fixed_source": why.fixed_source,
        "fix_verified": why.fix_verified,
    }


def _failure(failure: Failure | None, *, line: bool = False) -> dict[str, Any] | None:
    if failure is None:
        return None
    made: dict[str, Any] = {"type": failure.type, "message": failure.message}
    if line:
        made["line"] = failure.line
    made["why"] = _why(failure.why)
    return made


def _line(at: Site | None) -> int | None:
    return at.line if at is not None and at.here else None


def _place(at: Site | None) -> dict[str, Any]:
    if at is None or at.here:
        return {"cell": None, "file": None, "line": None}
    return {"cell": at.cell, "file": at.file, "line": at.line}


def _shape(shape: Any) -> list[int | None] | None:
    return None if shape is None else [None if n is None else int(n) for n in shape]


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
