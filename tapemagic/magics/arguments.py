"""The options of ``%%tape``: their declaration, and what a line of them asks for."""

from __future__ import annotations

from argparse import BooleanOptionalAction
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from IPython.core.error import UsageError
from IPython.core.magic_arguments import argument, magic_arguments

from tapemagic.magics.expressions import split_expressions, unquote
from tapemagic.options import DIAGRAM_LEVELS, DisplayOptions, RunOptions

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_T = TypeVar("_T")

_ARGUMENTS = (
    argument(
        "-t",
        "--target",
        metavar="EXPR",
        help="Expression to differentiate, for a cell without a tape of its own. "
        "Default: the last expression.",
    ),
    argument(
        "-s",
        "--sources",
        metavar="EXPR",
        action="append",
        help="What to differentiate by: names or expressions, separated by commas or given in "
        "several -s. Default: the trainable variables that were read, and what was watched.",
    ),
    argument(
        "-w",
        "--watch",
        metavar="EXPR",
        action="append",
        help="Tensors for the tape to watch: names or expressions, as in -s.",
    ),
    argument(
        "--level",
        choices=DIAGRAM_LEVELS,
        help="What one box of the diagram stands for.",
    ),
    argument(
        "--graph",
        action=BooleanOptionalAction,
        help="Show the diagram.",
    ),
    argument(
        "--table",
        action=BooleanOptionalAction,
        help="Show the gradient table.",
    ),
    argument(
        "-q",
        "--quiet",
        action=BooleanOptionalAction,
        help="Show the report only when something needs attention.",
    ),
    argument(
        "--try-fixes",
        action=BooleanOptionalAction,
        help="Run each mended cell once, on copies, and say what gradient it gave. What it does "
        "outside of this Python session, to files or over the network, is not put back.",
    ),
    argument(
        "--save",
        metavar="FILE",
        action="append",
        help="Save the report too; the suffix chooses the form, such as .html, .svg or .json. "
        "Can be given several times.",
    ),
    argument(
        "-o",
        "--output",
        metavar="NAME",
        help="Keep the report in a variable of this name.",
    ),
)


@dataclass(frozen=True, slots=True)
class Request:
    """What one ``%%tape`` line asks for.

    Attributes:
        run: How the cell is run.
        display: How its report is shown.
        save: Files to save the report to.
        output: Name to keep the report in.
    """

    run: RunOptions
    display: DisplayOptions
    save: tuple[str, ...] = ()
    output: str | None = None


def tape_arguments(function: Callable[..., Any]) -> Callable[..., Any]:
    """Declare the options on a magic function, which then has a ``parser`` and full help."""
    for declare in reversed(_ARGUMENTS):
        function = declare(function)
    declared: Callable[..., Any] = magic_arguments("%tape")(function)  # help then reads %%tape
    return declared


def option_strings(parser: ArgumentParser) -> dict[str, bool]:
    """Give each option as it is typed, and whether a value follows it."""
    return {text: action.nargs != 0 for action in parser._actions for text in action.option_strings}


def read_request(arguments: Namespace, defaults: RunOptions, display: DisplayOptions) -> Request:
    """Turn parsed arguments into a request; what was not given comes from the defaults.

    Raises:
        UsageError: An option has a value that it cannot have.
    """
    target = _single("--target", arguments.target)
    sources = _several("--sources", arguments.sources)
    watch = _several("--watch", arguments.watch)
    own_tape = True if target or sources or watch else None
    output = arguments.output
    if output is not None and not output.isidentifier():
        raise UsageError(f"-o takes a name for the report, and {output!r} is none.")
    return Request(
        run=RunOptions(
            target=target,
            sources=sources,
            watch=watch,
            own_tape=own_tape,
            try_fixes=_given(arguments.try_fixes, defaults.try_fixes),
        ),
        display=DisplayOptions(
            level=_given(arguments.level, display.level),
            graph=_given(arguments.graph, display.graph),
            table=_given(arguments.table, display.table),
            quiet=_given(arguments.quiet, display.quiet),
        ),
        save=tuple(map(unquote, arguments.save or ())),
        output=output,
    )


def _given(value: _T | None, default: _T) -> _T:
    return default if value is None else value


def _single(option: str, text: str | None) -> str | None:
    expressions = _several(option, None if text is None else [text])
    if len(expressions) > 1:
        # A list of targets is one expression, and has the meaning that a tape gives to it.
        return f"[{', '.join(expressions)}]"
    return expressions[0] if expressions else None


def _several(option: str, texts: list[str] | None) -> tuple[str, ...]:
    found: list[str] = []
    for text in texts or []:
        try:
            found.extend(split_expressions(text))
        except (SyntaxError, ValueError):
            raise UsageError(
                f"{option} takes Python names or expressions, and {text!r} is none; one that "
                f'has blanks needs quotes, as in {option} "a + b".'
            ) from None
    return tuple(found)
