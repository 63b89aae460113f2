"""Marks: which values outside TensorFlow were made from which tensors."""

from __future__ import annotations

import weakref
from dataclasses import replace
from typing import Any

from tapemagic.cell.spots import Spot
from tapemagic.recorder.flow.state import State
from tapemagic.recorder.kinds import (
    ARRAY,
    COMPOSITE,
    CONTAINER,
    OBJECT,
    SHARED,
    TENSOR,
    VARIABLE,
    components,
    items,
    leaves,
    variable_handle,
)
from tapemagic.recorder.log import RawMark


class Marks(State):
    """Puts marks on values and finds them again, by identity."""

    def wake(self) -> None:
        """Let every loop and function run its watched copy again: something happened."""
        for name in self.sleeping:
            setattr(self.flags, name, True)
            self._turns[int(name[1:])][0] = 0
        self.sleeping.clear()

    def mark_of(self, value: Any) -> int | None:
        """The mark of a value, by identity."""
        found = self.marked.get(id(value))
        if found is None:
            return None
        held = found[0]
        if held is value or (type(held) is weakref.ref and held() is value):
            return found[1]
        return None

    def is_holder(self, value: Any) -> bool:
        """Whether a value is marked as an object that only keeps tensors."""
        mark = self.mark_of(value)
        return mark is not None and self.log.marks[mark].holds

    def part_mark(self, whole: Any) -> int | None:
        """The mark that the parts of a value inherit.

        The parts of an object that only keeps tensors were there before it: those that came from a
        tensor carry a mark of their own, and the numbers beside them came from none.
        """
        return None if self.is_holder(whole) else self.mark_of(whole)

    def held(self) -> list[tuple[Any, int]]:
        """The marked values that are still there, the youngest last."""
        found = []
        for one, mark in list(self.marked.values())[-500:]:
            value = one() if type(one) is weakref.ref else one
            if value is not None:
                found.append((value, mark))
        return found

    def sources_of(self, value: Any) -> tuple[list[int], list[int]]:
        """The tensors and the marks that a value carries, inside containers too."""
        tensors: list[int] = []
        marks: list[int] = []
        own = self.mark_of(value)
        if own is not None:
            return tensors, [own]
        for item in leaves(value, self.kinds):
            kind = self.kinds.of(item)
            if kind == TENSOR:
                tensors.append(getattr(item, "_id", -1))
            elif kind == VARIABLE:
                handle = variable_handle(item)
                if handle is not None:
                    tensors.append(handle._id)
                    self.log.note_variable(item, handle)
            elif kind in (ARRAY, OBJECT):
                mark = self.mark_of(item)
                if mark is not None:
                    marks.append(mark)
            elif kind == COMPOSITE:
                tensors += [t._id for t in components(item)]
        return tensors, marks

    def _hold(self, value: Any, mark: int) -> None:
        if isinstance(value, (float, complex, str, bytes, int)) or not hasattr(
            type(value), "__weakref__"
        ):
            kind = type(value)
            if kind in (list, dict, set, tuple) and len(value) > 100_000:
                return
            if kind in (str, bytes) and (len(value) < 2 or len(value) > 1_000_000):
                return
            if type(value).__name__ == "ndarray":
                self.marked[id(value)] = (weakref.ref(value), mark)
                return
            self.marked[id(value)] = (value, mark)
        else:
            try:
                self.marked[id(value)] = (weakref.ref(value), mark)
            except TypeError:
                self.marked[id(value)] = (value, mark)

    def mark_value(self, value: Any, mark: int) -> None:
        """Let a value carry a mark. Elements of containers are marked one level deep."""
        kind = self.kinds.of(value)
        if kind == SHARED and -6 < value < 257:
            self.passing = (value, mark)
            self.passes = True
        elif id(value) in self.literals:
            self.mark_shared(value, mark)
        elif kind in (ARRAY, OBJECT, SHARED):
            self._hold(value, mark)
        elif kind == CONTAINER:
            shared = True
            for number, item in enumerate(items(value)):
                if number == 0:
                    shared = False
                elif number >= 1000:
                    break
                inner = self.kinds.of(item)
                if inner in (ARRAY, OBJECT) and self.mark_of(item) is None:
                    self._hold(item, mark)
                elif inner in (SHARED, CONTAINER):
                    shared = True
                elif inner in (TENSOR, VARIABLE):
                    return
            if shared:
                self._hold(value, mark)

    def mark_shared(self, value: Any, mark: int) -> None:
        """Let a number or text carry a mark that others may hold as well.

        ``min(1.0, norm)`` gives back the very object that stands in the code as ``1.0``. On its way to
        its next use the mark is certain; for whoever meets the object later it is not.
        """
        self.passing = (value, mark)
        self.passes = True
        made = self.log.marks[mark]
        alias = replace(made, tensors=(), marks=(mark,), ops=None, certain=False)
        self._hold(value, self.log.mark(alias))

    def new_mark(
        self,
        spot: Spot,
        value: Any,
        tensors: list[int],
        marks: list[int],
        ops: tuple[int, int] | None = None,
        what: str | None = None,
        *,
        certain: bool = True,
    ) -> int:
        """Make a mark at a place of the code; not certain: the value may come from elsewhere."""
        self.activity += 1
        if self.sleeping:
            self.wake()
        return self.log.mark(
            RawMark(
                index=len(self.log.ops),
                spot=spot,
                type=type(value).__name__,
                tensors=tuple(tensors),
                marks=tuple(marks),
                ops=ops,
                what=what,
                certain=certain,
            )
        )
