"""Tracing without a notebook: ``run_cell`` and ``trace``."""

from __future__ import annotations

import ast
import itertools
import linecache
from collections.abc import Sequence
from types import CodeType
from typing import Any

from tapemagic.options import RunOptions
from tapemagic.report.model import Report
from tapemagic.session import Session

_numbers = itertools.count(1)


def run_cell(
    source: str,
    namespace: dict[str, Any] | None = None,
    *,
    target: str | None = None,
    sources: Sequence[str] = (),
    watch: Sequence[str] = (),
    try_fixes: bool = False,
) -> Report:
    """Run a string as ``%%tape`` runs a cell.

    Args:
        source: The cell's text.
        namespace: The dict that it runs in; a new one if None.
        target: Expression to differentiate, for a cell without a tape of its own.
        sources: Expressions to differentiate with respect to.
        watch: Expressions to watch on the tape that is opened around the cell.
        try_fixes: Run each mended cell once, on the names as they were before, and put everything
            back; see ``tapemagic.trying.CANNOT_BE_PUT_BACK`` for what can't be.

    Returns:
        The report. The cell's own exception is in it and is not raised.

    Raises:
        SyntaxError: If the cell is not Python.
        KeyboardInterrupt: If it was interrupted.
    """
    namespace = {"__name__": "__main__"} if namespace is None else namespace
    filename = f"<tapemagic cell {next(_numbers)}>"
    tree = compile(source, filename, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    linecache.cache[filename] = (
        len(source), None, source.splitlines(keepends=True), filename,
    )  # fmt: skip
    asked = target is not None or bool(sources) or bool(watch)
    options = RunOptions(target, tuple(sources), tuple(watch), True if asked else None, try_fixes)
    session = Session(source, namespace, filename=filename, options=options)
    code = session.embed(compile(session.rewrite(tree), filename, "exec", dont_inherit=True))
    try:
        session.start()
        return session.finish(_executed(code, namespace))
    except BaseException as raised:
        if Session.active is session:
            session.finish(raised)
        raise


def _executed(code: CodeType, namespace: dict[str, Any]) -> Exception | None:
    try:
        exec(code, namespace)
    except Exception as raised:
        return raised
    return None
