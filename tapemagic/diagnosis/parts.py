"""Which part of a joined tensor an input is, and whether a later op still uses that part.

Joining ops hand each input its own part of a gradient. Where that part is zero, the op that joins
is not to blame: one nearer to the target left the part out. The part is followed there as a mask.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

import numpy as np

from tapemagic.diagnosis.view import QueryView
from tapemagic.traces.model import Op

JOINS = frozenset(["ConcatV2", "Pack", "Complex"])
"""Ops whose inputs are separate parts of their output."""
_SHAPING = frozenset(["Reshape", "ExpandDims", "Squeeze"])
_SAME = frozenset(["Identity", "Neg", "Relu", "Relu6", "Tanh", "Sigmoid", "Elu", "Softplus", "Square",
                   "Exp", "Cast", "BiasAdd", "AddV2", "Sub"])  # fmt: skip
"""Ops each element of whose output comes from the element at its own place."""
_MOST = 4_000_000

Mask = np.ndarray[Any, Any]


def dropper(view: QueryView, join: Op, tensor: int) -> Op | None:
    """The op that does not use the part of a joined tensor that one of its inputs is.

    Returns:
        The first such op, or None unless every way on from the joined tensor is known to leave the
        part out.
    """
    mask = _part(view, join, tensor)
    return None if mask is None else _follow(view, join.outputs[0], mask, 0)


def _follow(view: QueryView, node: int, mask: Mask, depth: int) -> Op | None:
    found: list[Op] = []
    for op, position in takers(view, node):
        kept = _kept(view, op, position, mask) if depth < 50 else None
        if kept is None:
            return None
        left = [(t, m) for t, m in kept if m.any()]
        used = [(t, m) for t, m in left if any(True for _ in takers(view, t)) or t in view.targets]
        if not used:
            found.append(op)
            continue
        for after, rest in used:
            deeper = _follow(view, after, rest, depth + 1)
            if deeper is None:
                return None
            found.append(deeper)
    return min(found, key=lambda op: op.index) if found else None


def mean_of_one(view: QueryView, ops: Iterable[Op]) -> Op | None:
    """The mean among some ops that a layer, or a difference, takes off the single value it is of."""
    for op in ops:
        shapes = (
            [_shape(view, t) for t in (*op.inputs[:1], *op.outputs)] if op.type == "Mean" else []
        )
        sizes = {np.prod(s) for s in shapes if s is not None and None not in s}
        if len(shapes) != 2 or None in shapes or len(sizes) != 1:
            continue
        taken = {op.inputs[0], op.outputs[0]}
        later = view.trace.ops[op.index : view.query.op]
        if op.scope or any(o.type == "Sub" and taken <= set(o.inputs) for o in later):
            return op
    return None


def takers(view: QueryView, node: int) -> Iterator[tuple[Op, int]]:
    """The ops that handed a gradient back for a tensor, with its position among their inputs."""
    for index, codes in view.codes.items():
        op = view.trace.ops[index]
        for position, tensor in enumerate(op.inputs[: len(codes)]):
            if tensor == node and codes[position]:
                yield op, position


def _shape(view: QueryView, tensor: int) -> tuple[int, ...] | None:
    facts = view.trace.tensors.get(tensor)
    if facts is None or facts.shape is None or None in facts.shape:
        return None
    shape = tuple(n for n in facts.shape if n is not None)
    return shape if np.prod(shape, dtype=float) <= _MOST else None


def _value(view: QueryView, op: Op, position: int) -> Any:
    facts = view.trace.tensors.get(op.inputs[position]) if position < len(op.inputs) else None
    return facts.value if facts is not None else None


def _part(view: QueryView, op: Op, tensor: int) -> Mask | None:
    """The place of an input in what an op joins."""
    out = _shape(view, op.outputs[0])
    if out is None:
        return None
    mine = [t == tensor for t in op.inputs]
    if op.type == "Complex":  # the mask's own real and imaginary parts stand for the two
        return np.full(out, complex(mine[0], mine[1]))
    if op.type == "Pack":
        fits = [k for k, n in enumerate(out) if n == len(mine)]
        inner = _shape(view, op.inputs[0])
        fits = [k for k in fits if out[:k] + out[k + 1 :] == inner]
        if len(fits) != 1:
            return None
        return _along(out, fits[0], np.array(mine))
    axis, shapes = _value(view, op, len(mine) - 1), [_shape(view, t) for t in op.inputs[:-1]]
    if not isinstance(axis, int) or None in shapes:
        return None
    places = [m for m, s in zip(mine, shapes, strict=False) for _ in range((s or ())[axis])]
    return _along(out, axis % len(out), np.array(places))


def _along(shape: tuple[int, ...], axis: int, places: Mask) -> Mask:
    wide = [1] * len(shape)
    wide[axis] = -1
    return np.broadcast_to(places.reshape(wide), shape)


def _kept(view: QueryView, op: Op, position: int, mask: Mask) -> list[tuple[int, Mask]] | None:
    """What is left of a part in each output of an op; None where that is not known."""
    shapes = [_shape(view, t) for t in op.outputs]
    if not shapes or None in shapes:
        return None
    out = shapes[0] or ()
    if op.type in ("Real", "Imag"):
        return [(op.outputs[0], (mask.real if op.type == "Real" else mask.imag) != 0)]
    if op.type == "Cast" and mask.dtype.kind == "c":
        facts = view.trace.tensors.get(op.outputs[0])
        if facts is None or facts.dtype.startswith("complex"):
            return [(op.outputs[0], mask)]
        return [(op.outputs[0], mask.real != 0)]
    if op.type in _SHAPING and position == 0:
        return [(op.outputs[0], mask.reshape(out))]
    if op.type in _SAME and mask.shape == out:
        return [(op.outputs[0], mask)]
    if op.type in ("StridedSlice", "Slice") and position == 0:
        left = _sliced(view, op, mask, out)
        return None if left is None else [(op.outputs[0], left)]
    if op.type in ("Unpack", "Split", "SplitV"):
        return _split(view, op, mask, [s or () for s in shapes])
    return None


def _split(
    view: QueryView, op: Op, mask: Mask, shapes: list[tuple[int, ...]]
) -> list[tuple[int, Mask]] | None:
    count = len(shapes)
    if op.type == "Unpack":
        axes = [k for k, n in enumerate(mask.shape) if n == count]
        axes = [k for k in axes if mask.shape[:k] + mask.shape[k + 1 :] == shapes[0]]
        axis = axes[0] if len(axes) == 1 else None
    else:
        axis = _value(view, op, 0 if op.type == "Split" else 2)
    if not isinstance(axis, int):
        return None
    ends = np.cumsum([1 if op.type == "Unpack" else s[axis] for s in shapes])[:-1]
    parts = np.split(mask, ends, axis)
    return list(zip(op.outputs, parts, strict=True))


def _sliced(view: QueryView, op: Op, mask: Mask, out: tuple[int, ...]) -> Mask | None:
    """What a slice leaves of a mask; None where its numbers don't say it."""
    numbers = [_value(view, op, k) for k in range(1, len(op.inputs))]
    if not all(isinstance(n, list) for n in numbers):
        return None
    if op.type == "Slice":
        index = tuple(slice(b, b + n if n >= 0 else None) for b, n in zip(*numbers, strict=True))
        return mask[index]
    # Which of them are a newaxis, an ellipsis or a single index was not recorded: the result's
    # shape tells, and what it leaves open must not make a difference.
    choices = [_meanings(*row) for row in zip(*numbers, strict=True)]
    if any(not c for c in choices) or np.prod([len(c) for c in choices]) > 1000:
        return None
    answers: list[Mask] = []
    for index in product(*choices):
        try:
            left = mask[index]
        except IndexError:
            continue
        if left.shape == out:
            answers.append(left)
    return answers[0] if answers and all(np.array_equal(answers[0], a) for a in answers) else None


def _meanings(begin: int, end: int, stride: int) -> list[Any]:
    """What one row of a strided slice can have been written as."""
    if stride < 0:
        return [slice(None, None, stride)] if begin == 0 and end == 0 else []
    found: list[Any] = [slice(begin, end or None, stride)]
    if end == begin + 1:
        found.append(begin)
    if begin == end == 0:
        found += [None, ...]
    return found
