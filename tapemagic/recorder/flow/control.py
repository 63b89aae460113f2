"""Loops and calls: which copy of the code runs, and whose expressions are open."""

from __future__ import annotations

from threading import get_ident
from typing import Any

from tapemagic.cell.spots import Spot
from tapemagic.recorder.flow.state import Activation
from tapemagic.recorder.flow.stores import Stores
from tapemagic.recorder.kinds import (
    ARRAY,
    OBJECT,
    SHARED,
    TENSOR,
)

QUIET_TURNS = 24
"""Turns of a loop, or calls of a function, without tensor or mark before it runs plain."""


class Control(Stores):
    """The hooks of loops, functions and handlers of exceptions."""

    def _turn(self, branch: int) -> bool:
        turns = self._turns[branch]
        if turns[1] == self.activity:
            turns[0] += 1
            if turns[0] > QUIET_TURNS and not self.top.shared:
                name = f"b{branch}"
                setattr(self.flags, name, False)
                self.sleeping.append(name)
        else:
            turns[0], turns[1] = 0, self.activity
        return False

    def _e(self, index: int, branch: int, *values: Any) -> bool:
        """A turn of a ``for`` loop begins, with values for its names."""
        try:
            turns, activity = self._turns[branch], self.activity
            if turns[1] == activity:
                self._turn(branch)
            else:
                turns[0], turns[1] = 0, activity
            spot, iterated = self.spots[index], self.top.iterated
            mark = iterated.get(index) if iterated else None
            for position, name in enumerate(spot.names):
                value = values[position]
                if mark is not None and self.kinds.of(value) in (ARRAY, SHARED, OBJECT):
                    if self.mark_of(value) is None:
                        self.mark_value(value, self.new_mark(spot, value, [], [mark]))
                if type(value) is not int:
                    self._bind(spot, name, value)
        except Exception as fault:
            self.log.fault("data flow", fault)
        return False

    def _turned(self, branch: int, value: Any) -> Any:
        self._turn(branch)
        return value

    def _within(self, branch: int) -> bool:
        """Whether the body of a lambda runs watched; it opens no activation of its own."""
        if get_ident() != self.thread and not self._on_replica():
            return False
        self._turn(branch)
        return True

    def _sync(self) -> bool:
        self.top.operands.clear()
        self.stored = self.top.box = None
        self.passing = None
        return False

    def _enter(self, branch: int, index: int, *arguments: Any) -> bool:
        if get_ident() != self.thread and not self._on_replica():
            return False
        self._turn(branch)
        known = self.kinds.known
        for number, value in enumerate(arguments):
            if known.get(type(value)) is TENSOR and value._id not in self.named:
                self.named.add(value._id)
                enter = self.spots[index]
                self.log.bind(enter, enter.names[number], value, variable=False)
        caller = self.top
        self.stack.append(caller)
        self.top = Activation()
        try:
            if caller.shared or any(e[2] is not None for e in caller.operands[-8:]):
                self._pass_shared(caller, self.spots[index], arguments)
        except Exception as fault:
            self.log.fault("data flow", fault)
        return True

    def _on_replica(self) -> bool:
        """Whether this is a replica's thread: the cell waits for it, and one runs at a time."""
        replica = self.log.replica
        return replica is not None and replica() is not None

    def _pass_shared(self, caller: Activation, spot: Spot, arguments: tuple[Any, ...]) -> None:
        """Small ints lose their identity in a call: their marks go along by value."""
        if not caller.operands:
            return
        call = self.spots[caller.operands[-1][0]]
        taken = [e for e in caller.operands if e[0] == call.index]
        for number, (_, operand, passed) in enumerate(taken[1:], 1):
            if self.kinds.of(operand) != SHARED:
                continue
            mark = passed
            if mark is None:
                name = call.operands[number] if number < len(call.operands) else None
                found = caller.shared.get(name) if name else None
                mark = found[1] if found is not None and found[0] is operand else None
            if mark is None:
                continue
            for name, value in zip(spot.names, arguments, strict=False):
                if value is operand:
                    self.top.shared[name] = (operand, mark)

    def _leave(self) -> None:
        if self.stack:
            self.top = self.stack.pop()

    def _define(self, function: Any) -> Any:
        if hasattr(function, "__code__"):
            self.functions.add(function)
        return function
