"""How numbers, shapes and sizes are written."""

from __future__ import annotations

import math
from typing import Any

TIMES = "\u00d7"
_NOT_FINITE = {"nan": "NaN", "inf": "Inf", "-inf": "-Inf"}  # how data without NaN spells them
INLINE = 30  # a value longer than this is not shown in full


def number(value: Any, digits: int = 4) -> str:
    """Write one element: floats keep a point, so that 6.0 never reads as an integer."""
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    text = f"{value or 0.0:.{digits}g}"  # -0.0 tells nothing more than 0.0
    return text if any(mark in text for mark in ".en") else text + ".0"


def small(value: Any, limit: int = INLINE) -> str | None:
    """Write a scalar or nested list if it fits into ``limit`` characters, else None.

    Where four digits of each element are too long, three may fit.
    """
    for digits in (4, 3):
        text = _write(value, limit, digits)
        if text is not None and len(text) <= limit:
            return text
    return None


def _write(value: Any, limit: int, digits: int) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and value in _NOT_FINITE:
        return _NOT_FINITE[value]
    if isinstance(value, str):
        return repr(value) if len(value) <= limit else None
    if not isinstance(value, (list, tuple)):
        return number(value, digits)
    if len(value) > limit:
        return None
    parts = [_write(item, limit, digits) for item in value]
    if any(part is None for part in parts):
        return None
    return "[" + ", ".join(part for part in parts if part is not None) + "]"


def shape(dims: tuple[int | None, ...] | list[int | None] | None) -> str:
    """Write a shape as Python does, with ``?`` for a dimension that is not known."""
    if dims is None:
        return "?"
    inner = ", ".join("?" if dim is None else str(dim) for dim in dims)
    return f"({inner},)" if len(dims) == 1 else f"({inner})"


def nbytes(count: int) -> str:
    """Write a number of bytes with a binary unit."""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{int(size)} B" if unit == "B" else f"{size:.3g} {unit}"
        size /= 1024
    raise AssertionError


def seconds(count: float) -> str:
    """Write a duration with two or three digits: ``3.4 s``, ``12 ms``, ``850 µs``."""
    for factor, unit in ((1, "s"), (1e3, "ms")):
        if count * factor >= 1:
            return f"{count * factor:.{2 if count * factor < 10 else 3}g} {unit}"
    return f"{count * 1e6:.0f} \u00b5s"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Write a count with its noun: ``1 op``, ``3 ops``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
