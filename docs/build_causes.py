"""Write ``docs/causes.md``, and the table in the README, from the causes.

With ``--check`` it only says whether they are up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tapemagic.diagnosis import guide

PAGE = Path(__file__).resolve().parent / "causes.md"
README = PAGE.parents[1] / "README.md"
_BEGIN, _END = "<!-- causes -->\n", "<!-- /causes -->\n"
_HEAD = """\
# The causes

<!-- Made from tapemagic/diagnosis/causes/ by docs/build_causes.py; don't edit this page. -->

Why a gradient is `None`, zero or not a number. `python -m tapemagic explain NAME`, or in a
notebook `%tape explain NAME`, tells the same. The notebook
[Why is it None?](../demo_notebooks/02_why_is_it_none.ipynb) runs every example of this page.
"""


def page() -> str:
    """Give the text of the page."""
    contents = []
    chapters = []
    for title, causes in guide.groups():
        contents.append(f"**{title}**\n")
        contents += [f"- [`{cause.slug}`](#{cause.slug}): {cause.title}" for cause in causes]
        contents.append("")
        chapters.append(f"## {title}\n")
        chapters += [guide.markdown(cause, 3) for cause in causes]
    return "\n".join([_HEAD, *contents, *chapters]).rstrip("\n") + "\n"


def readme(text: str) -> str:
    """Give the README with its table of causes made anew.

    Args:
        text: The README as it is.
    """
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    rows = ["| Cause | What happened |", "| --- | --- |"]
    for title, causes in guide.groups():
        rows.append(f"| **{title}** | |")
        rows += [f"| [`{c.slug}`](docs/causes.md#{c.slug}) | {c.title} |" for c in causes]
    return before + _BEGIN + "\n".join(rows) + "\n" + _END + after


def main(arguments: list[str]) -> int:
    """Write both, or check them."""
    wanted = {PAGE: page(), README: readme(README.read_text("utf-8"))}
    stale = [p for p, text in wanted.items() if not p.exists() or p.read_text("utf-8") != text]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.name} is out of date: run python docs/build_causes.py", file=sys.stderr)  # noqa: T201
        return int(bool(stale))
    for path in stale:
        path.write_text(wanted[path], "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
