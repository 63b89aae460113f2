"""Functions that other cells and the person's own modules defined, to be watched for one run.

A module is the person's own when its file lies in no library folder of this Python.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
import sysconfig
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from tapemagic.cell.rewrite import rewrite
from tapemagic.cell.spots import Rewritten
from tapemagic.cell.text import CellText

_CELL_NAMES = ("<ipython-input", "<tapemagic", "<cell")


_OURS = str(Path(__file__).parents[1])
MOST_LINES = 4000
"""Modules are watched up to so many lines together: reading them takes time in every run."""


_DATA = frozenset({type(None), bool, int, float, complex, str, bytes, list, tuple, dict, set})
_LIBRARIES = ("tensorflow.", "keras.", "numpy.")


def _is_data(value: Any) -> bool:
    """Whether a value is no function, holds none, and comes from no module of the person's."""
    cls = type(value)
    if cls in _DATA:
        return True
    home = cls.__module__
    library = isinstance(home, str) and home.startswith(_LIBRARIES)
    return library and not hasattr(cls, "python_function")


def functions_of(namespace: dict[str, Any]) -> Iterator[FunctionType]:
    """The plain functions that a namespace holds, and those of the classes it holds.

    Those of the person's own modules are among them, under whatever name they were imported.
    """
    seen: set[int] = set()
    # A notebook's namespace is mostly text, numbers and tensors.
    values = [v for v in list(namespace.values()) if not _is_data(v)]
    for module in _own_modules(values):
        made = [v for v in vars(module).values() if isinstance(v, (type, FunctionType))]
        values += [v for v in made if v.__module__ == module.__name__]
    for value in values:
        owners = [value]
        cls = value if isinstance(value, type) else type(value)
        if cls.__module__ == namespace.get("__name__", "__main__") or is_own(cls.__module__):
            owners += list(vars(cls).values())
        for owner in owners:
            function = owner if type(owner) is FunctionType else _function_in(owner)
            if function is not None and id(function) not in seen:
                seen.add(id(function))
                yield function


def _function_in(owner: Any) -> FunctionType | None:
    """The plain function that a ``tf.function``, a static method or another wrapper holds."""
    cls = type(owner)
    if hasattr(cls, "__getattr__"):
        return None  # to ask it for anything may run the person's code
    function = owner.python_function if hasattr(cls, "python_function") else owner
    if isinstance(function, (staticmethod, classmethod)):
        function = function.__func__
    if not isinstance(function, FunctionType) and callable(function):
        function = inspect.unwrap(function)
    return function if isinstance(function, FunctionType) else None


def _own_modules(values: list[Any]) -> list[ModuleType]:
    """The person's modules among some values, those they come from, and those these import."""
    found: dict[str, ModuleType] = {}
    todo = [v if isinstance(v, ModuleType) else _home(v) for v in values]
    while todo:
        module = todo.pop()
        if module is None or module.__name__ in found or not is_own(module.__name__):
            continue
        found[module.__name__] = module
        todo += [v if isinstance(v, ModuleType) else _home(v) for v in vars(module).values()]
    return list(found.values())


def _home(value: Any) -> ModuleType | None:
    """The module of a function, a class or an object of a class."""
    kind = value if isinstance(value, (type, FunctionType)) else type(value)
    name = kind.__module__
    return sys.modules.get(name) if isinstance(name, str) and is_own(name) else None


def is_own(name: str) -> bool:
    """Whether a module is the person's own: code that they can read and change."""
    module = sys.modules.get(name) if name != "__main__" else None
    return module is not None and _is_own_file(getattr(module, "__file__", None))


@cache
def _is_own_file(path: str | None) -> bool:
    if not isinstance(path, str) or not path.endswith(".py"):
        return False
    full = str(Path(path).resolve())
    return not full.startswith((*_libraries(), _OURS))


@cache
def _libraries() -> tuple[str, ...]:
    """The folders of the standard library and of installed packages."""
    paths = sysconfig.get_paths()
    found = {paths[n] for n in ("stdlib", "platstdlib", "purelib", "platlib")}
    found |= {p for p in sys.path if p.endswith(("site-packages", "dist-packages"))}
    return tuple(sorted(str(Path(p).resolve()) + "/" for p in found))


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
