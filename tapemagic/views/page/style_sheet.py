"""The page's style sheet, with the colours of the diagram for light and dark hosts."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from tapemagic.diagram.dot import palette

_HOSTS = (
    '[data-jp-theme-light="false"] .tapemagic',
    ".vscode-dark .tapemagic",
    ".vscode-high-contrast:not(.vscode-high-contrast-light) .tapemagic",
    'html[theme="dark"] .tapemagic',
)
_PAGE = ".tm-page .tapemagic"  # a saved page follows the reader's own preference


@cache
def style_sheet() -> str:
    """Return the style sheet, without comments and line breaks."""
    text = files("tapemagic.views.page").joinpath("page.css").read_text("utf-8")
    while "/*" in text:
        start = text.index("/*")
        text = text[:start] + text[text.index("*/", start) + 2 :]
    rules = "".join(line.strip() for line in text.splitlines())
    rules, _, dark = rules.partition(".tm-in-the-dark {")
    own, _, rest = dark.partition("}")
    own += _dark_palette()
    images = ",".join(f"{host} .tm-{part}" for host in _HOSTS for part in ("image", "swatch"))
    night = f"{','.join(_HOSTS)}{{{own}}}{images}{{{_FLIPPED}}}"
    night += (
        f"@media (prefers-color-scheme:dark){{{_PAGE}{{{own}}}"
        f"{_PAGE} .tm-image,{_PAGE} .tm-swatch{{{_FLIPPED}}}}}"
    )
    return rules + _light_palette() + night + rest


# The still picture and its legend have the colours of paper: they are turned over as a whole.
_FLIPPED = "background:none !important;filter:invert(.91) hue-rotate(180deg)"


def _light_palette() -> str:
    """Let each colour of the diagram be one that a dark host may replace."""
    return "".join(
        f'.tm-live [{name}="{light}"]{{{name}:var(--tm-c{number},{light})}}'
        for number, light in enumerate(palette.DARK)
        for name in ("fill", "stroke")
    )


def _dark_palette() -> str:
    return "".join(f";--tm-c{number}:{dark}" for number, dark in enumerate(palette.DARK.values()))
