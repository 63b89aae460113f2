"""Calls that return nothing of their own: what they were given may stay in an object or a file."""

from __future__ import annotations

import gc
import os
import types
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from tapemagic.cell.spots import Spot
from tapemagic.recorder.flow.names import Names
from tapemagic.recorder.kinds import ARRAY, OBJECT

_METHODS = (types.BuiltinMethodType, types.MethodType)
_ENDINGS = ("", ".npy", ".npz")
"""What NumPy appends to the name of a file that it writes."""
_MOST_HELD = 64

Operands = list[tuple[int, Any, int | None]]


def is_writing(function: Any) -> bool:
    """Whether a call is that of a method such as ``write`` or ``writerow``, which return a count."""
    return type(function) in _METHODS and function.__name__.startswith("write")


class Told(Names):
    """Lets marks follow a value into the object that a call told it to."""

    def _told(self, spot: Spot, taken: Operands) -> None:
        function = taken[0][1]
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        if code is not None and id(code) in self.rewritten:
            return
        tensors: list[int] = []
        marks: list[int] = []
        for _, operand, passed in taken[1:]:
            more_tensors, more_marks = self.sources_of(operand)
            tensors += more_tensors
            marks += more_marks + ([passed] if passed is not None else [])
        if not tensors and not marks:
            return
        owner = getattr(function, "__self__", None)
        if owner is not None and self.kinds.of(owner) in (ARRAY, OBJECT):
            own = self.part_mark(owner)
            kept = [*marks, own] if own is not None else marks
            self.mark_value(owner, self.new_mark(spot, owner, tensors, kept))
        else:
            owner = None
        self._handed_over(spot, owner, taken, tensors, marks)

    def _handed_over(
        self, spot: Spot, owner: Any, taken: Operands, tensors: list[int], marks: list[int]
    ) -> None:
        """Mark what a library's call may have written into: files, and the first array.

        That it did is not certain. Such a mark explains a None when nothing else does.
        """
        given = [operand for _, operand, _ in taken[1:]]
        boxes = [box for box in given if _is_file(box)]
        if given and type(given[0]).__name__ == "ndarray":
            boxes.append(given[0])
        if owner is not None:
            boxes += _behind(owner)
        names = [name for name in map(_path, (*given, owner, *boxes)) if name is not None]
        for box in boxes:
            own = self.mark_of(box)
            kept = [m for m in marks if m != own] + ([own] if own is not None else [])
            self.mark_value(box, self.new_mark(spot, box, tensors, kept, certain=False))
        for name in names:
            if name in self.files or Path(name).exists():
                mark = self.new_mark(spot, name, tensors, marks, certain=False)
                self.files.update((name + end, mark) for end in _ENDINGS)

    def file_mark(self, value: Any) -> int | None:
        """The mark of what was written to the file that a value names."""
        name = _path(value) if self.files else None
        return self.files.get(name) if name is not None else None


def _is_file(value: Any) -> bool:
    return hasattr(type(value), "write") and hasattr(type(value), "read")


def _path(value: Any) -> str | None:
    """The file that a text, a path or an open file names."""
    if _is_file(value):
        value = getattr(value, "name", None)
    elif isinstance(value, os.PathLike):
        value = os.fspath(value)
    return value if type(value) is str and 0 < len(value) < 1000 and "\0" not in value else None


def _behind(owner: Any) -> Iterator[Any]:
    """The files that an object writes to, as a ``csv.writer`` does."""
    for held in islice(gc.get_referents(owner), _MOST_HELD):
        inside = islice(held.values(), _MOST_HELD) if type(held) is dict else (held,)
        for one in inside:
            box = one.__self__ if type(one) in _METHODS else one
            if _is_file(box):
                yield box
