"""Save a whole report with its trace, and open it again: JSON that :func:`load` reads.

The file is the report's JSON (schema 1, for everyone) with one more key, ``archive``: the dataclasses
of the report and the trace, each as ``{"$": class name, field: value, ..}``.
"""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

from tapemagic.report import model as report_model
from tapemagic.report.model import Report
from tapemagic.report.serial import to_dict
from tapemagic.traces import model as trace_model

_CLASSES: dict[str, Any] = {
    name: thing
    for module in (report_model, trace_model)
    for name, thing in vars(module).items()
    if dataclasses.is_dataclass(thing)
}


def dumps(report: Report) -> str:
    """The report as JSON text that :func:`load` opens with its diagram and values."""
    made = to_dict(report)
    made["archive"] = _packed(report)
    return json.dumps(made, ensure_ascii=False, allow_nan=False)


def load(path: str | Path) -> Report:
    """Open a report that was saved as JSON.

    Args:
        path: A file written by ``report.save("x.json")``.

    Raises:
        OSError: If the file can't be read.
        ValueError: If it is no saved report.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not a saved tapemagic report: {error}.") from None
    if not isinstance(data, dict) or data.get("schema") != 1 or "archive" not in data:
        raise ValueError(
            f"{path} is not a saved tapemagic report: it has no schema 1 with an archive in it."
        )
    made = _unpacked(data["archive"])
    if not isinstance(made, Report):
        raise ValueError(f"{path} holds no report.")
    return made


def _packed(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        made: dict[str, Any] = {"$": type(value).__name__}
        for field in dataclasses.fields(value):
            item = getattr(value, field.name)
            if type(value).__name__ == "Report" and field.name == "options":
                continue
            if not _is_default(field, item):
                made[field.name] = _packed(item)
        return made
    if isinstance(value, dict):
        return {"$": "dict", "items": [[_packed(k), _packed(v)] for k, v in value.items()]}
    if isinstance(value, tuple):
        return {"$": "tuple", "items": [_packed(v) for v in value]}
    if isinstance(value, (list, set, frozenset)):
        return [_packed(v) for v in value]
    if isinstance(value, bytes):
        return {"$": "bytes", "items": list(value)}
    if isinstance(value, float) and (math.isnan(value) or value in (float("inf"), -float("inf"))):
        return {"$": "float", "items": str(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def _is_default(field: Any, value: Any) -> bool:
    if field.default is not dataclasses.MISSING:
        return value is field.default or (
            type(value) is type(field.default) and value == field.default
        )
    return field.default_factory is not dataclasses.MISSING and value == field.default_factory()


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(v) for v in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("$")
    if kind == "dict":
        return {_unpacked(k): _unpacked(v) for k, v in value["items"]}
    if kind == "tuple":
        return tuple(_unpacked(v) for v in value["items"])
    if kind == "bytes":
        return bytes(value["items"])
    if kind == "float":
        return float(value["items"])
    if kind not in _CLASSES:
        raise ValueError(f"A saved report holds a {kind!r}, which this version does not know.")
    return _CLASSES[kind](**{k: _unpacked(v) for k, v in value.items() if k != "$"})
