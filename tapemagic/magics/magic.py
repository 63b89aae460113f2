"""The magics ``%%tape`` and ``%tape`` and their configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from traitlets import Bool, Enum

from tapemagic.magics.arguments import Request, read_request, tape_arguments
from tapemagic.magics.complete import Completion
from tapemagic.magics.line import run_command
from tapemagic.magics.names import check_names
from tapemagic.magics.native import NativeRoute
from tapemagic.magics.nested import run_body
from tapemagic.magics.show import describe, save_report, show_report, show_sentence
from tapemagic.options import DIAGRAM_LEVELS, DisplayOptions, RunOptions

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.core.magic_arguments import MagicArgumentParser

    from tapemagic.magics.run import TracedRun
    from tapemagic.report.model import Report


@magics_class
class TapeMagic(Magics):
    """Defaults for the options of %%tape."""

    level = Enum(DIAGRAM_LEVELS, "auto", help="What one box of the diagram stands for.").tag(
        config=True
    )
    graph = Bool(True, help="Show the diagram.").tag(config=True)
    table = Bool(True, help="Show the gradient table.").tag(config=True)
    quiet = Bool(False, help="Show reports only when something needs attention.").tag(config=True)
    try_fixes = Bool(False, help="Run each mended cell once, on copies.").tag(config=True)

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.last: Report | None = None
        self.before_last: Report | None = None
        self._native = NativeRoute(shell, self)
        self._completion = Completion(shell, self)

    def install(self) -> None:
        """Put the hooks and the completion in place."""
        self._native.install()
        self._completion.install()

    def uninstall(self) -> None:
        """Take them out again."""
        self._completion.uninstall()
        self._native.uninstall()

    @no_var_expand
    @cell_magic
    @tape_arguments
    def tape(self, line: str, cell: str) -> None:
        """Run the cell, and show what its gradients are and why one is None.

        The cell runs as if this line were not there. A cell without a GradientTape of its own
        that ends in an expression, or one with -t, -s or -w, gets a tape around it.
        """
        __tracebackhide__ = True
        run_body(self.shell, self, self.request(line, cell), cell)

    @no_var_expand
    @line_magic("tape")  # type: ignore[arg-type]  # IPython's own types know no names
    def command(self, line: str) -> None:
        """Work with the last report: %tape last shows it again."""
        run_command(self, line)

    @property
    def parser(self) -> MagicArgumentParser:
        """The parser of the ``%%tape`` line."""
        parser: MagicArgumentParser = self.magics["cell"]["tape"].parser
        return parser

    def request(self, line: str, body: str) -> Request:
        """Read and check a ``%%tape`` line.

        Raises:
            UsageError: An option is wrong, a name is nowhere, or there is nothing to run.
        """
        try:
            arguments = self.parser.parse_argstring(line)
            request = read_request(
                arguments,
                RunOptions(try_fixes=self.try_fixes),
                DisplayOptions(self.level, self.graph, self.table, self.quiet),
            )
            if not body.strip():
                raise UsageError("the cell is empty; write the code to trace below this line.")
            check_names(request.run, body, self.shell.user_ns)
        except UsageError as error:
            raise UsageError(f"%%tape: {error}{_hint(str(error))}") from None
        except ValueError as error:  # a quote that is not closed
            raise UsageError(f"%%tape: {error} in {line!r}.") from None
        return request

    def conclude(self, run: TracedRun, error: BaseException | None) -> None:
        """End a run: keep, name, show and save its report."""
        report = run.finish(error)
        if report is None:
            for sentence in run.remarks:
                show_sentence(sentence)
            return
        request = run.request
        report.options = request.display
        self.before_last, self.last = self.last, report
        if request.output is not None:
            self.shell.user_ns[request.output] = report
        try:
            if report.needs_attention or not request.display.quiet:
                show_report(report, run.progress)
            for file in request.save:
                save_report(report, file)
        except KeyboardInterrupt:
            show_sentence("The report was interrupted; %tape last shows it again.")
        except Exception as failure:
            show_sentence(f"tapemagic could not show its report ({describe(failure)}).")


def _hint(message: str) -> str:
    _, found, rest = message.partition("unrecognized arguments: ")
    if not found or rest.startswith("-"):
        return ""
    return '; an expression with blanks needs quotes, as in -t "a + b"'
