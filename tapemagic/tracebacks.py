"""What a person sees of an exception: their frames and the libraries', none of ours."""

from __future__ import annotations

from itertools import zip_longest
from types import TracebackType

_OURS = __file__.rsplit("/", 1)[0]


def prune(error: BaseException) -> None:
    """Take our frames out of an exception's traceback, and out of those it came from.

    An exception that was raised and handled in our own code is no part of the person's story.
    """
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.__traceback__ = _pruned(one.__traceback__)
        context = one.__context__
        while context is not None and _is_ours(context):
            context = context.__context__
        if context is not one.__context__:
            one.__context__ = context
        todo += [one.__cause__, context]


def _is_ours(error: BaseException) -> bool:
    return error.__traceback__ is not None and _pruned(error.__traceback__) is None


def _pruned(entry: TracebackType | None) -> TracebackType | None:
    kept: list[TracebackType] = []
    while entry is not None:
        if not entry.tb_frame.f_code.co_filename.startswith(_OURS):
            kept.append(entry)
        entry = entry.tb_next
    for one, following in zip_longest(kept, kept[1:]):
        one.tb_next = following
    return kept[0] if kept else None
