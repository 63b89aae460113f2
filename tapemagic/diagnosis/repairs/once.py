"""One repair for all the sources of a question whose ways are cut by the same step."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.repairs.watching import needs_watch

_P = ParamSpec("_P")


def once_per_cut(
    repair: Callable[Concatenate[Case, _P], str | None],
) -> Callable[Concatenate[Case, _P], str | None]:
    """Remember a repair's answer: two hundred weights of a model are mended by one change."""

    @functools.wraps(repair)
    def remembered(case: Case, /, *args: _P.args, **kwargs: _P.kwargs) -> str | None:
        known: dict[Any, str | None] = vars(case.view).setdefault("_repairs", {})
        if case.cut is None or needs_watch(case):
            return repair(case, *args, **kwargs)
        key = (repair.__name__, case.cut)
        if key not in known:
            known[key] = repair(case, *args, **kwargs)
        return known[key]

    return remembered
