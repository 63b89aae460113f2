"""``%tape``: small commands about the last report."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from tapemagic.magics.show import show_report

if TYPE_CHECKING:
    from tapemagic.magics.magic import TapeMagic


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
    if rest:
        raise UsageError(f"%tape last takes nothing more, and got {rest!r}.")
    if magic.last is None:
        raise UsageError("%tape last: no cell has been traced yet; write %%tape above one.")
    show_report(magic.last)


def _explain(magic: TapeMagic, rest: str) -> None:
    from tapemagic.magics.explain import explain

    del magic
    explain(rest)


COMMANDS: dict[str, Callable[[TapeMagic, str], None]] = {
    "last": _last,
    "explain": _explain,
}
