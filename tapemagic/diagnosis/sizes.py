"""Sizes that were asked of a tensor: they are read off it, without an op."""

from __future__ import annotations

import re

from tapemagic.diagnosis.case import Case
from tapemagic.traces.model import Mark

_ASKED = re.compile(r"(?:^|\.)(?:shape|size|rank|len|get_shape|shape_n)\(")


def size_at_cut(case: Case) -> Mark | None:
    """The size that the cut step took of a tensor, or None."""
    cut = case.cut
    if cut is None or cut.kind != "leave" or cut.mark is None:
        return None
    mark = case.view.trace.marks[cut.mark]
    if mark.type == "TensorShape" or (_ASKED.search(mark.what) and _is_bare(mark)):
        return mark
    return None


def _is_bare(mark: Mark) -> bool:
    """Whether a call was made from one tensor, and gave an integer or a tensor of its own."""
    return len(mark.tensors) == 1 and (mark.type == "int" or mark.type.endswith("Tensor"))
