"""Stores into items and attributes, and augmented statements."""

from __future__ import annotations

from typing import Any

from tapemagic.cell.spots import GROWS, Spot
from tapemagic.recorder.flow.names import slot_of
from tapemagic.recorder.flow.pending import Pending
from tapemagic.recorder.kinds import (
    ARRAY,
    CONTAINER,
    OBJECT,
    PLAIN,
    SHARED,
    TENSOR,
    VARIABLE,
    own_names,
)


class Stores(Pending):
    """The hooks of ``box[key] = value``, ``owner.name = value`` and ``x += value``."""

    def _a(self, index: int, owner: Any) -> Any:
        """``owner.name = value``, before the store."""
        spot = self.spots[index]
        if spot.count == GROWS:
            self.top.box = (spot, owner, spot.names[1])
            return owner
        self._set(spot, owner, spot.names[1], self._part(spot))
        return owner

    def _b(self, index: int, box: Any) -> Any:
        """``box[key] = value``, before ``key``: an array will hold the value."""
        spot = self.spots[index]
        self.top.box = (spot, box, None)
        if spot.count != GROWS:
            self._into(spot, box, self.stored)
        return box

    def _k(self, index: int, key: Any) -> Any:
        """``box[key] = value``, after ``key``: a container will have a place for the value."""
        spot, box = self.spots[index], self.top.box
        if box is None or box[0] is not spot:
            return key
        self.top.box = (spot, box[1], key)
        if spot.count != GROWS:
            self._set(spot, box[1], key, self._part(spot))
            self.top.box = None
        return key

    def _w(self, index: int, box: Any) -> Any:
        """``box[i:j] = value``: as an item; containers are searched instead."""
        spot = self.spots[index]
        if spot.count == GROWS:
            self.top.box = (spot, box, None)
        else:
            self._into(spot, box, self._part(spot))
        return box

    def _part(self, spot: Spot) -> Any:
        """The value that a store is about to take: a part of what is unpacked."""
        value = self.stored
        if spot.last:
            self.stored = None
        if spot.count >= 0:
            whole = type(value) in (tuple, list) and spot.count < len(value)
            return value[spot.count] if whole else None
        return value

    def _into(self, spot: Spot, box: Any, value: Any) -> None:
        if self.kinds.of(box) in (ARRAY, OBJECT) and self.kinds.of(value) != PLAIN:
            tensors, marks = self.sources_of(value)
            if tensors or marks:
                own = self.part_mark(box)
                marks += [own] if own is not None else []
                self.mark_value(box, self.new_mark(spot, box, tensors, marks))

    def _set(self, spot: Spot, owner: Any, key: Any, value: Any) -> None:
        """A place inside an object is given a value."""
        if self.kinds.of(value) == PLAIN:
            return
        if spot.kind == "set":
            self._bind(spot, f"{spot.names[0]}.{key}", value, slot_of(owner, key, "."))
        elif type(key) in (int, str):
            self._bind(spot, f"{spot.names[0]}[{key!r}]", value, slot_of(owner, key))

    def _grown(self) -> tuple[Any, ...]:
        """The new value of ``box[key] += value`` or ``owner.name += value``, where that is plain.

        What a person's own ``__getitem__`` or property would give is not asked for.
        """
        box, self.top.box = self.top.box, None
        if box is None:
            return ()
        spot, owner, key = box
        if spot.kind == "set":
            own = getattr(type(owner), "__dict__", {}).get(key)
            names = None if hasattr(own, "__set__") else own_names(owner)
            return (names[key],) if names is not None and key in names else ()
        if type(owner) is dict and type(key) in (int, str) and key in owner:
            return (owner[key],)
        if type(owner) is list and type(key) is int and -len(owner) <= key < len(owner):
            return (owner[key],)
        if self.kinds.of(owner) in (ARRAY, OBJECT):
            return (owner,)  # an array that was changed in place
        return ()

    def _p(self, index: int, old: Any, value: Any) -> Any:
        self.top.operands.append((index, old, None))
        return self._o(index, value)

    def _g(self, index: int, *new: Any) -> bool:
        spot = self.spots[index]
        operands = self.top.operands
        while operands and operands[-1][0] != index:
            operands.pop()
        taken = operands[-2:]
        del operands[-2:]
        box = self.top.box
        new = new or self._grown()
        if not new or len(taken) < 2:
            return False
        value = new[0]
        kind = self.kinds.of(value)
        if kind not in (TENSOR, VARIABLE, PLAIN):
            old = self.mark_of(value)
            if old is None or kind == ARRAY:
                tensors: list[int] = []
                marks: list[int] = []
                for number, (_, operand, passed) in enumerate(taken):
                    more_tensors, more_marks = self.sources_of(operand)
                    tensors += more_tensors
                    marks += more_marks + ([passed] if passed is not None else [])
                    if self.kinds.of(operand) == SHARED:
                        mark = self._shared_mark(spot, number, (0, operand, None))
                        marks += [mark] if mark is not None else []
                if (tensors or marks) and kind != CONTAINER:
                    self.mark_value(value, self.new_mark(spot, value, tensors, marks))
        for name in spot.names:
            self._bind(spot, name, value)
        if box is not None and value is not box[1]:
            self._set(box[0], box[1], box[2], value)
        return False
