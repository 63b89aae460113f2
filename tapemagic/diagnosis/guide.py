"""What the causes say of themselves, for a person who reads: as plain text and as Markdown.

The command line, ``%tape explain``, the page ``docs/causes.md`` and the gallery notebook all take
their words from here, and this module takes them from the causes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.causes import BY_SLUG, CAUSES

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "The tape was not listening",
        (
            "unwatched-tensor",
            "watched-too-late",
            "auto-watch-off",
            "non-trainable",
            "outside-tape",
            "nested-tape",
            "tape-consumed",
        ),
    ),
    (
        "The question was about something else",
        (
            "unconnected",
            "rebound-name",
            "different-object",
            "bad-argument",
            "constant-gradient",
        ),
    ),
    (
        "The value took a road that the tape can't see",
        (
            "left-tensorflow",
            "py-function",
            "new-variable",
            "stateful-object",
        ),
    ),
    (
        "The op has no derivative to give",
        (
            "non-float-dtype",
            "no-gradient-op",
            "non-differentiable-input",
            "missing-gradient",
            "stop-gradient",
            "custom-gradient",
        ),
    ),
    (
        "A number came, and it is not the one that was hoped for",
        (
            "masked-none",
            "zero-gradient",
            "nan-gradient",
        ),
    ),
)
"""The causes as a reader meets them. (``CAUSES`` has the order in which they are asked.)"""

OTHERS = "Others"
_INDENT = "    "


class UnknownCause(LookupError):
    """There is no cause of that name; the message is one sentence that names those there are."""


def groups() -> Iterator[tuple[str, list[Cause]]]:
    """Give each group's title with its causes; a cause of no group is in the last one."""
    placed = {slug for _, slugs in GROUPS for slug in slugs}
    for title, slugs in GROUPS:
        yield title, [BY_SLUG[slug] for slug in slugs if slug in BY_SLUG]
    others = [cause for cause in CAUSES if cause.slug not in placed]
    if others:
        yield OTHERS, others


def find(slug: str) -> Cause:
    """Give the cause of a name; case, and ``_`` or a blank in place of ``-``, do not matter.

    Raises:
        UnknownCause: If there is none.
    """
    wanted = re.sub(r"[\s_]+", "-", slug.strip().strip("`'\"").lower())
    if wanted in BY_SLUG:
        return BY_SLUG[wanted]
    known = [cause.slug for _, causes in groups() for cause in causes]
    close = get_close_matches(wanted, known, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    raise UnknownCause(f"There is no cause {slug.strip()!r}.{hint} There are: {', '.join(known)}.")


def paragraphs(cause: Cause) -> list[str]:
    """Give the text of a cause, one line per paragraph."""
    return [" ".join(part.split()) for part in cause.text.strip().split("\n\n") if part.strip()]


def plain(cause: Cause, width: int = 80) -> str:
    """Give a cause as text for a terminal: title, text, an example, and the example mended.

    Args:
        cause: What to tell of.
        width: Columns for the text; code is left as it is.
    """
    from tapemagic.wording.terminal import wrap

    lines = [cause.title, cause.slug, ""]
    for paragraph in paragraphs(cause):
        lines += [*wrap(paragraph, width), ""]
    lines += ["For example:", "", *_indented(cause.example), ""]
    lines += ["Mended:", "", *_indented(cause.mended)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def markdown(cause: Cause, level: int = 2) -> str:
    """Give a cause as Markdown, under a heading that can be linked to by the cause's slug.

    Args:
        cause: What to tell of.
        level: The heading's level.
    """
    parts = [
        f'<a id="{cause.slug}"></a>\n{"#" * level} {cause.title}',
        f"`{cause.slug}`",
        cause.text.strip(),
        _fenced(cause.example),
        "Mended:",
        _fenced(cause.mended),
    ]
    return "\n\n".join(parts) + "\n"


def listing(width: int = 80) -> str:
    """Give the slugs and titles of all causes, in their groups, as text for a terminal."""
    from tapemagic.wording.terminal import wrap

    column = max(len(cause.slug) for cause in CAUSES) + 2
    lines: list[str] = []
    for title, causes in groups():
        lines += [title]
        for cause in causes:
            lines += wrap(cause.title, width, f"  {cause.slug:<{column}}")
        lines += [""]
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


def cell(source: str) -> str:
    """Give an example as a notebook cell: without the imports that stand at its top."""
    lines = source.strip("\n").split("\n")
    while lines and (not lines[0].strip() or lines[0].startswith(("import ", "from "))):
        lines.pop(0)
    return "\n".join(lines) + "\n"


def _indented(code: str) -> list[str]:
    return [_INDENT + line for line in code.strip("\n").split("\n")]


def _fenced(code: str) -> str:
    return "```python\n" + code.strip("\n") + "\n```"
