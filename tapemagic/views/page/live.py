"""The page's own script: one piece of plain JavaScript that asks nothing of any network.

Its files stand in ``script/``, each with one job; together they are one function, so that no
name of theirs is seen by the page around them. Each output carries what it needs of it:
``docs/how_it_works.md`` says why not once for all.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

PARTS = (
    "picture", "scene", "hand", "lights", "steps", "ranks", "inner", "frames", "bodies", "groups", "tools", "save",
    "copy", "start",
)  # fmt: skip
OPENING = frozenset({"ranks", "inner", "frames", "bodies", "groups"})  # where something opens


def live(body: str) -> str:
    """Return the script for a page that has something to bring to life, else nothing."""
    if "tm-known" not in body and "data-fix" not in body:
        return ""
    # Keys of facts.py, of a folded box and of a box in a frame; in texts their quotes are escaped.
    return _script('"inside":' in body or '"frame":' in body)


@cache
def _script(opening: bool) -> str:
    folder = files("tapemagic.views.page").joinpath("script")
    lines: list[str] = []
    for part in PARTS:
        if part in OPENING and not opening:
            continue
        text = folder.joinpath(f"{part}.js").read_text("utf-8")
        lines += [line.strip() for line in text.splitlines()]
    code = "\n".join(line for line in lines if line and not line.startswith("//"))
    return f'<script>(function () {{"use strict";\n{code}\n}})();</script>'
