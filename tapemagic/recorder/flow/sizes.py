"""Sizes that are asked of a tensor outside TensorFlow.

``t.shape`` and ``len(t)`` run no op. For most tensors they tell nothing of the values in them; of a
tensor that was picked out of another one they count.
"""

from __future__ import annotations

from tapemagic.recorder.log import Log
from tapemagic.traces.sizes import COUNTING


class Sizes:
    """Finds the tensors that were made from a counted one; the rows are read when one asks."""

    def __init__(self) -> None:
        self._read = 0
        self._counted: set[int] = set()

    def depends(self, tensor: int, log: Log) -> bool:
        """Whether the size of a tensor may depend on values, as far as its ops tell."""
        counted, rows = self._counted, log.ops
        for index in range(self._read, len(rows)):
            op_type, ins, outs = rows[index][:3]
            if op_type in COUNTING or (counted and not counted.isdisjoint(ins)):
                counted.update(outs)
        self._read = len(rows)
        return tensor in counted
