"""Where the first NaN or Inf of a forward pass was born.

What the values of a tensor hold is known where they are small, and of larger ones where a backward
op that met the trouble was given them. A tensor of which it is not known is passed on the way back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tapemagic.diagnosis.view import QueryView
from tapemagic.traces.model import Op, Tensor

READS = frozenset(["ReadVariableOp", "captured_value", "ResourceGather", "VarHandleOp"])
_MOST = 5000


@dataclass(frozen=True, slots=True)
class Birth:
    """The first value of a forward pass that was not finite.

    Attributes:
        tensor: What holds it.
        kind: "nan", "inf" or "-inf".
        op: The op that made it of values without it; None when it was there to begin with, in data
            or in a variable.
        user: The first op that took it, then.
        mask: The op by which an infinity that the person wrote, as a mask, got into that op's inputs.
    """

    tensor: int
    kind: str
    op: Op | None = None
    user: Op | None = None
    mask: Op | None = None


def holds(facts: Tensor | None) -> str:
    """What a tensor's values hold: "nan", "inf", "-inf", "finite", or "" when it is not known."""
    if facts is None or facts.value is None:
        return facts.holds if facts is not None else ""
    words = {v for v in flat(facts.value) if isinstance(v, str)}
    return next((word for word in ("nan", "inf", "-inf") if word in words), "finite")


def flat(value: Any) -> list[Any]:
    """The elements of a nested list."""
    return [v for part in value for v in flat(part)] if isinstance(value, list) else [value]


def first_bad(view: QueryView, begin: Op) -> Birth | None:
    """The first NaN or Inf of the forward pass that an op's values came from.

    Args:
        view: The question.
        begin: The op whose backward op was the first that did not return finite numbers.
    """
    known: dict[int, Birth | None] = view.memo.setdefault("births", {})
    if begin.index not in known:
        birth = first_nan(view, begin)
        made = birth.op if birth is not None else begin
        before = first_inf(view, made) if made is not None else None
        known[begin.index] = before or birth  # a NaN that was made of Inf
    return known[begin.index]


def first_nan(view: QueryView, begin: Op) -> Birth | None:
    """The first NaN that an op's values came from; its own result counts as well."""
    bad = [t for t in (*begin.inputs, *begin.outputs) if _held(view, t) == "nan"]
    if not bad:
        return None
    node, user = bad[0], begin
    for _ in range(_MOST):
        maker = _maker(view, node)
        if maker is None:
            return Birth(node, "nan", None, user)
        after = _nearest(view, maker.inputs, lambda t: _held(view, t) == "nan")
        if after is None:
            maker = _at_work(view, maker)
            return Birth(node, "nan", maker, None, masked(view, maker))
        node, user = after[0], after[1] or maker
    return None


def first_inf(view: QueryView, begin: Op) -> Birth | None:
    """The first infinity that an op's inputs came from; one that the person wrote is no trouble."""

    def infinite(tensor: int) -> bool:
        return _held(view, tensor) in ("inf", "-inf")

    todo = [(t, user or begin) for t, user in _all_nearest(view, begin.inputs, infinite)]
    found: Birth | None = None
    seen: set[int] = set()
    while todo and len(seen) < _MOST:
        node, user = todo.pop(0)
        if node in seen:
            continue
        seen.add(node)
        maker, kind = _maker(view, node), _held(view, node)
        if maker is None:
            if kind in ("inf", "-inf") and not _written(view.trace.tensors.get(node)):
                return Birth(node, kind, None, user)
            continue
        nearest = [(t, by or maker) for t, by in _all_nearest(view, maker.inputs, infinite)]
        if nearest:
            todo += nearest
        elif kind and (found is None or maker.index < (found.op or maker).index):
            found = Birth(node, kind, _at_work(view, maker))
    return found


def masked(view: QueryView, op: Op) -> Op | None:
    """The op by which an infinity that the person wrote got into an op's inputs."""
    found = _nearest(view, op.inputs, lambda t: _written(view.trace.tensors.get(t)))
    return None if found is None else found[1] or op


def _written(facts: Tensor | None) -> bool:
    """Whether an infinity was meant: a constant number, or the -inf of a constant mask."""
    if facts is None or facts.op is not None or facts.kind == "variable":
        return False
    kind = holds(facts)
    return kind == "-inf" or (kind == "inf" and not isinstance(facts.value, list))


def _nearest(
    view: QueryView, begin: Iterable[int], fits: Callable[[int], bool]
) -> tuple[int, Op | None] | None:
    """The nearest tensor that fits, past tensors that may not be finite, and the op that took it."""
    return next(_all_nearest(view, begin, fits), None)


def _all_nearest(
    view: QueryView, begin: Iterable[int], fits: Callable[[int], bool]
) -> Iterator[tuple[int, Op | None]]:
    """The nearest tensors that fit on each way back, nearest first: nothing behind one of them."""
    todo: list[tuple[int, Op | None]] = [(t, None) for t in begin]
    seen: set[int] = set()
    while todo and len(seen) < _MOST:
        node, user = todo.pop(0)
        if node in seen:
            continue
        if fits(node):
            seen.add(node)
            yield node, user
            continue
        if _held(view, node) == "finite":
            continue
        seen.add(node)
        maker = _maker(view, node)
        if maker is not None:
            todo += [(t, maker) for t in maker.inputs if view.is_float(t)]


_CARRYING = frozenset(
    ["BiasAdd", "Identity", "Reshape", "Squeeze", "ExpandDims", "Transpose", "Relu", "Relu6",
     "LeakyRelu", "Neg", "Abs", "Sum", "Mean", "Max", "Min", "Cast", "StridedSlice"]
)  # fmt: skip
"""Ops that hand on what they are given: of their own they make no NaN or Inf of usual numbers."""


def _at_work(view: QueryView, op: Op) -> Op:
    """The op before ops that only carry its result, where nothing is known of what they were given."""
    for _ in range(_MOST):
        unknown = [t for t in op.inputs if view.is_float(t) and not _held(view, t)]
        maker = _maker(view, unknown[0]) if len(unknown) == 1 else None
        if op.type not in _CARRYING or maker is None:
            break
        op = maker
    return op


def _maker(view: QueryView, tensor: int) -> Op | None:
    """The op that computed a tensor; None for one that holds what it was given, as a variable."""
    index = view.graph.maker.get(tensor)
    op = view.trace.ops[index] if index is not None else None
    return None if op is None or op.type in READS else op


def _held(view: QueryView, tensor: int) -> str:
    return holds(view.trace.tensors.get(tensor))
