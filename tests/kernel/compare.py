"""Cells to run with and without ``%%tape``, and what of their outcome must be equal."""

from __future__ import annotations

import re
from pathlib import Path

from tests.kernel.driver import Outcome

# The cells stand in a file of their own, each under a line with its name.
_PARTS = re.split(
    r"^# %% (.+)\n", (Path(__file__).parent / "cells.ipy").read_text(), flags=re.MULTILINE
)
CELLS = {name: body.rstrip("\n") for name, body in zip(_PARTS[1::2], _PARTS[2::2], strict=True)}

# Python's own SyntaxError says all there is to say.
NO_REPORT = {"syntax error", "syntax error within", "indentation error", "return at top"}


def normal(text: str) -> str:
    """Take out what differs between any two runs."""
    text = re.sub(r"In\[\d+\]", "In[n]", text)
    text = re.sub(r"ipykernel_\d+/\d+", "ipykernel/cell", text)
    text = re.sub(r"\(\d+\.py, line", "(cell.py, line", text)
    text = re.sub(r"0x[0-9a-f]+", "0x", text)
    text = re.sub(r"__autograph_generated_file\w+", "generated", text)
    text = re.sub(r"(?<=/)tmp\w{8}\b", "tmp", text)
    return text.replace("# %%tape", "# plain")


def facts(outcome: Outcome) -> dict[str, object]:
    """Give what a person sees of an outcome."""
    error = outcome.error
    return {
        "status": outcome.status,
        "stdout": normal(outcome.stdout),
        "stderr": normal(outcome.stderr),
        "value": outcome.value and {k: normal(str(v)) for k, v in outcome.value.items()},
        "displays": outcome.displays,
        "payload": outcome.reply.get("payload"),
        "error": error and (error["ename"], normal(error["evalue"])),
        "traceback": error and normal(outcome.traceback),
        "order": [kind for kind in outcome.order if kind != "report"],
    }
