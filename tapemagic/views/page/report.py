"""The report as HTML: complete without scripts, and readable without its style sheet."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from tapemagic.options import DisplayOptions
from tapemagic.views.page.annotated import annotated
from tapemagic.views.page.card import card
from tapemagic.views.page.diagram import diagram
from tapemagic.views.page.live import live
from tapemagic.views.page.style_sheet import style_sheet
from tapemagic.views.page.table import table
from tapemagic.views.page.tags import tag
from tapemagic.views.text.report import text
from tapemagic.views.told import summary
from tapemagic.views.told.cards import cards
from tapemagic.wording.escape import html as escaped

if TYPE_CHECKING:
    from tapemagic.report.model import Report

MOST = 30  # tables and cards in sight; a cell that asks more often folds the rest away

# Of JupyterLab's style sheet, which nbconvert's pages carry: ``display: none`` and nothing else.
HIDDEN = "jp-LastModified-hidden"


def html(report: Report, display: DisplayOptions | None = None, plain: str | None = None) -> str:
    """Return the report as a piece of HTML for a notebook's output.

    Args:
        report: What to show.
        display: Which parts to show; the default shows all.
        plain: The same as text, where it is known already.
    """
    display = display or DisplayOptions()
    return fragment(_body(report, display), text(report, display) if plain is None else plain)


def fragment(body: str, plain: str) -> str:
    """Return an output that also survives where its elements and inline styles are taken away.

    nbconvert with ``sanitize_html`` shows most elements as escaped text, and drops inline styles:
    there a class of JupyterLab's own style sheet hides the page, and the plain text appears.
    Everywhere else the inline styles decide: the page is shown, the text is not.

    Args:
        body: The page, already HTML.
        plain: The same as text.
    """
    rich = tag("div", f"<style>{style_sheet()}</style>{body}{live(body)}", style="rich")
    rich = rich.replace("<div", f'<div class="tm-rich {HIDDEN}"', 1)
    told = tag("div", tag("pre", escaped(plain)), style="hidden", aria_hidden="true")
    told = told.replace("<div", '<div class="tm-plain d-none jp-RenderedText"', 1)
    return f'<div class="tapemagic" id="tm-{secrets.token_hex(4)}">{rich}{told}</div>'


def _body(report: Report, display: DisplayOptions) -> str:
    parts = [_summary(report)]
    parts += [tag("p", escaped(note), "note") for note in report.notes]
    parts.append(_some([card(shown) for shown in cards(report)], "reasons"))
    if display.table:
        parts.append(_some([table(report, call) for call in report.calls], "calls"))
    if display.graph:
        parts.append(diagram(report, display.level))
        parts.append(annotated(report))
    checked = summary.checked(report)
    parts.append(tag("p", escaped(checked), "note") if checked else "")
    return "".join(parts)


def page(report: Report, display: DisplayOptions | None = None, title: str | None = None) -> str:
    """Return the report as a page of its own, in one file.

    Args:
        report: What to show.
        display: Which parts to show.
        title: The title of the page.
    """
    name = escaped(title or "Gradients of a cell")
    heading = f"<h1>{name}</h1>" if title else ""
    body = _body(report, display or DisplayOptions())
    return (
        '<!DOCTYPE html>\n<html lang="en" class="tm-page"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{name}</title><style>{style_sheet()}</style></head>\n"
        f'<body><main>{heading}<div class="tapemagic">{body}{live(body)}</div></main></body></html>\n'
    )


def _summary(report: Report) -> str:
    found = []
    for part in summary.parts(report):
        loud = part.endswith(("need attention", "needs attention")) or "differs" in part
        quiet = part.startswith("nothing")
        said = escaped(part)
        if loud and not quiet:
            said = tag("b", f"✗ {said}", "sign")
        found.append(tag("span", said, "part"))
    return tag("p", ' <span class="tm-dot">·</span> '.join(found), "summary")


def _some(parts: list[str], noun: str) -> str:
    if len(parts) <= MOST:
        return "".join(parts)
    more = tag("summary", f"{len(parts) - MOST:,} more {noun}")
    return "".join(parts[:MOST]) + tag("details", more + "".join(parts[MOST:]), "more")
