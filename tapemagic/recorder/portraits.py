"""What the pictures of gradients are drawn from: a few evenly spaced elements, copied at once.

Gradients live only as long as the person keeps them, so what a picture needs is copied when the
query ends. It is little: of a loop with very many queries, only the last ones keep theirs.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import Any

import numpy as np

from tapemagic.traces.model import Gradient, Portrait

POINTS = 128  # elements of a gradient that are copied
CELLS = 24  # rows and columns of a heat map
MOST = 2000  # gradients that keep their portraits
LARGE = 1 << 22  # elements of a Jacobian that is looked at whole


def points(flat: Any) -> bytes:
    """Evenly spaced elements of a flat array, as float32."""
    step = -(-flat.size // POINTS)
    return np.ascontiguousarray(flat[::step], dtype=np.float32).tobytes()


def axes(method: str, target: Any, sources: Any) -> list[tuple[bytes, bytes] | None]:
    """For each source that may be plotted against the target: points of both, else None.

    Only plain tensors of one dimension and one size: to read a variable would be an op of ours.
    """
    try:
        return _axes(target, sources) if method == "gradient" else []
    except Exception:
        return []  # a picture less


def _axes(target: Any, sources: Any) -> list[tuple[bytes, bytes] | None]:
    size = _length(target)
    if size < 4:
        return []
    listed = sources if isinstance(sources, (list, tuple)) else [sources]
    found: list[tuple[bytes, bytes] | None] = []
    for source in listed:
        fits = _length(source) == size
        pair = (_read(source), _read(target)) if fits else (None, None)
        kinds = [array is not None and array.dtype.kind == "f" for array in pair]
        found.append((points(pair[0]), points(pair[1])) if all(kinds) else None)
    return found


def _length(tensor: Any) -> int:
    dims = tensor._shape_tuple() if hasattr(tensor, "_numpy_internal") else None
    return int(dims[0]) if dims is not None and len(dims) == 1 else 0


def _read(tensor: Any) -> Any:
    try:
        return np.asarray(tensor._numpy_internal())
    except Exception:
        return None


class Portraits:
    """Adds the portraits of each query, and takes them from the oldest."""

    def __init__(self) -> None:
        self._drawn: deque[Gradient] = deque()

    def add(self, row: Any, gradients: list[Any]) -> None:
        """Complete the portraits of one query; ``row`` is its :class:`RawQuery`.

        Gradients whose figures wait (see :class:`tapemagic.recorder.values.Later`) have theirs then.
        """
        for position, (made, gradient) in enumerate(zip(row.gradients, gradients, strict=True)):
            if isinstance(made, Gradient):
                complete(row, position, made, gradient)
                if made.portrait is not None:
                    self._drawn.append(made)
        while len(self._drawn) > MOST:
            self._drawn.popleft().portrait = None


def complete(row: Any, position: int, made: Gradient, gradient: Any) -> None:
    """Add the heat map, or the curve, to the portrait of one gradient."""
    if made.sparse:
        return
    try:
        _complete(row, position, made, gradient)
    except Exception:
        made.portrait = None  # a picture less


def _complete(row: Any, position: int, made: Gradient, gradient: Any) -> None:
    if row.method in ("jacobian", "batch_jacobian"):
        made.portrait = heat(row, made, gradient)
    pair = row.axes[position] if position < len(row.axes) else None
    if pair is not None:
        made.portrait = made.portrait or Portrait()
        made.portrait.sample = points(_read(gradient))
        made.portrait.axis, made.portrait.curve = pair


def heat(row: Any, made: Gradient, gradient: Any) -> Portrait | None:
    """A Jacobian as a small matrix, with what its zeros tell."""
    array = _read(gradient) if hasattr(gradient, "_numpy_internal") else None
    target = row.targets[0].shape if len(row.targets) == 1 else None
    if array is None or target is None or array.dtype.kind != "f" or not 1 < array.size <= LARGE:
        return None
    if row.method == "batch_jacobian":  # of the first example
        array, target = array[0], target[1:]
    rows = int(np.prod(target, dtype=np.int64))
    matrix = array.reshape(rows, -1)
    portrait = Portrait(rows=rows, columns=matrix.shape[1])
    portrait.heat = tuple(tuple(map(float, line)) for line in _shrunk(matrix))
    if row.method == "jacobian" and made.shape is not None:
        portrait.structure = _structure(array, matrix, len(target))
    return portrait


def _shrunk(matrix: Any) -> Any:
    """Each cell the largest element of its block, by magnitude."""
    cuts = [np.linspace(0, n, min(n, CELLS) + 1).astype(int) for n in matrix.shape]
    found = np.zeros([len(cut) - 1 for cut in cuts])
    for i, (top, bottom) in enumerate(pairwise(cuts[0])):
        for j, (left, right) in enumerate(pairwise(cuts[1])):
            block = matrix[top:bottom, left:right].ravel()
            found[i, j] = block[np.argmax(np.abs(block))]
    return np.where(np.isfinite(found), found, 0.0)


def _structure(array: Any, matrix: Any, rank: int) -> str:
    rows, columns = matrix.shape
    if rows == columns > 1 and not np.count_nonzero(matrix - np.diag(np.diagonal(matrix))):
        return "diagonal"
    dims = array.shape
    if 0 < rank < len(dims) and dims[0] == dims[rank] > 1:
        blocks = matrix.reshape(dims[0], rows // dims[0], dims[0], columns // dims[0])
        outside = ~np.eye(dims[0], dtype=bool)[:, None, :, None]
        if not np.count_nonzero(blocks * outside):
            return "blocks"
    return ""
