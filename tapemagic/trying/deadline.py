"""A try that takes too long ends at its next op."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Any


class TooLong(BaseException):
    """The time of a try is over. Not an Exception: the cell's own handlers let it pass."""


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise :class:`TooLong` from the first op that runs after so many seconds."""
    end = time.perf_counter() + seconds
    context = sys.modules.get("tensorflow.python.eager.context")

    def check(*args: Any, **kwargs: Any) -> None:
        del args, kwargs
        if time.perf_counter() > end:
            raise TooLong

    if context is None:
        yield
        return
    callbacks = context.context()
    callbacks.add_op_callback(check)
    try:
        yield
    finally:
        callbacks.remove_op_callback(check)
