"""Read a cell with its true answer.

Each line of the head is ``WHERE STATUS [CAUSE|CAUSE @label ..] [info]``:

- WHERE is ``g1.0`` for the first source of the second gradient call (calls of one line with one
  outcome are one), ``g0.*`` for all of its sources, ``a0.0`` for a call of an optimizer, or ``cell``
  for the exception that ended the cell;
- CAUSE lists the slugs that are right, and the labels mark the lines that are right: ``#@a`` stands at
  the end of such a line of the cell, and is taken off before it runs;
- ``info``: the level has to be no more than that. ``connected+partial``: a part is missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("cells")
LABEL = re.compile(r"#@(\w+)")


@dataclass(frozen=True)
class Answer:
    """What is true of one or several sources."""

    where: str
    status: str
    causes: tuple[str, ...]
    lines: tuple[int, ...]
    info: bool


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.cell"))


def read(name: str) -> tuple[list[Answer], str]:
    """The true answers, and the cell."""
    head, _, body = (FOLDER / f"{name}.cell").read_text(encoding="utf-8").partition("# ---\n")
    labels: dict[str, list[int]] = {}
    rows = []
    for number, row in enumerate(body.splitlines(), 1):
        for label in LABEL.findall(row):
            labels.setdefault(label, []).append(number)
        rows.append(re.sub(r"\s*(#@\w+\s*)+$", "", row))
    answers = []
    for row in head.splitlines():
        if row.startswith("# after "):
            continue
        where, status, *rest = row.removeprefix("# ").split()
        info = "info" in rest
        rest = [word for word in rest if word != "info"]
        lines = [n for word in rest[1:] for n in labels.get(word.removeprefix("@"), ())]
        causes = tuple(rest[0].split("|")) if rest else ()
        answers.append(Answer(where, status, causes, tuple(lines), info))
    return answers, "\n".join(rows) + "\n"
