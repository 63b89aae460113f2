"""Write ``demo_notebooks/`` from ``docs/notebooks/*.md``, and run them.

A source is Markdown; each ``python`` block of it becomes a code cell (``python raises`` one that is
meant to raise), and a line ``<!-- cause: SLUG -->`` becomes the text, the example and the mended
example of that cause. Run it with::

    python docs/build_notebooks.py            # all of them
    python docs/build_notebooks.py 02         # those whose name begins so
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import v4

from tapemagic.diagnosis import guide

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "docs" / "notebooks"
NOTEBOOKS = ROOT / "demo_notebooks"

_BLOCK = re.compile(r"^```python(?P<raises> raises)?\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
_CAUSE = re.compile(r"^<!-- cause: (?P<slug>[\w-]+) -->$", re.MULTILINE)
_SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL)
_PACKAGES = re.compile(r"[^\s\"']*/(?=site-packages/)")


def stems() -> list[str]:
    """Give the names of the notebooks, without suffix."""
    return sorted(path.stem for path in SOURCES.glob("*.md"))


def make(stem: str) -> Any:
    """Make a notebook from its source, without outputs.

    Args:
        stem: The notebook's name, without suffix.
    """
    text = _CAUSE.sub(_cause, (SOURCES / f"{stem}.md").read_text("utf-8"))
    cells: list[Any] = []
    position = 0
    for block in _BLOCK.finditer(text):
        _say(cells, text[position : block.start()])
        cell = v4.new_code_cell(block["code"].rstrip("\n"))
        if block["raises"]:
            cell.metadata["tags"] = ["raises-exception"]
        cells.append(cell)
        position = block.end()
    _say(cells, text[position:])
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number:02}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def run(notebook: Any) -> Any:
    """Run a notebook in a real kernel and keep its outputs; what is on stderr is left out."""
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(ROOT)}},
    )
    client.execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [_clean(out) for out in cell.outputs if out.get("name") != "stderr"]
            cell.metadata.pop("execution", None)
    info = notebook.metadata.get("language_info", {})
    info.pop("version", None)
    return notebook


def write(stem: str) -> Path:
    """Make, run and write one notebook."""
    path = NOTEBOOKS / f"{stem}.ipynb"
    NOTEBOOKS.mkdir(exist_ok=True)
    nbformat.write(run(make(stem)), path)
    return path


def _say(cells: list[Any], text: str) -> None:
    if text.strip():
        cells.append(v4.new_markdown_cell(text.strip("\n")))


def _cause(match: re.Match[str]) -> str:
    cause = guide.find(match["slug"])
    raises = " raises" if cause.level == "error" else ""
    return (
        f"### {cause.title}\n\n`{cause.slug}`\n\n{cause.text.strip()}\n\n"
        f"```python{raises}\n%%tape\n{guide.cell(cause.example)}```\n\nMended:\n\n"
        f"```python\n%%tape --no-graph\n{guide.cell(cause.mended)}```\n"
    )


def _clean(output: Any) -> Any:
    """Take out the folders of this machine, and scripts: a notebook from disk runs none."""
    page = output.get("data", {}).get("text/html")
    if page is not None:
        output.data["text/html"] = _SCRIPT.sub("", page)
    if output.output_type == "error":
        output.traceback = [_PACKAGES.sub("…/", line) for line in output.traceback]
        output.evalue = _PACKAGES.sub("…/", output.evalue)
    return output


def main(arguments: list[str]) -> int:
    """Write the notebooks whose names begin with one of the arguments; all, without any."""
    for stem in stems():
        if not arguments or stem.startswith(tuple(arguments)):
            path = write(stem)
            print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e6:.2f} MB")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
