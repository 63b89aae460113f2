"""Small pieces of HTML shared by the parts of the page.

Untrusted notebooks lose the style sheet and keep ``style=`` attributes, so what the reader
cannot do without is repeated there; a colour that must be readable on light and dark is
translucent.
"""

from __future__ import annotations

from tapemagic.wording.escape import html

INLINE = {
    "table": "border-collapse:collapse;margin:0",
    "cell": "text-align:left;padding:3px 16px 3px 0;vertical-align:baseline",
    "plain": "margin:0",
    "rich": "display:block !important",
    "hidden": "display:none",
    "card": "margin:16px 0;padding:0 0 0 14px;border-left:3px solid #d55e00",
    "code": "margin:0;overflow-x:auto;white-space:pre;line-height:1.5",
    "culprit": "background-color:rgba(213,94,0,0.13);font-weight:bold",
    "minus": "background-color:rgba(213,94,0,0.13);text-decoration:none",
    "plus": "background-color:rgba(0,114,178,0.13);text-decoration:none",
    "strong": "font-weight:bold",
    "scroll": "overflow-x:auto",
    "figure": "margin:8px 0;overflow:auto;max-height:760px",
}


def tag(name: str, content: str, cls: str = "", style: str = "", **attributes: str) -> str:
    """Return an element; ``content`` is HTML, attribute values are escaped here.

    Args:
        name: The element's name.
        content: Its content, already HTML.
        cls: Classes without their prefix.
        style: Key of the inline style.
        **attributes: Further attributes; underscores become hyphens.
    """
    return f"<{name}{_attributes(cls, style, attributes)}>{content}</{name}>"


def _attributes(cls: str, style: str, attributes: dict[str, str]) -> str:
    found = ""
    if cls:
        found += ' class="' + " ".join(f"tm-{html(one)}" for one in cls.split()) + '"'
    if style:
        found += f' style="{INLINE[style]}"'
    for key, value in attributes.items():
        found += f' {key.rstrip("_").replace("_", "-")}="{html(value)}"'
    return found


def heading(text: str, name: str) -> str:
    """Return a heading; not <h4>, which front ends would list in the notebook's contents."""
    return tag("div", text, "heading", "strong", role="heading", aria_level="4", id=name)


def code(text: str) -> str:
    """Return escaped text as inline code."""
    return tag("code", html(text))
