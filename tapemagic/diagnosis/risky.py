"""The ops in a function's body that can make NaN or Inf of finite numbers."""

from __future__ import annotations

from collections.abc import Iterable

from tapemagic.diagnosis.nonfinite import flat
from tapemagic.diagnosis.view import SHAPES
from tapemagic.traces.model import Body, Op

_DECIDES = {"RealDiv": 1, "Div": 1}
"""Which input decides, where it is not the first."""
_CARRYING = ("Identity", "Cast", "Reshape", "Squeeze", "ExpandDims", "StridedSlice")


def risky(body: Body, kinds: Iterable[str]) -> list[Op]:
    """The ops of some types that nothing keeps away from the place where they are not finite."""
    known = set(kinds)
    made = {t: op for op in body.ops for t in op.outputs}
    found = [op for op in body.ops if op.type in known and op.at]
    unguarded = [op for op in found if not _is_safe(body, made, op)]
    return unguarded or found


def _is_safe(body: Body, made: dict[int, Op], op: Op) -> bool:
    if op.type == "Pow":
        return all(v >= 1 and v == int(v) for v in _numbers(body, made, op.inputs[1]) or [0.5])
    decides = op.inputs[_DECIDES.get(op.type, 0)]
    given = _numbers(body, made, decides)
    if given is not None:
        return all(v > 0 for v in given)
    maker = _behind(made, decides)
    if maker is None:
        return False
    if maker.type in ("AddV2", "Add", "Maximum"):
        sides = [_numbers(body, made, t) for t in maker.inputs]
        return any(side is not None and all(v > 0 for v in side) for side in sides)
    return _is_count(made, decides)


def _numbers(body: Body, made: dict[int, Op], tensor: int) -> list[float] | None:
    """The values of a constant."""
    maker = _behind(made, tensor)
    for node in (tensor, *(maker.outputs if maker is not None else ())):
        facts = body.tensors.get(node)
        if facts is not None and facts.value is not None:
            values = flat(facts.value)
            numbers = [float(v) for v in values if isinstance(v, (int, float))]
            return numbers if len(numbers) == len(values) else None
    return None


def _behind(made: dict[int, Op], tensor: int) -> Op | None:
    """The op that computed a tensor, past those that only carry it."""
    maker = made.get(tensor)
    while maker is not None and maker.type in _CARRYING and maker.inputs:
        before = made.get(maker.inputs[0])
        if before is None:
            return maker
        maker = before
    return maker


def _is_count(made: dict[int, Op], tensor: int) -> bool:
    """Whether a number was made of shapes alone, as the number of elements of a mean."""
    todo, seen = [tensor], {tensor}
    while todo:
        maker = made.get(todo.pop())
        if maker is None or maker.type == "Placeholder":
            return False
        if maker.type in SHAPES or maker.type == "Const":
            continue
        todo += [t for t in maker.inputs if t not in seen]
        seen.update(maker.inputs)
    return True
