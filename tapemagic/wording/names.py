"""Names of sources, short enough for a table and never without the part that tells them apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapemagic.report.model import Source
    from tapemagic.traces.model import Trace

SHORT = 16  # letters of an expression that is shown whole, index and all
_INDEXED = re.compile(r"(.+)\[(\d+)\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Name:
    """How one source is called: by its expression, and by the path that Keras gives it or ""."""

    code: str
    path: str = ""


def names(sources: list[Source], trace: Trace | None) -> list[Name]:
    """Return the names of one call's sources, as they stand below what was asked.

    Of ``model.trainable_variables[0]`` the index is left where the call asked for nothing else,
    and a path begins behind the model's name where all of them have the same.
    """
    paths = [path(source, trace) for source in sources]
    model = model_of(filter(None, paths))
    bases = {base(source.name) for source in sources}
    alone = len(sources) > 1 and len(bases) == 1 and None not in bases
    return [
        Name(
            _code(source.name, alone and bool(known or len(source.name) > SHORT)),
            known.removeprefix(model),
        )
        for source, known in zip(sources, paths, strict=True)
    ]


def path(source: Source, trace: Trace | None) -> str:
    """Return the path that Keras gives a variable: ``model/hidden/kernel``; "" if it has none."""
    known = trace.tensors.get(source.tensor) if trace and source.tensor is not None else None
    label = known.label if known is not None and known.kind == "variable" else None
    return label if label is not None and "/" in label and label != source.name else ""


def model_of(paths: Iterable[str]) -> str:
    """Return what all paths begin with and go on behind, the model's name: ``sequential/``."""
    paths = list(paths)
    first = {one.partition("/")[0] for one in paths}
    if len(first) != 1 or not all(one.count("/") > 1 for one in paths):
        return ""
    return f"{first.pop()}/"


def base(name: str) -> str | None:
    """Return ``ws`` of ``ws[3]``, or None."""
    found = _INDEXED.fullmatch(name)
    return found[1] if found else None


def span(names: list[str]) -> tuple[int, int] | None:
    """Return the first and the last index, if names are one expression with all indices between."""
    found = [_INDEXED.fullmatch(name) for name in names]
    numbers = [int(one[2]) for one in found if one is not None]
    if len(numbers) < len(names) or len({one[1] for one in found if one is not None}) != 1:
        return None
    first, last = numbers[0], numbers[-1]
    return (first, last) if numbers == list(range(first, last + 1)) else None


def _code(name: str, index: bool) -> str:
    known = base(name) if index else None
    return name if known is None else name[len(known) :]
