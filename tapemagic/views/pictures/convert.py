"""From SVG to PNG and PDF on a machine without ``dot``, by packages that need no system library.

They come with ``pip install 'tapemagic[pictures]'``. Where one is missing, None is returned and
the caller says what to install.
"""

from __future__ import annotations

import contextlib
import io
from typing import Any

FONTS = "DejaVu Sans"  # where a machine has no Helvetica and nothing like it
FINE = 300  # dots per inch of a PDF whose letters the standard fonts don't have


def png(svg: str, dpi: float) -> bytes | None:
    """Return a PNG of a picture, or None without an engine."""
    try:
        import resvg_py
    except ImportError:
        return None
    with contextlib.suppress(ValueError):
        made = resvg_py.svg_to_bytes(
            svg_string=svg, dpi=96.0, zoom=dpi / 96, sans_serif_family=FONTS, font_family=FONTS
        )
        return bytes(made)
    return None


def pdf(svg: str) -> bytes | None:
    """Return a PDF: drawn, or as an image where a letter is beyond PDF's standard fonts."""
    try:
        svg.encode("cp1252")
    except UnicodeEncodeError:
        return _photographed(svg)
    return _drawn(svg)


def _drawn(svg: str) -> bytes | None:
    try:
        from reportlab.graphics import renderPDF
        from svglib.svglib import svg2rlg
    except ImportError:
        return None
    drawing: Any = svg2rlg(io.BytesIO(svg.encode("utf-8")))
    return None if drawing is None else bytes(renderPDF.drawToString(drawing))


def _photographed(svg: str) -> bytes | None:
    data = png(svg, FINE)
    try:
        from reportlab.lib.utils import ImageReader
        from reportlab.pdfgen.canvas import Canvas
    except ImportError:
        return None
    if data is None:
        return None
    image = ImageReader(io.BytesIO(data))
    width, height = (side * 72 / FINE for side in image.getSize())
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(width, height))
    canvas.drawImage(image, 0, 0, width, height, mask="auto")
    canvas.save()
    return file.getvalue()
