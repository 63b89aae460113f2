"""The tables of a notebook, as short text: what the reports of its cells say, cell by cell.

A file ``NAME.txt`` beside this one holds what is expected. After a change that is meant, write them
anew and read the difference::

    python -m tests.notebooks.tables
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbformat import v4

from tests.docs.tools import ROOT, load_tool

HERE = Path(__file__).parent
notebooks = load_tool("build_notebooks")

PROBE = """
import json as _json
_magic = get_ipython().magics_manager.registry["TapeMagic"]
print(_json.dumps(None if _magic.last is None else _magic.last.to_dict()))
_magic.last = None
del _json, _magic
"""


def run(stem: str) -> list[tuple[int, str, dict[str, Any] | None]]:
    """Run a notebook in a real kernel; the number, source and report of each ``%%tape`` cell."""
    notebook = notebooks.make(stem)
    cells = list(notebook.cells)
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(ROOT)}},
    )
    found = []
    with client.setup_kernel():
        for number, cell in enumerate(cells):
            if cell.cell_type != "code":
                continue
            client.execute_cell(cell, number)
            if cell.source.startswith("%%tape"):
                found.append((number, cell.source, _report(client, notebook)))
    return found


def _report(client: NotebookClient, notebook: Any) -> dict[str, Any] | None:
    probe = v4.new_code_cell(PROBE)
    notebook.cells.append(probe)
    client.execute_cell(probe, len(notebook.cells) - 1, store_history=False)
    notebook.cells.pop()
    report: dict[str, Any] | None = json.loads(probe.outputs[0].text)
    return report


def text(found: list[tuple[int, str, dict[str, Any] | None]]) -> str:
    """Write the tables down: no numbers that could differ from one machine to the next."""
    lines = []
    for number, source, report in found:
        named = next((line for line in source.split("\n")[1:] if line.strip()), "")
        lines.append(f"cell {number}: {named}")
        assert report is not None, f"cell {number} has no report"
        error = report["cell"]["error"]
        if error is not None:
            lines.append(f"  raised {error['type']} line {error['line']}{_why(error['why'])}")
        for call in report["calls"]:
            times = f" x {call['times']}" if call["times"] > 1 else ""
            lines.append(f"  {call['method']} line {call['line']}{times}")
            for one in call["sources"]:
                cut = "".join(f" partial{_why(why)}" for why in one["partial"])
                lines.append(f"    {one['name']}: {one['status']}{_why(one['why'])}{cut}")
    return "\n".join(lines) + "\n"


def _why(why: dict[str, Any] | None) -> str:
    if why is None:
        return ""
    return f" ({why['cause']} line {why['line']}{_why(why['because'])})"


def main() -> int:
    """Write the expected tables of all notebooks."""
    for stem in notebooks.stems():
        (HERE / f"{stem}.txt").write_text(text(run(stem)), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
