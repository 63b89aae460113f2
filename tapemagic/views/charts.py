"""Small pictures of numbers as SVG: bars, a histogram, a curve with its derivative, a heat map.

Their colours stand on light and on dark paper alike, and sign is shown by direction or by a
pattern of light and dark too. They are used as images, which also untrusted notebooks show.
"""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING

from tapemagic.views.escape import html
from tapemagic.views.numbers import number

if TYPE_CHECKING:
    from collections.abc import Sequence

BLUE = "#3f8fc5"
ORANGE = "#d9702a"
GREY = "#79828c"
WIDE, HIGH = 84, 20
BINS = 21
_FONT = "font-family='Helvetica,Arial,sans-serif' font-size='10'"


def image(svg: str, alt: str, width: float, height: float) -> str:
    """Return an image element with the picture in its address."""
    data = base64.b64encode(svg.encode("utf-8")).decode("ascii")
    return (
        f'<img class="tm-chart" src="data:image/svg+xml;base64,{data}" alt="{html(alt)}"'
        f' title="{html(alt)}" width="{width:g}" height="{height:g}">'
    )


def _svg(width: float, height: float, body: str) -> str:
    size = f"width='{width:g}' height='{height:g}' viewBox='0 0 {width:g} {height:g}'"
    return f"<svg xmlns='http://www.w3.org/2000/svg' {size}>{body}</svg>"


def _bar(x: float, y: float, width: float, height: float, colour: str) -> str:
    return (
        f"<rect x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' height='{height:.1f}' fill='{colour}'/>"
    )


def bars(values: Sequence[float]) -> str:
    """Draw each element as a bar up or down from zero."""
    top = max([0.0, *values])
    low = min([0.0, *values])
    span = (top - low) or 1.0
    zero = 1 + (HIGH - 2) * top / span
    step = min(12.0, WIDE / len(values))
    found = [
        f"<path d='M0 {zero:.1f}H{step * len(values):.1f}' stroke='{GREY}' stroke-width='.6'/>"
    ]
    for i, value in enumerate(values):
        high = max(abs(value) / span * (HIGH - 2), 0.6)
        y = zero - high if value >= 0 else zero
        found.append(_bar(i * step, y, step * 0.78, high, BLUE if value >= 0 else ORANGE))
    return _svg(WIDE, HIGH, "".join(found))


def histogram(values: Sequence[float]) -> str:
    """Draw how often which size occurs; a line stands at zero."""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    counts = [0] * BINS
    for value in values:
        counts[min(BINS - 1, int((value - low) / span * BINS))] += 1
    most, step = max(counts), WIDE / BINS
    found = []
    for i, count in enumerate(counts):
        tall = count / most * (HIGH - 3)
        middle = low + span * (i + 0.5) / BINS
        colour = BLUE if middle >= 0 else ORANGE
        if count:
            found.append(_bar(i * step, HIGH - 1 - tall, step * 0.86, max(tall, 0.8), colour))
    found.append(f"<path d='M0 {HIGH - 0.6}H{WIDE}' stroke='{GREY}' stroke-width='.6'/>")
    if low < 0 < high:
        zero = -low / span * WIDE
        found.append(f"<path d='M{zero:.1f} 0V{HIGH}' stroke='{GREY}' stroke-dasharray='2 2'/>")
    return _svg(WIDE, HIGH, "".join(found))


def curves(
    xs: Sequence[float], lines: Sequence[tuple[str, Sequence[float]]], axis: str
) -> tuple[str, int, int]:
    """Draw lines over one axis; the second is dashed. Returns the picture and its size."""
    width, height, left, low = 340, 170, 44, 20
    every = [y for _, ys in lines for y in ys]
    y0, y1 = min([0.0, *every]), max([0.0, *every])
    x0, x1 = min(xs), max(xs)

    def across(x: float) -> float:
        return left + (x - x0) / ((x1 - x0) or 1.0) * (width - left - 8)

    def up(y: float) -> float:
        return height - low - (y - y0) / ((y1 - y0) or 1.0) * (height - low - 26)

    found = [
        f"<path d='M{left} {up(0):.1f}H{width - 8}' stroke='{GREY}' stroke-width='.7'/>",
        _text(left - 5, up(y1) + 3, number(y1, 3), "end"),
        _text(left - 5, up(y0) + 3, number(y0, 3), "end"),
        _text(left, height - 5, number(x0, 3), "start"),
        _text(width - 8, height - 5, number(x1, 3), "end"),
        _text((left + width) / 2, height - 5, axis, "middle"),
    ]
    for i, (name, ys) in enumerate(lines):
        d = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in zip(xs, ys, strict=True))
        paint = f"fill='none' stroke='{(BLUE, ORANGE)[i % 2]}' stroke-width='2'"
        dash = " stroke-dasharray='6 3'" if i else ""
        found.append(f"<polyline points='{d}' {paint}{dash}/>")
        key = left + 150 * i
        found.append(f"<path d='M{key} 9h20' {paint}{dash}/>{_text(key + 26, 13, name, 'start')}")
    return _svg(width, height, "".join(found)), width, height


def heat(cells: Sequence[Sequence[float]], down: str, across: str) -> tuple[str, float, float]:
    """Draw a matrix: blue for positive, orange and striped for negative, nothing for zero."""
    most = max((abs(v) for row in cells for v in row), default=0.0) or 1.0
    side = min(22.0, 190 / max(len(cells), len(cells[0])))
    wide, tall = side * len(cells[0]), side * len(cells)
    left, top = 22.0, 20.0
    width, height = max(wide + left + 8, 130), max(tall + top + 6, 70)
    stripes = (
        "<defs><pattern id='n' width='4' height='4' patternUnits='userSpaceOnUse'>"
        f"<rect width='4' height='4' fill='{ORANGE}'/>"
        "<path d='M0 4L4 0' stroke='#fff' stroke-opacity='.55'/></pattern></defs>"
    )
    found = [stripes]
    for i, row in enumerate(cells):
        for j, value in enumerate(row):
            if value:
                depth = 0.25 + 0.75 * math.sqrt(abs(value) / most)
                paint = BLUE if value > 0 else "url(#n)"
                cell = _bar(left + j * side, top + i * side, side - 0.6, side - 0.6, paint)
                found.append(cell.replace("/>", f" fill-opacity='{depth:.2f}'/>"))
    frame = f"x='{left}' y='{top}' width='{wide:.1f}' height='{tall:.1f}'"
    found.append(f"<rect {frame} fill='none' stroke='{GREY}' stroke-width='.8'/>")
    found.append(_text(left, 13, f"{across} →", "start"))
    turned = f"<g transform='translate(13 {top + tall:.1f}) rotate(-90)'>"
    found.append(f"{turned}{_text(tall, 0, f'← {down}', 'end')}</g>")
    return _svg(width, height, "".join(found)), width, height


def _text(x: float, y: float, text: str, anchor: str) -> str:
    place = f"x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}'"
    return f"<text {place} fill='{GREY}' {_FONT}>{html(text)}</text>"
