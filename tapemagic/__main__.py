"""``python -m tapemagic``: a demonstration, and the causes explained."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tapemagic import __version__

FAILED, WRONG = 1, 2
"""Exit codes: it could not be done; it was asked for wrongly."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: The words behind ``python -m tapemagic``; those of the process if None.

    Returns:
        The exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal without these letters shows question marks rather than a traceback.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    options = _parser().parse_args(arguments)
    try:
        code = _run(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # such as `python -m tapemagic causes | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return _fail("Interrupted.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m tapemagic",
        description="See why a TensorFlow gradient is None.",
        epilog="In a notebook: %load_ext tapemagic, then %%tape on the first line of a cell.",
    )
    parser.add_argument("--version", action="version", version=f"tapemagic {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    demo = commands.add_parser(
        "demo", help="run a small cell with a broken gradient, and explain it"
    )
    demo.add_argument(
        "--page",
        metavar="FILE",
        type=Path,
        help="where to write the HTML page (default: tapemagic-demo.html in this folder)",
    )
    explain = commands.add_parser("explain", help="tell what a cause means, and how it is mended")
    explain.add_argument(
        "slug", metavar="CAUSE", nargs="?", help="such as left-tensorflow (default: list all)"
    )
    commands.add_parser("causes", help="list all causes")
    return parser


def _run(options: argparse.Namespace) -> int:
    if options.command == "demo":
        return _demo(options.page)
    from tapemagic.diagnosis import guide

    if options.command == "causes" or options.slug is None:
        print(guide.listing(_width()), end="")
        print("\nMore about one of them: python -m tapemagic explain CAUSE")
        return 0
    try:
        print(guide.plain(guide.find(options.slug), _width()), end="")
    except guide.UnknownCause as error:
        return _fail(str(error), WRONG)
    return 0


def _demo(page: Path | None) -> int:
    from tapemagic import demo
    from tapemagic.views.errors import ReportError
    from tapemagic.views.text.report import text

    print("This cell asks for a gradient:\n")
    print(demo.numbered())
    print("\nIt prints:\n", flush=True)
    try:
        report = demo.run()
    except demo.NoTensorFlow as error:
        return _fail(str(error))
    if report.error is not None:
        return _fail(f"The cell raised {report.error.type}: {report.error.message}")
    print("\nand %%tape says why:\n")
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    print(text(report, colour=colour, width=_width()))
    try:
        written = demo.save(report, page or Path(demo.PAGE))
    except ReportError as error:
        return _fail(str(error))
    print(f"The same as a page, with the diagram drawn: {written}")
    return 0


def _width() -> int:
    return min(max(shutil.get_terminal_size((80, 24)).columns, 60), 100)


def _fail(message: str, code: int = FAILED) -> int:
    print(message, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
