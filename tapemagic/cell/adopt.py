"""Functions that other cells defined: found in the namespace, and watched for one run."""

from __future__ import annotations

import inspect
import linecache
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

from tapemagic.cell.text import CellText

_CELL_NAMES = ("<ipython-input", "<tapemagic", "<cell")


def functions_of(namespace: dict[str, Any]) -> Iterator[FunctionType]:
    """The plain functions that a namespace holds, and those of the classes it holds."""
    seen: set[int] = set()
    for value in list(namespace.values()):
        owners = [value]
        cls = value if isinstance(value, type) else type(value)
        if cls.__module__ == namespace.get("__name__", "__main__"):
            owners += list(vars(cls).values())
        for owner in owners:
            function = getattr(owner, "python_function", None)
            function = function if isinstance(function, FunctionType) else owner
            if isinstance(function, (staticmethod, classmethod)):
                function = function.__func__
            while hasattr(function, "__wrapped__") and not isinstance(function, FunctionType):
                function = inspect.unwrap(function)
            if isinstance(function, FunctionType) and id(function) not in seen:
                seen.add(id(function))
                yield function


def is_cell(filename: str) -> bool:
    """Whether a ``co_filename`` is a notebook cell's."""
    return filename.startswith(_CELL_NAMES) or "ipykernel_" in filename


def text_of(code: CodeType, *, anywhere: bool = False) -> CellText | None:
    """The text that a function was defined in, if it can still be read.

    Args:
        code: The function's code.
        anywhere: Read modules too, not only cells.
    """
    filename = code.co_filename
    cell = is_cell(filename)
    if not cell and not anywhere:
        return None
    lines = linecache.getlines(filename)
    if not lines:
        return None
    text = CellText(
        "".join(lines),
        filename,
        label=label_of(filename) if cell else None,
        file=None if cell else filename,
    )
    return text if text.tree is not None else None


def label_of(filename: str) -> str:
    """How people call another cell: by its number, where IPython knows it."""
    shell_module = sys.modules.get("IPython")
    shell = shell_module.get_ipython() if shell_module is not None else None
    number = getattr(getattr(shell, "compile", None), "_filename_map", {}).get(filename)
    return f"In [{number}]" if number is not None else filename.strip("<>")
