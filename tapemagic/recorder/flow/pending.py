"""The innermost open expression: what it was given, asked while an op runs in it."""

from __future__ import annotations

from typing import Any

from tapemagic.cell.spots import Spot
from tapemagic.recorder.flow.expressions import Expressions
from tapemagic.recorder.kinds import (
    ARRAY,
    CONTAINER,
    OBJECT,
    SHARED,
    TENSOR,
    VARIABLE,
    leaves,
)


class Pending(Expressions):
    """Answers for the probe of ops, to which a constant is only an input."""

    def pending(self) -> list[tuple[Any, int]]:
        """The marked values that the innermost open expression was given."""
        operands = self.top.operands
        if not operands:
            return []
        index = operands[-1][0]
        spot = self.spots[index]
        found: list[tuple[Any, int]] = []
        number = spot.count
        taken = []
        for entry in reversed(operands):
            if entry[0] != index:
                break
            taken.append(entry)
        taken.reverse()
        for number, (_, operand, passed) in enumerate(taken):
            if number == 0 and spot.kind == "call":
                owner = getattr(operand, "__self__", None)
                if owner is None:
                    continue
                operand, passed = owner, None
            kind = self.kinds.of(operand)
            if passed is not None:
                found.append((operand, passed))
            elif kind in (SHARED, ARRAY, OBJECT):
                mark = self._shared_mark(spot, number, (0, operand, None))
                if mark is None and kind != SHARED:
                    mark = self.mark_of(operand)
                if mark is not None:
                    found.append((operand, mark))
            elif kind == CONTAINER:
                inside = leaves(operand, self.kinds)
                inner = [(leaf, self.mark_of(leaf)) for leaf in inside]
                found += [(leaf, m) for leaf, m in inner if m is not None]
                own = self.mark_of(operand)
                marks = [m for _, m in inner if m is not None] + ([own] if own is not None else [])
                if not any(self.kinds.of(leaf) == VARIABLE for leaf in inside):
                    found += [(operand, m) for m in marks]  # a variable would have to be read
        return found

    def pending_packed(self) -> list[tuple[Any, list[int]]]:
        """The containers of tensors that the innermost open expression was given."""
        operands = self.top.operands
        if not operands:
            return []
        index = operands[-1][0]
        found = []
        for site, operand, _ in reversed(operands):
            if site != index:
                break
            if type(operand) in (list, tuple) and len(operand) <= 16:
                kinds = [self.kinds.of(i) for i in operand]
                tensors = [
                    i._id
                    for i, kind in zip(operand, kinds, strict=True)
                    if kind == TENSOR and hasattr(i, "_numpy_internal")
                ]
                if tensors and VARIABLE not in kinds:
                    found.append((operand, tensors))
        return found

    def pending_spot(self) -> Spot | None:
        """The innermost open expression."""
        return self.spots[self.top.operands[-1][0]] if self.top.operands else None
