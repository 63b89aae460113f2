"""A cell that starts with ``%%tape``, run by IPython itself.

Only IPython's own way of running a cell gives everything that a cell has: top-level ``await``,
``Out[n]``, an error reply, the plain traceback. So the ``%%tape`` line becomes a comment before
IPython parses the cell, and for this one run three hooks wait for it: an AST transformer, the
compiled code, and the end of the cell.
"""

from __future__ import annotations

import ast
import inspect
import threading
from collections.abc import Callable
from types import CodeType
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from tapemagic.magics.header import body_of, comment_out, find_header, starts_with_cell_magic
from tapemagic.magics.run import UNTRACED, TracedRun
from tapemagic.magics.show import show_sentence

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell

    from tapemagic.magics.arguments import Request
    from tapemagic.magics.magic import TapeMagic

UNNAMED = "<cell>"


class NativeRoute:
    """Listens to a shell for cells that start with ``%%tape``."""

    def __init__(self, shell: InteractiveShell, magic: TapeMagic) -> None:
        self._shell = shell
        self._magic = magic
        self._transformer = _HeaderTransformer(self)
        self._current: _Cell | None = None
        self._leaving = False

    def install(self) -> None:
        """Put the input transformer and the event listeners in place."""
        # First, so that the line is still as the person wrote it.
        self._shell.input_transformers_cleanup.insert(0, self._transformer)
        self._shell.events.register("pre_run_cell", self._before)
        # Twice: IPython calls each one, whatever became of the other. What an interrupt kept the first
        # from is done by the second.
        self._shell.events.register("post_run_cell", self._after)
        self._shell.events.register("post_run_cell", self._after_all)

    def uninstall(self) -> None:
        """Take them out again; a cell that is running meanwhile ends as it began."""
        if self._transformer in self._shell.input_transformers_cleanup:
            self._shell.input_transformers_cleanup.remove(self._transformer)
        self._shell.events.unregister("pre_run_cell", self._before)
        if self._current is None:
            self._leave()
        self._leaving = True

    def _leave(self) -> None:
        for listener in (self._after, self._after_all):
            if listener in self._shell.events.callbacks["post_run_cell"]:
                self._shell.events.unregister("post_run_cell", listener)

    def request_for(self, lines: list[str]) -> Request | None:
        """Read the ``%%tape`` line of a cell that IPython is about to run.

        Returns:
            None for all that the registered cell magic takes care of: a wrong option (its
            UsageError is what the person shall see), another cell magic below, a call from a
            cell that is running.
        """
        header = find_header(lines)
        if header is None or _running_a_cell(self._shell):
            return None
        body = body_of(lines, header)
        if starts_with_cell_magic(body) or not "".join(body).strip():
            return None
        try:
            return self._magic.request(header.line, "".join(body))
        except UsageError:
            return None

    def _before(self, info: ExecutionInfo) -> None:
        lines = (info.raw_cell or "").splitlines(keepends=True)
        request = self.request_for(lines)
        if request is None:
            return
        if self._current is not None and self._current.thread != threading.get_ident():
            # The cell of another subshell keeps its hooks.
            show_sentence(UNTRACED)
            return
        self._abandon()
        run = TracedRun(
            _transformed(self._shell, info, lines),
            self._shell.user_ns,
            filename=UNNAMED,
            request=request,
        )
        cell = self._current = _Cell(self._shell, info, run)
        try:
            cell.hook()
        except BaseException:  # IPython goes on with the cell, which then runs without us
            cell.unhook()
            self._current = None
            raise

    def _after(self, result: ExecutionResult | None) -> None:
        """End the cell's run; each step can be taken again after an interrupt."""
        cell = self._current
        if cell is None or not cell.ended():
            return
        cell.unhook()
        # A syntax error leaves the cell unvisited: then Python's own message says it all.
        if cell.visited:
            self._magic.conclude(cell.run, _error_of(result))
        if self._leaving:
            self._leave()
        self._current = None

    def _after_all(self, result: ExecutionResult | None) -> None:
        self._after(result)

    def _abandon(self) -> None:
        cell, self._current = self._current, None
        if cell is not None:
            cell.unhook()
            cell.run.finish(None)


class _HeaderTransformer:
    """IPython input transformer that makes a comment of the ``%%tape`` line."""

    # Keeps it out of IPython's test whether typed text is a complete cell, which knows that a
    # cell magic in a terminal ends with a blank line.
    has_side_effects = True

    def __init__(self, route: NativeRoute) -> None:
        self._route = route

    def __call__(self, lines: list[str]) -> list[str]:
        header = find_header(lines)
        if header is None or self._route.request_for(lines) is None:
            return lines
        return comment_out(lines, header)


class _Cell(ast.NodeTransformer):
    """The hooks around one run of one cell."""

    def __init__(self, shell: InteractiveShell, info: ExecutionInfo, run: TracedRun) -> None:
        self.run = run
        self.thread = threading.get_ident()
        self.visited = False
        self._shell = shell
        self._info = info
        self._run_code: Callable[..., Any] | None = None
        self._replaced: Callable[..., Any] | None = None

    def hook(self) -> None:
        """Wait for the cell's tree and its code objects."""
        self._shell.ast_transformers.append(self)
        self._replaced = vars(self._shell).get("run_code")
        self._run_code = self._wrap(self._shell.run_code)
        vars(self._shell)["run_code"] = self._run_code
        vars(self._shell.compile)["cache"] = self._name

    def unhook(self) -> None:
        """Leave the shell as it was."""
        self._unname()
        if self in self._shell.ast_transformers:
            self._shell.ast_transformers.remove(self)
        # Somebody may have wrapped our wrapper meanwhile; it then only passes calls on.
        if self._run_code is not None and vars(self._shell).get("run_code") is self._run_code:
            if self._replaced is not None:
                vars(self._shell)["run_code"] = self._replaced
            else:
                del vars(self._shell)["run_code"]

    def visit(self, node: ast.AST) -> ast.AST:
        """Prepare the tree of this cell; any later one is not ours (``%time`` has its own)."""
        if self.visited or threading.get_ident() != self.thread or not isinstance(node, ast.Module):
            return node
        self.visited = True
        return self.run.prepare(node, compile_flags(self._shell))

    def _name(self, *args: Any, **kwargs: Any) -> str:
        # Once, and at once: the session needs the name that IPython gives to the code.
        self._unname()
        name: str = self._shell.compile.cache(*args, **kwargs)
        self.run.filename = name
        return name

    def _unname(self) -> None:
        if vars(self._shell.compile).get("cache") == self._name:
            del vars(self._shell.compile)["cache"]

    def ended(self) -> bool:
        """Tell whether a cell that ends is this one, and not one that it ran itself."""
        return self.thread == threading.get_ident() and not _running_a_cell(self._shell)

    def _wrap(self, run_code: Callable[..., Any]) -> Callable[..., Any]:
        def run_embedded(
            code: CodeType, result: ExecutionResult | None = None, *, async_: bool = False
        ) -> Any:
            if result is not None and result.info is self._info:
                code = self.run.embed(code)
            # Not awaited here: a frame of ours would show up in the cell's traceback.
            return run_code(code, result, async_=async_)

        return run_embedded


def compile_flags(shell: InteractiveShell) -> int:
    """Give the flags that a shell compiles its cells with."""
    flags: int = shell.compile.flags
    return flags | (ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if shell.autoawait else 0)


def _running_a_cell(shell: InteractiveShell) -> bool:
    # The stack tells it without any state that could get out of step, and for this thread only.
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_name == "run_code" and frame.f_locals.get("self") is shell:
            return True
        frame = frame.f_back
    return False


def _transformed(shell: InteractiveShell, info: ExecutionInfo, lines: list[str]) -> str:
    transformed: str | None = getattr(info, "transformed_cell", None)
    if transformed is not None:
        return transformed
    # An IPython before 9.16 does not say what it made of the cell.
    header = find_header(lines)
    if header is not None:
        lines = comment_out(lines, header)
    lines = "".join(lines).rstrip("\n").splitlines(keepends=True)
    lines[-1] += "\n"
    return "".join(shell.input_transformer_manager.do_token_transforms(lines))


def _error_of(result: ExecutionResult | None) -> BaseException | None:
    if result is None:
        return KeyboardInterrupt()
    return result.error_in_exec or result.error_before_exec
