"""``%tape explain``: a cause in words, as display data."""

from __future__ import annotations

from IPython.core.error import UsageError
from IPython.display import publish_display_data

from tapemagic.diagnosis import guide
from tapemagic.diagnosis.cause import Cause
from tapemagic.views.page.cause import body
from tapemagic.views.page.report import fragment
from tapemagic.views.page.tags import code, heading, tag
from tapemagic.wording.escape import html


def explain(slug: str) -> None:
    """Show a cause's text and example; without a name, all causes by name.

    Raises:
        UsageError: There is no such cause.
    """
    if not slug:
        _publish(guide.listing(), _listing())
        return
    try:
        cause = guide.find(slug)
    except guide.UnknownCause as error:
        raise UsageError(f"%tape explain: {error}") from None
    _publish(guide.plain(cause), _cause(cause))


def _publish(plain: str, page: str) -> None:
    publish_display_data({"text/plain": plain, "text/html": fragment(page, plain)})


def _cause(cause: Cause) -> str:
    return heading(f"{html(cause.title)} {code(cause.slug)}", "cause") + body(cause)


def _listing() -> str:
    rows = []
    for title, causes in guide.groups():
        rows.append(heading(html(title), "group"))
        found = "".join(tag("li", f"{code(c.slug)} {html(c.title)}") for c in causes)
        rows.append(tag("ul", found))
    return "".join(rows)
