"""``tapemagic.trace()``: the same report for plain code, without a notebook."""

from __future__ import annotations

import linecache
import sys
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Any

from tapemagic.options import RunOptions
from tapemagic.report.model import Report
from tapemagic.session import Session


class trace:  # noqa: N801 - used like a function
    """Trace a block of plain code.

    For example::

        with tapemagic.trace(train_step) as t:
            train_step()
        print(t.report)

    Code that is already running can't be rewritten: its ops, tapes and queries are seen, the flow
    of its Python values is not, and a reason that rests on it is marked as uncertain. Functions
    that are given are rewritten for the time of the block.

    Args:
        *functions: Functions whose data flow shall be seen too.

    Attributes:
        report: The report, once the block has ended; None before.
    """

    def __init__(self, *functions: Callable[..., Any]) -> None:
        self._functions = functions
        self._session: Session | None = None
        self.report: Report | None = None

    def __enter__(self) -> trace:
        frame = sys._getframe(1)
        filename = frame.f_code.co_filename
        source = "".join(linecache.getlines(filename, frame.f_globals))
        session = Session(
            source, frame.f_globals, filename=filename, options=RunOptions(own_tape=False)
        )
        session.given = list(self._functions)
        try:
            session.start()
            self._session = session
            # An interrupt can come before the first step of __exit__.
            self._unended = weakref.finalize(self, session.close)
            return self
        except BaseException:  # no block begins, so none will end
            session.close()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        entries: TracebackType | None,
    ) -> None:
        session = self._session
        assert session is not None
        try:
            self.report = session.finish(error)
        finally:
            session.close()
        self._session = None
        self._unended.detach()
