"""Read small values and the figures of gradients, once, as plain numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tapemagic.recorder.log import SMALL
from tapemagic.recorder.portraits import complete, points
from tapemagic.traces.model import Gradient, Portrait

_INFINITY = float("inf")


def read_value(tensor: Any) -> Any:
    """A small tensor as a scalar or nested list, None if it can't be read; NaN and Inf as text."""
    try:
        array = tensor._numpy_internal() if hasattr(tensor, "_numpy_internal") else tensor
        if not array.shape and array.dtype.char in "fdilq?":  # most are plain numbers
            return _plain(array.item())
        if array.dtype.kind in "fiub":
            return _plain(
                array.astype("float64").tolist() if array.dtype.kind == "f" else array.tolist()
            )
        if array.dtype.kind == "c":
            return _plain(array.astype(str).tolist())
        return _plain(array.astype("float64").tolist())
    except Exception:
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, float) and (math.isnan(value) or value in (float("inf"), float("-inf"))):
        return str(value)
    return value


def read_gradient(gradient: Any) -> Gradient:
    """Shape, dtype, norm and range of a gradient; complex by magnitude, over finite elements."""
    if hasattr(type(gradient), "_numpy_internal"):
        made = _usual(gradient)
        if made is not None:
            return made
    sparse = hasattr(gradient, "values") and hasattr(gradient, "indices")
    dense = gradient.values if sparse else getattr(gradient, "flat_values", gradient)
    shape: Any = getattr(gradient, "shape", None)
    if sparse and getattr(gradient, "dense_shape", None) is not None:
        try:
            shape = tuple(int(n) for n in np.asarray(gradient.dense_shape))
        except Exception:
            shape = tuple(dense.shape)
    elif hasattr(shape, "rank"):
        shape = None if shape.rank is None else tuple(shape.as_list())
    elif shape is not None:
        shape = tuple(shape)
    made = Gradient(shape, getattr(getattr(dense, "dtype", None), "name", ""), sparse=sparse)
    if not hasattr(dense, "_numpy_internal"):
        if isinstance(dense, np.ndarray):
            array = dense
        else:
            return made
    else:
        array = np.asarray(dense._numpy_internal())
    size = abs(array) if array.dtype.kind == "c" else array
    if size.dtype.kind not in "fiub" or size.dtype.itemsize < 4:
        size = size.astype("float32")
    if not size.size:
        return made
    flat = size.ravel()
    square = float(np.vdot(flat, flat)) if flat.dtype.kind == "f" else float("nan")
    if 0.0 < square < float("inf"):  # then every element is finite
        made.norm = square**0.5
        made.min, made.max = float(flat.min()), float(flat.max())
    else:
        finite = np.isfinite(flat)
        made.nonfinite = int(flat.size - np.count_nonzero(finite))
        inside = (flat if made.nonfinite == 0 else flat[finite]).astype("float64")
        if inside.size:
            made.norm = float(np.sqrt(np.vdot(inside, inside)))
            made.min, made.max = float(inside.min()), float(inside.max())
        made.nan = bool(np.isnan(flat).any()) if made.nonfinite else False
        made.zero = not array.any()
    if flat.size <= SMALL:
        made.value = read_value(array)
    else:
        made.portrait = Portrait(points(flat))
    return made


class Later:
    """Reads small gradients after the cell: while it runs, a copy of them costs least.

    Args:
        most: Bytes of copies that may wait.
    """

    def __init__(self, most: int = 1 << 24) -> None:
        self._left = most

    def take(self, gradient: Any) -> Any:
        """The figures of a gradient, or a copy of it that :func:`settled` makes them from."""
        if hasattr(type(gradient), "_numpy_internal"):
            array = gradient._numpy_internal()
            if array.nbytes <= SMALL_COPY and array.nbytes < self._left:
                self._left -= array.nbytes
                return array.copy()
            return read_gradient(gradient)
        return read_gradient(gradient)


SMALL_COPY = 1 << 14
"""Bytes up to which copying is cheaper than looking."""


def settled(row: Any) -> list[Gradient | None]:
    """What :meth:`Later.take` gave for a query's sources, as figures."""
    found: list[Gradient | None] = []
    for position, taken in enumerate(row.gradients):
        if taken is None or isinstance(taken, Gradient):
            found.append(taken)
            continue
        made = read_gradient(_Copy(taken))
        complete(row, position, made, _Copy(taken))
        found.append(made)
    return found


class _Copy:
    """The copy of a tensor, to be read as one."""

    def __init__(self, array: Any) -> None:
        self._array = array
        self.shape = array.shape
        self.dtype = array.dtype

    def _numpy_internal(self) -> Any:
        return self._array


def _usual(gradient: Any) -> Gradient | None:
    """The figures of a dense tensor of finite floats that are not all zero; None for any other.

    A step of training asks for hundreds: this is the way without detours.
    """
    array = gradient._numpy_internal()
    kind = array.dtype
    if kind.kind != "f" or kind.itemsize < 4:
        return None
    flat = array.ravel()
    square = float(np.vdot(flat, flat))
    if not 0.0 < square < _INFINITY:
        return None
    least, most = flat.min(), flat.max()
    made = Gradient(array.shape, kind.name, square**0.5, float(least), float(most))
    if flat.size <= SMALL:
        made.value = read_value(array)
    else:
        made.portrait = Portrait(points(flat))
    return made
