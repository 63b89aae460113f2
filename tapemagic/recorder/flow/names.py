"""Names that are bound: assignments, loops, ``with``, imports and returned values."""

from __future__ import annotations

import itertools
from typing import Any

from tapemagic.cell.spots import Spot
from tapemagic.recorder.flow.marks import Marks
from tapemagic.recorder.kinds import (
    ARRAY,
    CONTAINER,
    OBJECT,
    PLAIN,
    SHARED,
    TENSOR,
    VARIABLE,
)

MOST_IMPORTS = 50


def slot_of(owner: Any, key: Any, joint: str = "") -> str:
    """The place inside an object, by identity: the same under every name of the object."""
    return f"{id(owner):x}.{key}" if joint else f"{id(owner):x}[{key!r}]"


class Names(Marks):
    """The hooks of statements that bind names."""

    def _bind(self, spot: Spot, name: str, value: Any, slot: str | None = None) -> None:
        kind = self.kinds.known.get(type(value))
        if kind is None:
            kind = self.kinds.of(value)
        if self.wanted and name in self.wanted:
            self.wanted[name](value)
        if kind is TENSOR:  # the usual case of all, in each turn of a loop
            made, log = getattr(value, "_id", None), self.log
            self.named.add(made)
            if made in log.facts:
                log.bindings.append((len(log.ops), spot, name, made, False, slot))
            else:
                log.bind(spot, name, value, False, slot)
        elif kind is VARIABLE:
            self.log.bind(spot, name, value, True, slot)
        elif kind == SHARED:
            passing = self.passing
            if passing is not None and passing[0] is value:
                self.top.shared[name] = passing
                self.log.name_mark(passing[1], name)
            elif self.top.shared:
                self.top.shared.pop(name, None)
        elif kind in (ARRAY, OBJECT):
            passing = self.passing
            if passing is not None and passing[0] is value:
                self.top.shared[name] = passing
            elif self.top.shared:
                self.top.shared.pop(name, None)
            mark = self.mark_of(value)
            if mark is not None:
                self.log.name_mark(mark, name)
        elif kind == CONTAINER:
            if type(value) is dict:
                pairs: Any = zip(value, value.values(), strict=True)
            elif type(value) in (list, tuple):
                pairs = enumerate(value)
            else:
                return
            for key, item in itertools.islice(pairs, 64):
                inner = self.kinds.of(item)
                if inner in (TENSOR, VARIABLE):
                    text, place = f"{name}[{key!r}]", slot_of(value, key)
                    self.log.bind(spot, text, item, inner == VARIABLE, place)
        elif kind == PLAIN:
            self.log.name_object(name, value)

    def _n(self, index: int, value: Any) -> Any:
        try:
            spot = self.spots[index]
            for name in spot.names:
                self._bind(spot, name, value)
            self.passing = None
        except Exception as fault:
            self.log.fault("data flow", fault)
        return value

    def _s(self, index: int, value: Any) -> Any:
        self.stored = value
        return self._n(index, value)

    def _j(self) -> bool:
        if self.imported is not None and self.imports < MOST_IMPORTS:
            self.imports += 1
            self.imported()
        return False

    def _t(self, index: int, *values: Any) -> bool:
        spot = self.spots[index]
        for name, value in zip(spot.names, values, strict=False):
            self._bind(spot, name, value)
        return False

    def _u(self, index: int, *values: Any) -> bool:
        """``a, b = value``: the parts of a marked array are marked as well."""
        whole, self.stored = self.stored, None
        mark = self.part_mark(whole)
        spot = self.spots[index]
        for name, value in zip(spot.names, values, strict=False):
            if mark is not None and self.kinds.of(value) in (ARRAY, SHARED, OBJECT):
                if self.mark_of(value) is None:
                    self.mark_value(value, self.new_mark(spot, value, [], [mark]))
            self._bind(spot, name, value)
            self.passing = None
        return False

    def _i(self, index: int, iterable: Any) -> Any:
        mark = self.part_mark(iterable)
        if mark is not None:
            self.top.iterated[index] = mark
        else:
            self.top.iterated.pop(index, None)
        return iterable

    def _z(self, value: Any) -> Any:
        self.last, self.has_last = value, True
        return value
