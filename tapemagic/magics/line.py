"""``%tape``: small commands about the last report."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from tapemagic.magics.show import show_report, show_sentence

if TYPE_CHECKING:
    from tapemagic.magics.magic import TapeMagic
    from tapemagic.report.model import Report


def run_command(magic: TapeMagic, line: str) -> None:
    """Run one ``%tape`` line.

    Raises:
        UsageError: The command does not exist, or cannot do what it is asked.
    """
    name, _, rest = line.strip().partition(" ")
    if name not in COMMANDS:
        said = f"there is no command {name!r}" if name else "a command is missing"
        raise UsageError(
            f"%tape: {said}; choose from: {', '.join(COMMANDS)}. "
            "To trace a cell, write %%tape on its first line."
        )
    COMMANDS[name](magic, rest.strip())


def _last(magic: TapeMagic, rest: str) -> None:
    show_report(_report(magic, "last", rest))


def _report(magic: TapeMagic, name: str, rest: str) -> Report:
    if rest:
        raise UsageError(f"%tape {name} takes nothing more, and got {rest!r}.")
    if magic.last is None:
        raise UsageError(f"%tape {name}: no cell has been traced yet; write %%tape above one.")
    return magic.last


def _try(magic: TapeMagic, rest: str) -> None:
    """Run the mended cells of the last report on copies of the names as they are now."""
    from tapemagic.trying.tries import retry

    report = _report(magic, "try", rest)
    if retry(report, magic.shell.user_ns) == 0:
        show_sentence("The last report has no mended cell that could be tried.")
        return
    show_report(report)


def _diff(magic: TapeMagic, rest: str) -> None:
    """What changed between the last two reports: before and after a repair."""
    report = _report(magic, "diff", rest)
    if magic.before_last is None:
        raise UsageError("%tape diff compares two reports, and only one cell has been traced yet.")
    show_report(magic.before_last.diff(report))


def _explain(magic: TapeMagic, rest: str) -> None:
    from tapemagic.magics.explain import explain

    del magic
    explain(rest)


COMMANDS: dict[str, Callable[[TapeMagic, str], None]] = {
    "last": _last,
    "explain": _explain,
    "try": _try,
    "diff": _diff,
}
