"""From an engine's SVG to one that stands in a page: named, styled, without a file's prolog."""

from __future__ import annotations

import re

from tapemagic.diagram.dot import palette
from tapemagic.wording import escape

_OPEN = re.compile(r"<svg\b[^>]*>", re.DOTALL)
_SIZE = re.compile(r'width="([\d.]+)pt"\s+height="([\d.]+)pt"')
_TITLES = re.compile(r"<title>[^<]*</title>\n?")
_COMMENTS = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_EMPTY = re.compile(r'<g id="a_graph0"><a xlink:title=" ">\s*</a>\s*</g>\n?')
_SHAPE = re.compile(r"<(?:path|polygon|polyline|text)\b[^>]*>")
_FONT = re.compile(r' font-family="[^"]*"')  # STYLE says it once for all
_FINE = re.compile(r"(\.\d)\d+")
_BOX = re.compile(r'viewBox="([^"]*)"')
SCALE = 1.15  # pixels per point: text as large as a notebook's
STYLE = (
    "text{font-family:Helvetica,Arial,'Liberation Sans',sans-serif}"
    ".node text:first-of-type{font-weight:600}"
    ".node a text:nth-of-type(n+2),.node>text:nth-of-type(n+2){font-size:10px;opacity:.85}"
    ".tm-constant text:first-of-type{font-weight:400}"
    ".tm-edge text{font-style:italic}"
)


def finish(
    drawn: bytes,
    title: str,
    description: str,
    theme: str = "light",
    background: str | None = None,
    inches: float | None = None,
) -> str:
    """Return SVG with a title and description for screen readers.

    Args:
        drawn: What an engine drew.
        title: A short name.
        description: What there is to see, in words.
        theme: "light" or "dark".
        background: A colour, or None for a transparent background.
        inches: How wide it is to be; None: text as large as a notebook's.
    """
    text = drawn.decode("utf-8", "replace")
    opening = _OPEN.search(text)
    if opening is None:
        return text
    body = _light(_TITLES.sub("", _COMMENTS.sub("", text[opening.end() :])))
    width, height = size(text)
    box = _BOX.search(opening.group())
    view = box.group(1) if box else f"0 0 {width:g} {height:g}"
    wide, high = f"{width:.0f}", f"{height:.0f}"
    if inches is not None:
        wide, high = f"{inches:g}in", f"{inches * height / width:g}in"
    paper = ""
    if background is not None:
        paper = f'<rect width="100%" height="100%" fill="{escape.html(background)}"/>'
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        f' width="{wide}" height="{high}" viewBox="{view}" role="img"'
        f' aria-label="{escape.html(title)}"><title>{escape.html(title)}</title>'
        f"<desc>{escape.html(description)}</desc><style>{STYLE}</style>{paper}"
    )
    return recolour(head + body.strip(), theme)


def _light(body: str) -> str:
    """Leave out what nobody sees: each output carries its picture, and a tenth of a point is fine."""
    body = _EMPTY.sub("", body).replace("&#45;", "-")
    return _SHAPE.sub(lambda found: _FINE.sub(r"\1", _FONT.sub("", found.group())), body)


def points(drawn: bytes) -> tuple[float, float]:
    """Return width and height in points, as the engine drew it."""
    width, height = size(drawn.decode("utf-8", "replace"))
    return width / SCALE, height / SCALE


def size(text: str) -> tuple[float, float]:
    """Return width and height in pixels."""
    found = _SIZE.search(text)
    if found is None:
        return 600.0, 400.0
    return float(found.group(1)) * SCALE, float(found.group(2)) * SCALE


def recolour(text: str, theme: str) -> str:
    """Replace the light palette by the dark one; works on SVG and on Graphviz source alike."""
    if theme != "dark":
        return text
    colours = re.compile("|".join(palette.DARK), re.IGNORECASE)
    return colours.sub(lambda found: palette.DARK[found.group().lower()], text)
