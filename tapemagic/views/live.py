"""The page's own script: one piece of plain JavaScript that asks nothing of any network.

Its files stand in ``script/``, each with one job; together they are one function, so that no
name of theirs is seen by the page around them.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

PARTS = (
    "picture", "scene", "hand", "lights", "steps", "ranks", "inner", "frames", "bodies", "groups", "tools", "save",
    "copy", "start",
)  # fmt: skip


def live(body: str) -> str:
    """Return the script for a page that has something to bring to life, else nothing."""
    return _script() if "tm-known" in body or "data-fix" in body else ""


@cache
def _script() -> str:
    folder = files("tapemagic.views").joinpath("script")
    lines: list[str] = []
    for part in PARTS:
        text = folder.joinpath(f"{part}.js").read_text("utf-8")
        lines += [line.strip() for line in text.splitlines()]
    code = "\n".join(line for line in lines if line and not line.startswith("//"))
    return f'<script>(function () {{"use strict";\n{code}\n}})();</script>'
