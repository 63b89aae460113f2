"""Small pictures of numbers as SVG: bars, a histogram, a curve with its derivative, a heat map.

Their colours stand on light and on dark paper alike, and sign is shown by direction or by a
pattern of light and dark too. They are used as images, which also untrusted notebooks show.
"""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING

from tapemagic.wording.escape import html
from tapemagic.wording.numbers import number

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
        f' width="{width:g}" height="{height:g}">'
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
        (i * step, zero, step * 0.78, -max(abs(v) / span * (HIGH - 2), 0.6) * (1 if v >= 0 else -1))
        for i, v in enumerate(values)
    ]
    line = f"<path d='M0 {zero:.1f}H{step * len(values):.1f}' stroke='{GREY}' stroke-width='.6'/>"
    signs = [value >= 0 for value in values]
    return _svg(WIDE, HIGH, line + _bars(found, signs))


def histogram(values: Sequence[float]) -> str:
    """Draw how often which size occurs; a dashed line stands at zero."""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    counts = [0] * BINS
    for value in values:
        counts[min(BINS - 1, int((value - low) / span * BINS))] += 1
    most, step = max(counts), WIDE / BINS
    found, signs = [], []
    for i, count in enumerate(counts):
        if count:
            tall = max(count / most * (HIGH - 3), 0.8)
            found.append((i * step, HIGH - 1.0, step * 0.86, -tall))
            signs.append(low + span * (i + 0.5) / BINS >= 0)
    line = f"M0 {HIGH - 0.6}H{WIDE}"
    if low < 0 < high:
        line += "".join(f"M{-low / span * WIDE:.1f} {y}v2" for y in range(0, HIGH, 4))
    return _svg(WIDE, HIGH, f"<path d='{line}' stroke='{GREY}'/>" + _bars(found, signs))


def _bars(found: Sequence[tuple[float, float, float, float]], signs: Sequence[bool]) -> str:
    """Draw bars, all of one sign as one path: a page may hold hundreds of such pictures."""
    made = ""
    for sign, colour in ((True, BLUE), (False, ORANGE)):
        d = "".join(
            f"M{x:.1f} {y:.1f}v{tall:.1f}h{wide:.1f}v{-tall:.1f}z"
            for (x, y, wide, tall), own in zip(found, signs, strict=True)
            if own == sign
        )
        made += f"<path fill='{colour}' d='{d}'/>" if d else ""
    return made


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
