"""The hooks of one run: armed before the cell, silenced after it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from types import CodeType, SimpleNamespace
from typing import Any

from tapemagic.cell.spots import Rewritten
from tapemagic.recorder.flow.control import Control
from tapemagic.recorder.flow.hooks import GUARDED, HANDING, HOT, silence
from tapemagic.recorder.flow.state import Activation
from tapemagic.recorder.kinds import (
    Kinds,
)
from tapemagic.recorder.log import Log

_LITERALS = (float, complex, str, bytes)


class Flow(Control):
    """Builds the hooks of one run and keeps the marks."""

    def __init__(self, log: Log, kinds: Kinds) -> None:
        super().__init__(log, kinds)
        self.install()

    def install(self) -> None:
        """Set the hooks; spots may still be added with :meth:`add`."""
        for name in HOT:
            setattr(self.hooks, name, getattr(self, f"_{name}"))
        for name in GUARDED:
            setattr(self.hooks, name, self._guard(getattr(self, f"_{name}")))
        # The body of a called function stands in it: its activation ends however the body ends.
        ending = SimpleNamespace(close=self._guard(self._leave))
        self.hooks.around = closing(ending)  # type: ignore[attr-defined]

    def add(self, made: Rewritten) -> None:
        """Make flags and definition hooks for a rewritten tree."""
        for index in range(made.first_branch, made.branches):
            setattr(self.flags, f"b{index}", True)
            self._turns[index] = [0, -1]
        for spot in made.spots:
            self.spots[spot.index] = spot
            if spot.kind == "def":
                setattr(self.hooks, f"d{spot.index}", self._define)
            elif spot.kind == "lambda":
                there = self.lambdas.setdefault((spot.text.filename, spot.count), [])
                if all(other.place != spot.place for other in there):
                    there.append(spot)

    def know_literals(self, code: CodeType) -> None:
        """Know the numbers and texts that stand in watched code: each is one object for many uses."""
        for constant in code.co_consts:
            inside = constant if type(constant) is tuple else (constant,)
            self.literals.update(id(c) for c in inside if type(c) in _LITERALS)

    def _guard(self, hook: Callable[..., Any]) -> Callable[..., Any]:
        fallback = 1 if hook.__name__[1:] in HANDING else None

        def guarded(*args: Any) -> Any:
            try:
                return hook(*args)
            except Exception as fault:
                self.log.fault("data flow", fault)
                return args[fallback] if fallback is not None else False

        return guarded

    def close(self) -> None:
        """End: the hooks fall silent and rewritten functions get their plain code back."""
        silence(self.hooks)
        for name in list(vars(self.flags)):
            setattr(self.flags, name, False)
        for function in list(self.functions):
            pair = self.rewritten.get(id(function.__code__))
            if pair is not None:
                function.__code__ = pair[0]
        self.imported = None
        self.rewritten.clear()
        self.marked.clear()
        self.top = Activation()
        self.stack.clear()
        self.last = None
