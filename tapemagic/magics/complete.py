"""Tab completion of the options of ``%%tape`` and of the commands of ``%tape``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from tapemagic.magics.arguments import option_strings
from tapemagic.magics.expressions import bound_names
from tapemagic.magics.header import body_of, find_header
from tapemagic.magics.line import COMMANDS
from tapemagic.magics.names import known_names
from tapemagic.options import DIAGRAM_LEVELS

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext
    from IPython.core.interactiveshell import InteractiveShell

    from tapemagic.magics.magic import TapeMagic

_LINE_MAGIC = re.compile(r"\s*%tape[ \t]+(?P<word>\w*)")
_NAMED = {"-t", "--target", "-s", "--sources", "-w", "--watch"}


class Completion:
    """Adds a matcher to a shell's completer that answers alone on our own lines."""

    def __init__(self, shell: InteractiveShell, magic: TapeMagic) -> None:
        self._shell = shell
        self._magic = magic
        self._matcher: Callable[..., Any] | None = None

    def install(self) -> None:
        """Add the matcher; an IPython before 8.6 has no such matchers, and no completion."""
        try:
            from IPython.core.completer import context_matcher
        except ImportError:
            return

        @context_matcher(identifier="tapemagic")  # type: ignore[untyped-decorator]
        def match(context: CompletionContext) -> dict[str, Any]:
            return self._match(context)

        self._matcher = match
        self._shell.Completer.custom_matchers.append(match)

    def uninstall(self) -> None:
        """Remove the matcher."""
        if self._matcher in self._shell.Completer.custom_matchers:
            self._shell.Completer.custom_matchers.remove(self._matcher)

    def _match(self, context: CompletionContext) -> dict[str, Any]:
        from IPython.core.completer import SimpleCompletion

        fragment, found = self._candidates(context)
        return {
            "completions": [SimpleCompletion(text, type=kind) for text, kind in found],
            "matched_fragment": fragment,
            "suppress": bool(found),
            "ordered": True,
        }

    def _candidates(self, context: CompletionContext) -> tuple[str, list[tuple[str, str]]]:
        command = _LINE_MAGIC.fullmatch(context.text_until_cursor)
        if command is not None:
            return command["word"], _typed(command["word"], COMMANDS, "magic")
        lines = context.full_text.splitlines(keepends=True)
        header = find_header(lines)
        if header is None or header.row != context.cursor_line:
            return "", []
        before = context.text_until_cursor.partition("%%tape")[2]
        if not before[:1].isspace():
            return "", []
        *given, word = re.split(r"\s+", before)
        return self._option(given, word, "".join(body_of(lines, header)))

    def _option(self, given: list[str], word: str, body: str) -> tuple[str, list[tuple[str, str]]]:
        last = given[-1] if given else ""
        if last == "--level":
            return word, _typed(word, DIAGRAM_LEVELS, "param")
        if last in _NAMED:
            name = re.split(r"[^\w]", word)[-1]
            if word[: len(word) - len(name)].endswith("."):
                return "", []  # an attribute: IPython's own completer knows better
            names = known_names(bound_names(body) or (), self._shell.user_ns)
            return name, _typed(name, names, "instance")
        options = option_strings(self._magic.parser)
        if options.get(last):
            return "", []
        unused = [text for text in options if text not in given]
        return word, _typed(word, unused, "param")


def _typed(word: str, choices: Iterable[str], kind: str) -> list[tuple[str, str]]:
    return [(text, kind) for text in choices if text.startswith(word)]
