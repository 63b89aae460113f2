"""Sizes that depend on values: how many elements ``tf.where`` or ``tf.unique`` found."""

from __future__ import annotations

from collections.abc import Iterable

from tapemagic.traces.model import Op

COUNTING = frozenset(
    {
        "Where", "Unique", "UniqueV2", "UniqueWithCounts", "UniqueWithCountsV2", "ListDiff",
        "DynamicPartition", "NonMaxSuppressionV3", "NonMaxSuppressionV4", "NonMaxSuppressionV5",
        "Range", "StringSplit", "StringSplitV2",
    }
)  # fmt: skip
"""Ops whose output has as many elements as the values of the input say."""
SIZES = frozenset({"Shape", "ShapeN", "Size"})


def counted(ops: Iterable[Op]) -> set[int]:
    """The tensors whose size may depend on values: those of counting ops, and what was made of them."""
    found: set[int] = set()
    for op in ops:
        if op.type in COUNTING or (found and not found.isdisjoint(op.inputs)):
            found.update(op.outputs)
    return found
