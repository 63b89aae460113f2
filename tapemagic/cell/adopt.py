"""Functions that other cells defined: found in the namespace, and watched for one run."""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import CodeType, FunctionType
from typing import Any

from tapemagic.cell.rewrite import Rewritten, rewrite
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


@dataclass(frozen=True, slots=True)
class Watched:
    """A text that was rewritten: its hooks are still placeholders, so any run can use it."""

    text: CellText
    modules: frozenset[str]
    made: Rewritten
    code: CodeType


_MOST_KEPT = 64
_kept: dict[str, Watched] = {}


def watch(text: CellText, modules: frozenset[str]) -> Watched:
    """Rewrite and compile another cell's text, and keep it for the runs to come.

    Args:
        text: The text; its tree is there.
        modules: Names that hold a module, see :func:`tapemagic.cell.rewrite.rewrite`.
    """
    assert text.tree is not None
    made = rewrite(text, text.tree, modules=modules)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code = compile(
            made.tree, text.filename, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
        )
    watched = Watched(text, modules, replace(made, tree=ast.Module([], [])), code)
    _kept.pop(text.filename, None)
    if len(_kept) >= _MOST_KEPT:
        del _kept[next(iter(_kept))]  # the oldest
    _kept[text.filename] = watched
    return watched


def kept(filename: str, text: CellText | None, modules: frozenset[str]) -> Watched | None:
    """What :func:`watch` made in an earlier run, if the text is still the same.

    Args:
        filename: The file name of the text.
        text: The text that this run has for that file already, if any.
        modules: Names that hold a module now.
    """
    found = _kept.get(filename)
    if found is None or found.modules != modules or text not in (None, found.text):
        return None
    if found.text.source != "".join(linecache.getlines(filename)):
        return None
    if found.text.file is None:
        found.text.label = label_of(filename)
    return found
