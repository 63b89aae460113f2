"""Calls, operators, items and attributes: what went in, and what came out."""

from __future__ import annotations

import itertools
import types
from time import perf_counter
from typing import Any

from tapemagic.cell.spots import Spot
from tapemagic.recorder.flow.told import Told, is_writing
from tapemagic.recorder.kinds import (
    ARRAY,
    COMPOSITE,
    CONTAINER,
    OBJECT,
    PLAIN,
    SHARED,
    TENSOR,
    VARIABLE,
    components,
    items,
    leaves,
    own_names,
)
from tapemagic.recorder.log import RawEntry

# What only carries its elements, looks at a shape, or tells about a value.
_CARRIERS = frozenset(
    map(id, {list, tuple, dict, set, frozenset, zip, enumerate, reversed, sorted, iter, filter})
)
_NEUTRAL = frozenset(
    map(id, (len, isinstance, issubclass, type, hasattr, id, print, callable, repr, range, hash))
)
_ATOMS = (float, complex, str, bytes)
"""Types that can be marked by identity, and whose objects nobody can change."""
_FIELDS = ("__dataclass_fields__", "__attrs_attrs__")
"""What classes have whose ``__init__`` was made from a list of fields."""

_MOST_RESULTS = 64


class Expressions(Told):
    """The hooks of expressions."""

    def _o(self, spot: int, value: Any) -> Any:
        self.started[spot] = len(self.log.ops)  # a call's own ops come after its last argument
        top, passing = self.top, self.passing
        if not top.operands:
            top.begun = perf_counter()
        if passing is None:
            top.operands.append((spot, value, None))
        else:
            self.passing = None
            top.operands.append((spot, value, passing[1] if passing[0] is value else None))
        return value

    def _c(self, spot: int, function: Any) -> Any:
        self.passing = None
        top = self.top
        if not top.operands:
            top.begun = perf_counter()
        top.operands.append((spot, function, len(self.log.ops)))
        return function

    def _r(self, index: int, value: Any) -> Any:
        spot = self.spots[index]
        top, count, log = self.top, spot.count, self.log
        operands = top.operands
        while operands and operands[-1][0] != index:
            operands.pop()
        if len(operands) == count > 0:  # it is not part of another one
            self.spent[index] = self.spent.get(index, 0.0) + perf_counter() - top.begun
        if log.reads:
            log.reads.clear()
        kind = self.kinds.known.get(type(value))
        if count == 0 or len(operands) < count:
            return value
        if kind is PLAIN:
            over = value is not None or spot.kind != "call"  # a call that gave None may have kept
        else:
            over = kind is TENSOR and not (self.marked or top.shared or self.passes)
            over = over and getattr(value, "_id", 0) in log.made
        if over:
            del operands[-count:]
            return value
        taken = operands[-count:]
        del operands[-count:]
        try:
            self._made(spot, value, taken, kind if kind is not None else self.kinds.of(value))
        except Exception as fault:
            self.log.fault("data flow", fault)
        return value

    def _made(
        self, spot: Spot, value: Any, taken: list[tuple[int, Any, int | None]], kind: int
    ) -> None:
        """A rewritten expression gave a value: find what it was made from."""
        if kind == PLAIN:
            if spot.kind == "call" and value is None:
                self._told(spot, taken)
            return
        if kind == VARIABLE:
            return
        if kind == TENSOR:
            if not self.log.is_made(getattr(value, "_id", 0)):
                self._entered(spot, value, taken)
            elif spot.kind == "call" and (self.marked or self.top.shared or self.passes):
                self._argued(spot, value, taken)
            return
        if kind == COMPOSITE:
            for part in components(value):
                if not self.log.is_made(part._id):
                    self._entered(spot, part, taken)
            return
        known = self.kinds
        if spot.kind == "attr":
            owner = taken[0][1]
            if known.known.get(type(owner)) is TENSOR:
                self._sized(spot, value, owner)
                return
            self._attribute(spot, value, owner)
            return
        if spot.kind == "item":
            owner = taken[0][1]
            if known.of(owner) in (TENSOR, VARIABLE) or self.mark_of(value) is not None:
                return
            mark = self.part_mark(owner)
            if mark is None:
                mark = self._shared_mark(spot, 0, taken[0])
            if mark is not None:
                self.mark_value(value, self.new_mark(spot, value, [], [mark]))
            return
        own = self.mark_of(value) if kind not in (CONTAINER, SHARED) else None
        if own is not None:
            self._handed_back(spot, value, taken, own)
            return
        ops: tuple[int, int] | None = None
        if spot.kind == "call":
            _, function, start = taken[0]
            begin = self.started.get(spot.index, 0)
            begin = max(begin, start if start is not None else len(self.log.ops))
            code = getattr(getattr(function, "__func__", function), "__code__", None)
            if code is not None and id(code) in self.rewritten:
                return
            if function is getattr:
                self._attribute(spot, value, taken[1][1])
                return
            if function is len:
                self._counted(spot, value, taken[-1][1])
            if id(function) in _NEUTRAL:  # by identity: ``==`` and hash may be the person's own
                return
            if kind == CONTAINER:
                for part in itertools.islice(items(value), _MOST_RESULTS):
                    if known.of(part) == TENSOR and not self.log.is_made(part._id):
                        self._entered(spot, part, taken)
            if kind == SHARED and is_writing(function):
                self._told(spot, taken)
            holds = kind == OBJECT and self._is_holder(function, value, taken[1:])
            carrier = id(function) in _CARRIERS
            if self.log.ops_since(begin):
                ops = (begin, len(self.log.ops))
            owner = getattr(function, "__self__", None)
            taken = taken[1:]
            tensors: list[int] = []
            marks: list[int] = []
            if owner is not None and known.of(owner) != PLAIN:
                tensors, marks = self.sources_of(owner)
            first = 1
        else:
            carrier, tensors, marks, first = spot.kind == "each", [], [], 0
            holds = False
        # A generator hands its values to whoever reads it, without passing here again.
        lazy = carrier and type(value) is types.GeneratorType
        for number, (_, operand, passed) in enumerate(taken):
            if carrier and not lazy:
                own = self.mark_of(operand)
                if own is not None:
                    marks.append(own)
                continue
            if passed is not None:
                marks.append(passed)
                continue
            found = known.known.get(type(operand))
            if found is PLAIN:
                continue
            if self.top.shared and found in (SHARED, ARRAY):
                mark = self._shared_mark(spot, number + first, (0, operand, None))
                if mark is not None:
                    marks.append(mark)
                    continue
            more_tensors, more_marks = self.sources_of(operand)
            tensors += more_tensors
            marks += more_marks
            if self.files and (written := self.file_mark(operand)) is not None:
                marks.append(written)
        if carrier:
            ops = None
        if tensors or marks or ops is not None:
            # What a generator computes from what it runs over is not known: perhaps a size.
            lazy = lazy or any(type(operand) is types.GeneratorType for _, operand, _ in taken)
            if spot.kind == "call":
                spot = self._body_of(function) or spot
            mark = self.new_mark(spot, value, tensors, marks, ops, certain=not lazy)
            self.log.marks[mark].holds = holds
            if type(value) in _ATOMS and any(operand is value for _, operand, _ in taken):
                self.mark_shared(value, mark)  # it was there before, as max(best, score) gives best
            else:
                self.mark_value(value, mark)

    def _body_of(self, function: Any) -> Spot | None:
        """Where a lambda of the person's computes its value, unless its line holds several."""
        code = getattr(function, "__code__", None)
        if code is None or code.co_name != "<lambda>":
            return None
        there = self.lambdas.get((code.co_filename, code.co_firstlineno), ())
        return there[0] if len(there) == 1 else None

    def _is_holder(
        self, function: Any, value: Any, taken: list[tuple[int, Any, int | None]]
    ) -> bool:
        """Whether an object only keeps what it was given; its attributes are values of their own.

        What the person's own ``__init__`` computes is followed there.
        """
        given = [operand for _, operand, _ in taken]
        if any(type(one) is type(value) and self.is_holder(one) for one in given):
            return True  # a copy
        if not isinstance(function, type) or type(value) is not function:
            return False
        code = getattr(function.__init__, "__code__", None)
        if id(code) in self.rewritten or any(hasattr(function, name) for name in _FIELDS):
            return True
        parts = [part for part in (own_names(value) or {}).values() if type(part) is not int]
        known = {id(leaf) for one in given for leaf in (one, *leaves(one, self.kinds))}
        return bool(parts) and all(id(p) in known or id(p) in self.literals for p in parts)

    def _attribute(self, spot: Spot, value: Any, owner: Any) -> None:
        """An attribute was read: it is a part of a value that was marked."""
        mark = self.part_mark(owner)
        if mark is not None and self.mark_of(value) is None and not callable(value):
            self.mark_value(value, self.new_mark(spot, value, [], [mark]))

    def _counted(self, spot: Spot, value: int, operand: Any) -> None:
        """``len``: of most values it tells nothing, of what was picked out it does."""
        if self.kinds.of(operand) == TENSOR:
            self._sized(spot, value, operand)
            return
        mark = self.part_mark(operand)
        if mark is not None:
            self.mark_value(value, self.new_mark(spot, value, [], [mark], certain=False))

    def _sized(self, spot: Spot, value: Any, tensor: Any) -> None:
        """The size of a tensor was asked for: does it count what was picked out?"""
        made = getattr(tensor, "_id", None)
        if made is not None and self.sizes.depends(made, self.log):
            # Not every axis does, so that this explains a None and makes no gradient incomplete.
            self.mark_value(value, self.new_mark(spot, value, [made], [], certain=False))

    def _handed_back(
        self, spot: Spot, value: Any, taken: list[tuple[int, Any, int | None]], own: int
    ) -> None:
        """A call gave the very array that it was given, as np.squeeze does: still a step."""
        if spot.kind != "call" or not any(operand is value for _, operand, _ in taken[1:]):
            return
        function = taken[0][1]
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        if id(function) in _NEUTRAL or id(function) in _CARRIERS or id(code) in self.rewritten:
            return
        self.mark_value(value, self.new_mark(spot, value, [], [own]))

    def _shared_mark(
        self, spot: Spot, number: int, operand: tuple[int, Any, int | None]
    ) -> int | None:
        if operand[2] is not None and spot.kind != "call":
            return operand[2]
        name = spot.operands[number] if number < len(spot.operands) else None
        found = self.top.shared.get(name) if name is not None else None
        return found[1] if found is not None and found[0] is operand[1] else None

    def _entered(self, spot: Spot, value: Any, taken: list[tuple[int, Any, int | None]]) -> None:
        """A call gave a tensor that no op made: a constant, perhaps from marked values."""
        made = getattr(value, "_id", None)
        if made is None or made in self.log.facts:
            return
        tensors: list[int] = []
        marks: list[int] = []
        for number, (_, operand, passed) in enumerate(taken):
            if operand is value:
                return
            if number == 0 and spot.kind == "call":
                continue
            if passed is not None:
                marks.append(passed)
                continue
            if self.kinds.known.get(type(operand)) in (SHARED, ARRAY):
                mark = self._shared_mark(spot, number, (0, operand, None))
                if mark is not None:
                    marks.append(mark)
                    continue
            more_tensors, more_marks = self.sources_of(operand)
            tensors += more_tensors
            marks += more_marks
        if made in tensors:
            return
        tensors = [t for t in tensors if t < made]
        code = getattr(getattr(taken[0][1], "__func__", taken[0][1]), "__code__", None)
        if spot.kind == "call" and id(code) not in self.rewritten:
            # A call gave a tensor that no op made, though it was given tensors: what it computed
            # (as tf.numpy_function does) ran outside TensorFlow. What left TensorFlow while it ran
            # may be in it as well.
            inside = self._left_since(max(self.started.get(spot.index, 0), taken[0][2] or 0))
            if tensors:
                marks = [self.new_mark(spot, value, tensors, marks)]
            if inside:
                marks.append(self.new_mark(spot, value, [], inside, certain=False))
        if marks:
            self.log.note_tensor(value)
            self.log.entries.append(
                RawEntry(made, tuple(marks), spot, len(self.log.ops), certain=True)
            )

    def _left_since(self, begin: int) -> list[int]:
        """The marks of values that left TensorFlow after an op that ran since then."""
        marks, first = self.log.marks, len(self.log.marks)
        while first and marks[first - 1].index > begin:
            first -= 1
        return list(range(first, len(marks)))

    def _argued(self, spot: Spot, value: Any, taken: list[tuple[int, Any, int | None]]) -> None:
        """A library's call was given marked numbers: a size or a rate makes no constant of its own."""
        function = taken[0][1]
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        if id(code) in self.rewritten:
            return
        marks: list[int] = []
        for number, (_, operand, passed) in enumerate(taken[1:], 1):
            kind = self.kinds.of(operand)
            if passed is not None:
                marks.append(passed)
            elif kind == SHARED:
                mark = self._shared_mark(spot, number, (0, operand, None))
                marks += [mark] if mark is not None else []
            elif type(operand) in (float, tuple, list) and kind in (ARRAY, CONTAINER):
                marks += self.sources_of(operand)[1]
        begin = self.started.get(spot.index, 0)
        known = {m for e in self.log.entries[-32:] if e.index >= begin for m in e.marks}
        marks = [m for m in marks if m not in known]
        if marks:
            index = len(self.log.ops)
            entry = RawEntry(value._id, tuple(marks), spot, index, certain=False, argument=True)
            self.log.entries.append(entry)

    def _v(self, index: int, value: Any) -> Any:
        if self.kinds.known.get(type(value)) == SHARED and self.top.shared:
            mark = self._shared_mark(self.spots[index], 0, (0, value, None))
            if mark is not None:
                self.passing = (value, mark)
        return value
