"""A ``%%tape`` that IPython calls as a cell magic: below ``%%time``, or from ``run_cell_magic``.

A cell is running already, so IPython cannot run this one itself: its statements are compiled and
run here, one after the other, as IPython would.
"""

from __future__ import annotations

import ast
from io import StringIO
from itertools import takewhile
from tokenize import COMMENT, ENDMARKER, NEWLINE, NL, TokenError, generate_tokens
from typing import TYPE_CHECKING

from tapemagic.magics.header import starts_with_cell_magic
from tapemagic.magics.native import compile_flags
from tapemagic.magics.run import TracedRun

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from tapemagic.magics.arguments import Request
    from tapemagic.magics.magic import TapeMagic


_EMPTY = {COMMENT, ENDMARKER, NEWLINE, NL}


def run_body(shell: InteractiveShell, magic: TapeMagic, request: Request, body: str) -> None:
    """Run the body of a cell and show its report.

    Raises:
        BaseException: Whatever the body raises, SyntaxError included.
    """
    __tracebackhide__ = True  # IPython then leaves this frame out of the person's traceback
    source = _lines_above(shell, body) + shell.transform_cell(body)
    filename = shell.compile.cache(source, shell.execution_count - 1, raw_code=source)
    tree = shell.transform_ast(shell.compile.ast_parse(source, filename=filename))
    run = TracedRun(source, shell.user_ns, filename=filename, request=request)
    if starts_with_cell_magic(body.splitlines()):
        inner = body.split(maxsplit=1)[0]
        run.remarks.append(
            f"{inner} runs its lines out of sight of %%tape; put %%tape below {inner} instead."
        )
    error: BaseException | None = None
    try:
        tree = run.prepare(tree, compile_flags(shell))
        for node, mode in _statements(shell, tree, body):
            code = shell.compile(node, filename, mode)  # type: ignore[arg-type]  # trees work too
            exec(run.embed(code), shell.user_global_ns, shell.user_ns)
    except BaseException as raised:
        error = raised
        raise
    finally:
        try:
            magic.conclude(run, error)
        finally:
            run.close()


def _lines_above(shell: InteractiveShell, body: str) -> str:
    """Give what stands above the first line of code, so that lines keep the editor's numbers."""
    # IPython takes off blank lines at the top when it transforms the body.
    blank = sum(1 for _ in takewhile(lambda line: not line.strip(), body.splitlines()))
    history = shell.history_manager.input_hist_raw if shell.history_manager else [""]
    cell, code = history[-1].rstrip(), body.rstrip()
    above = cell.removesuffix(code).splitlines() if code and cell.endswith(code) else []
    if not all(line.lstrip().startswith("%%") or not line.strip() for line in above):
        above = []  # the text stands in a call of run_cell_magic
    return "".join(f"# {line}".rstrip() + "\n" for line in above) + "\n" * blank


def _statements(shell: InteractiveShell, tree: ast.Module, body: str) -> list[tuple[ast.mod, str]]:
    shown = shell.ast_node_interactivity != "none" and not _silenced(body)
    statements: list[tuple[ast.mod, str]] = [
        (ast.Module([node], type_ignores=[]), "exec") for node in tree.body
    ]
    if tree.body and shown and isinstance(tree.body[-1], ast.Expr):
        # Compiled this way, Python itself hands the value to sys.displayhook.
        statements[-1] = (ast.Interactive([tree.body[-1]]), "single")
    return statements


def _silenced(body: str) -> bool:
    """Tell whether the code ends with a semicolon, which asks for its value not to be shown."""
    try:
        tokens = list(generate_tokens(StringIO(body).readline))
    except (TokenError, SyntaxError):
        return False
    last = next((token for token in reversed(tokens) if token.type not in _EMPTY), None)
    return last is not None and last.string == ";"
