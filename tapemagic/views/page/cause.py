"""The text of a cause, on the page itself: no reader has to look it up elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapemagic.diagnosis import guide
from tapemagic.views.page.tags import code, tag
from tapemagic.wording.escape import html, html_prose

if TYPE_CHECKING:
    from tapemagic.diagnosis.cause import Cause
    from tapemagic.report.model import Why


def about(why: Why) -> str:
    """Return the texts of a reason's causes, each folded away under its title."""
    slugs = dict.fromkeys(one.cause for one in (why.because, why) if one is not None)
    found = []
    for slug in slugs:
        try:
            found.append(_folded(guide.find(slug)))
        except guide.UnknownCause:
            continue  # a report that a later version saved
    return "".join(found)


def body(cause: Cause) -> str:
    """Return a cause's text, its example, and the example mended."""
    parts = [tag("p", html_prose(text), "about-text") for text in guide.paragraphs(cause)]
    for label, source in (("For example", cause.example), ("Mended", cause.mended)):
        parts.append(tag("p", tag("span", label, "label")))
        parts.append(tag("pre", html(source.strip("\n")), "code", "code", tabindex="0"))
    return "".join(parts)


def _folded(cause: Cause) -> str:
    title = f"{html(cause.title)}: what that means {code(cause.slug)}"
    return tag("details", tag("summary", title) + body(cause), "about")
