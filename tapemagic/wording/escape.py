"""The only place where text is made safe for another language.

Names, values and source lines come from the person's code and may hold anything: markup,
quotes, control characters, ten thousand letters. Every view passes them through here.
"""

from __future__ import annotations

import html as _html
import re

_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9_-]+")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|~$#&])")
_RECORD = re.compile(r"([\\{}|<>])")


def _codepoint(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def printable(text: object) -> str:
    """Show control and direction characters as Python escapes; keep newlines and tabs.

    A terminal obeys escape sequences, XML forbids most control characters, and direction marks
    reorder the text around them, so none of them may reach an output.
    """
    return _UNPRINTABLE.sub(_codepoint, str(text))


def one_line(text: object, limit: int = 0) -> str:
    """Return printable text without line breaks, shortened to ``limit`` characters if given."""
    flat = " ".join(printable(text).split())
    if limit and len(flat) > limit:
        return flat[: max(limit - 1, 1)].rstrip() + "…"
    return flat


def html(text: object) -> str:
    """Escape text for HTML content and for quoted attributes."""
    return _html.escape(printable(text), quote=True)


def html_prose(text: object) -> str:
    """Escape a sentence for HTML; what stands between backquotes becomes code."""
    parts = html(text).split("`")
    if len(parts) % 2 == 0:
        return "`".join(parts)
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))


def markdown_prose(text: object) -> str:
    """Escape a sentence for Markdown; what stands between backquotes stays code."""
    parts = one_line(text).split("`")
    if len(parts) % 2 == 0:
        return markdown(text)
    return "".join(
        markdown_code(part) if i % 2 else _MARKDOWN.sub(r"\\\1", part)
        for i, part in enumerate(parts)
    )


def dot(text: object) -> str:
    """Escape one line of a plain Graphviz label or tooltip; the caller's quoting adds the quotes.

    Graphviz reads backslash sequences and character entities inside labels.
    """
    return printable(text).replace("&", "&amp;").replace("\\", "\\\\").replace("\n", "\\n")


def dot_record(text: object) -> str:
    """Escape text for one field of a record label, where braces and bars are structure."""
    return _RECORD.sub(r"\\\1", printable(text).replace("&", "&amp;")).replace("\n", "\\n")


def markdown(text: object) -> str:
    """Escape text for a paragraph or table cell of Markdown."""
    return _MARKDOWN.sub(r"\\\1", one_line(text))


def markdown_code(text: object) -> str:
    """Return an inline code span that holds the text, also inside a table cell."""
    flat = one_line(text).replace("|", "\\|")
    longest = max((len(run) for run in re.findall(r"`+", flat)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") or not flat else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def markdown_fence(text: str, language: str = "") -> str:
    """Return a fenced block; the fence is longer than any run of backquotes in the text."""
    body = printable(text)
    longest = max((len(run) for run in re.findall(r"`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def mermaid(text: object) -> str:
    """Escape one line of a quoted Mermaid label."""
    flat = one_line(text)
    flat = flat.replace("#", "#35;").replace("&", "#38;").replace('"', "#quot;")
    flat = flat.replace("<", "#lt;").replace(">", "#gt;").replace("`", "#96;")
    return flat.replace("\\", "#92;")


def element_id(text: object) -> str:
    """Return text that is safe as an id or class in HTML and SVG."""
    safe = _NOT_IN_ID.sub("-", str(text))[:64].strip("-")
    return safe if safe[:1].isalpha() else f"x{safe}"


def json_in_html(text: str) -> str:
    """Write JSON so that no part of it can end the element that it stands in."""
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text
