"""One run of one changed cell."""

from __future__ import annotations

import ast
import linecache
from dataclasses import dataclass, replace
from typing import Any

from tapemagic.options import RunOptions
from tapemagic.report.model import Report
from tapemagic.trying.deadline import TooLong, deadline
from tapemagic.trying.moment import Moment
from tapemagic.trying.quiet import quiet

_FILE = "<tapemagic try>"


@dataclass(slots=True)
class Attempt:
    """What a changed cell gave.

    Attributes:
        report: The report of its run; None when it could not be run.
        error: The exception that ended it, or None.
        late: It was ended for taking too long.
    """

    report: Report | None = None
    error: BaseException | None = None
    late: bool = False


def attempt(source: str, before: Moment, options: RunOptions, seconds: float) -> Attempt:
    """Run a changed cell on the names of a moment. The caller puts back what is to stay.

    Args:
        source: The changed cell.
        before: The session as it was before the cell.
        options: How the cell was run.
        seconds: After so long it is ended.
    """
    tree = compile(source, _FILE, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    made = Attempt()
    before.restore()
    before.apart()
    rows = source.splitlines(keepends=True)
    linecache.cache[_FILE] = (len(source), None, rows, _FILE)
    try:
        with quiet():
            _run(made, source, tree, before.namespace, replace(options, try_fixes=False), seconds)
    finally:
        linecache.cache.pop(_FILE, None)
    return made


def _run(
    made: Attempt, source: str, tree: ast.Module, namespace: dict[str, Any], options: RunOptions,
    seconds: float,
) -> None:  # fmt: skip
    from tapemagic.session import Session

    session = Session(source, namespace, filename=_FILE, options=options)
    code = session.embed(compile(session.rewrite(tree), _FILE, "exec", dont_inherit=True))
    session.start()
    try:
        # Armed after the session: of several op callbacks only the first is told the outputs.
        with deadline(seconds):
            exec(code, namespace)
    except TooLong:
        made.late = True
        session.finish(None)
        return
    except (Exception, SystemExit) as raised:
        made.error = raised
    except BaseException:
        session.finish(None)
        raise
    made.report = session.finish(made.error)
