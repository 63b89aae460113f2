"""A card of the page: the sentence, the fix, the person's own lines, the path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapemagic.trying import CANNOT_BE_PUT_BACK
from tapemagic.views.page.cause import about
from tapemagic.views.page.tags import code, tag
from tapemagic.views.told import cards as plain
from tapemagic.views.told.wire import SIGNS
from tapemagic.wording import words
from tapemagic.wording.escape import html, html_prose

if TYPE_CHECKING:
    from tapemagic.report.model import Why
    from tapemagic.views.told.cards import Card
    from tapemagic.views.told.excerpt import Line


LONG = 64  # letters of a line that leave room for a note behind it


def card(shown: Card) -> str:
    """Return one card."""
    why = shown.why
    parts = [_head(shown), tag("p", html_prose(shown.message), "message", "plain")]
    if why.because is not None:
        parts.append(_below("Why", why.because))
    parts.append(_fix(shown))
    if shown.lines:
        parts.append(_code(shown.lines))
    parts.append(_story(why))
    parts += [_below("Also possible", other) for other in why.other]
    parts += [about(why), _undone(why)]
    tone = "care" if shown.partial or why.level == "warning" else "bad"
    return tag("div", "".join(parts), f"card tone-{tone}", "card", role="group")


def _head(shown: Card) -> str:
    names = ", ".join(code(name) + _path(path) for name, path in shown.shown) + html(shown.more)
    verdict = tag("b", f"{html(shown.sign)} {html(shown.verdict)}", "sign")
    where = " · ".join(x for x in (words.cause(shown.why), words.inside(shown.why.at)) if x)
    head = " ".join(x for x in (names, verdict, tag("span", html(where), "where")) if x)
    return tag("div", head, "card-head")


def _path(path: str) -> str:
    return f" {tag('span', html(path), 'where')}" if path else ""


def _below(label: str, why: Why) -> str:
    where = words.place(why.at)
    text = html_prose(f"{why.message} ({where})" if where else why.message)
    return tag("p", f"{tag('b', label, 'label')} {text}", "below")


def _code(lines: list[Line]) -> str:
    digits = max(len(str(line.number)) for line in lines)
    wired = any(line.wire for line in lines)
    rows = "\n".join(_line(line, digits, wired) for line in lines)
    return tag("pre", rows, "code", "code", tabindex="0")


def _wire(line: Line) -> str:
    """Return the margin of one line; the style sheet draws over the letters, where there is one."""
    cls = f"wire wire-{line.wire}" if line.wire else "wire"
    return tag("span", f"{SIGNS.get(line.wire, ''):<3}", cls, aria_hidden="true")


def _line(line: Line, digits: int, wired: bool) -> str:
    margin = _wire(line) if wired else ""
    if not line.number:
        dots = tag("span", "⋮", "one")
        return tag("span", f"{' ' * (digits + 1)}{dots}  ", "gap") + margin
    sign = tag("span", "▶", "one") if line.culprit else " "
    number = tag("span", f"{sign} {line.number:>{digits}}  ", "number") + margin
    indent = len(line.text) - len(line.text.lstrip())
    text = html(line.text[indent:])
    if line.mark:
        left, right = (max(column, indent) for column in line.mark)
        marked = tag("u", html(line.text[left:right]))
        text = html(line.text[indent:left]) + marked + html(line.text[right:])
    number += html(line.text[:indent])
    # Behind a long line nobody would see the note: it goes below.
    gutter = (
        "\n" + " " * (digits + 4 + indent + 3 * wired) + "↑ " if len(line.text) > LONG else "  ← "
    )
    notes = "".join(tag("i", f"{gutter}{html(note)}", "told") for note in line.notes)
    at = {"data_line": str(line.number)}
    if line.culprit:
        return number + tag("span", text, "culprit", "culprit", **at) + notes
    return number + tag("span", text, "story" if line.story else "aside", **at) + notes


def _story(why: Why) -> str:
    steps = plain.story(why)
    if len(steps) < 2:
        return ""
    shown = []
    for what, where in steps:
        place = f" {tag('span', html(where), 'where')}" if where else ""
        shown.append(tag("span", f"{html(what)}{place}", "step"))
    label = tag("b", "Path", "label")
    return tag("p", f"{label} {' <span class=tm-arrow>→</span> '.join(shown)}", "path")


def _fix(shown: Card) -> str:
    said = [f"{tag('b', 'Fix', 'label')} {html_prose(shown.fix)}"] if shown.fix else []
    tried = plain.tried(shown.why)
    if tried:
        good = bool(shown.why.fix_verified)
        told = html_prose(f"✓ {tried}" if good else tried)
        said.append(tag("span", told, "tried tone-good" if good else "tried"))
    parts = tag("p", " ".join(said), "fix") if said else ""
    return parts + (diff_lines(shown.diff, shown.fixed) if shown.diff else "")


def _undone(why: Why) -> str:
    if why.fix_verified is None:
        return ""
    undone = tag("summary", "What a try can't put back") + tag("p", html(CANNOT_BE_PUT_BACK))
    return tag("details", undone, "undone")


def diff_lines(changed: list[tuple[str, str]], fixed: str = "") -> str:
    """Return changed lines of code as a block; the whole changed cell goes along, to be copied."""
    whole = {"data_fix": fixed} if fixed else {}
    return tag("pre", "".join(map(_change, changed)), "code diff", "code", **whole)


def _change(change: tuple[str, str]) -> str:
    sign, line = change
    gutter = tag("span", f"{html(sign)} ", "number")
    text = html(line)
    if sign == "-":
        return gutter + tag("del", text, style="minus") + "\n"
    if sign == "+":
        return gutter + tag("ins", text, style="plus") + "\n"
    return gutter + tag("span", text, "aside") + "\n"
