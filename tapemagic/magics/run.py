"""One cell under a session, such that no failure of ours reaches the cell."""

from __future__ import annotations

import ast
import warnings
from types import CodeType
from typing import TYPE_CHECKING, Any

from tapemagic.magics.progress import Progress
from tapemagic.magics.show import describe

if TYPE_CHECKING:
    from tapemagic.magics.arguments import Request
    from tapemagic.report.model import Report
    from tapemagic.session import Session

UNTRACED = "This cell was not traced, because another trace is still running."


class TracedRun:
    """Prepares a cell's tree, its code objects, and in the end its report.

    Attributes:
        request: What the ``%%tape`` line asks for.
        filename: ``co_filename`` of the code, known at the latest when the tree is prepared.
        remarks: Sentences about what we could not do.
    """

    def __init__(
        self, source: str, namespace: dict[str, Any], *, filename: str, request: Request
    ) -> None:
        self.request = request
        self.remarks: list[str] = []
        self._source = source
        self._namespace = namespace
        self.filename = filename
        self._session: Session | None = None
        self._rewritten = False
        self._finished = False
        self.progress = Progress(wanted=not request.display.quiet)

    def prepare(self, tree: ast.Module, flags: int) -> ast.Module:
        """Start the session, and give the tree to run: the plain one where we fail.

        The session makes a new tree and leaves the given one as it was.

        Args:
            tree: The cell as IPython parsed it.
            flags: Compiler flags that the cell will be compiled with.
        """
        if _compile(tree, self.filename, flags) is None:
            # Such as a `return` at top level: what the person needs to see is that error alone.
            return tree
        try:
            session = self._open()
            traced = self._rewrite(session, tree, flags)
            self._start(session)
        except Exception as error:
            self._failed("trace this cell", error)
            return tree
        if self._session is None or traced is None:
            return tree
        self._rewritten = True
        return traced

    def embed(self, code: CodeType) -> CodeType:
        """Make a code object compiled from the prepared tree ready to run."""
        if self._session is None:
            return code
        if self._session.filename != code.co_filename:
            self._session.filename = code.co_filename
        return self._session.embed(code) if self._rewritten else code

    def finish(self, error: BaseException | None) -> Report | None:
        """Stop the session and give its report, or None when there is none to give."""
        if self._session is None or self._finished:
            return None
        try:
            self._finished = True  # once: an end may be told twice when a kernel cancels a cell
            self.progress = Progress(wanted=not self.request.display.quiet)
            self._session.told = self.progress
            report = self._session.finish(error)
            report.notes.extend(self.remarks)
        except KeyboardInterrupt:
            self.remarks.append("The report was interrupted; run the cell again to see it.")
            return None
        except Exception as failure:
            self._failed("report on this cell", failure)
            return None
        finally:
            self.close()
        self.remarks.clear()
        return report

    def close(self) -> None:
        """Leave nothing listening, also where an interrupt came before the end."""
        if self._session is not None:
            self._session.close()

    def _open(self) -> Session:
        from tapemagic.session import Session

        return Session(
            self._source, self._namespace, filename=self.filename, options=self.request.run
        )

    def _rewrite(self, session: Session, tree: ast.Module, flags: int) -> ast.Module | None:
        try:
            traced = session.rewrite(tree)
            # A trial: a tree that cannot be compiled or embedded must be found out while the
            # plain one can still take its place.
            trial = _compile(traced, self.filename, flags)
            if trial is None:
                raise RuntimeError("the rewritten cell cannot be compiled")
            session.embed(trial)
        except Exception as error:
            self._failed("follow this cell's own values", error)
            return None
        return traced

    def _start(self, session: Session) -> None:
        from tapemagic.session import SessionActive

        self._session = session  # first: an interrupt may come as soon as it has started
        try:
            session.start()
        except SessionActive:
            self._session = None
            self.remarks.append(UNTRACED)
        except BaseException:
            self._session = None
            session.finish(None)
            raise

    def _failed(self, what: str, error: Exception) -> None:
        self.remarks.append(
            f"tapemagic could not {what} ({describe(error)}); the cell itself ran as usual."
        )


def _compile(tree: ast.Module, filename: str, flags: int) -> CodeType | None:
    """Compile a tree to see whether that works; its warnings come when it is compiled to run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code: CodeType = compile(tree, filename, "exec", flags, dont_inherit=True)
    except (SyntaxError, ValueError, TypeError, OverflowError, MemoryError, RecursionError):
        return None
    return code
