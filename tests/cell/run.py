"""Run a cell plainly and traced, and tell all that a person could see of it."""

from __future__ import annotations

import contextlib
import io
import itertools
import linecache
import random
import re
import sys
import traceback
import types
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
NAME = "a_notebook"
_numbers = itertools.count(1)
_FILE = re.compile(r"<(?:plain|tapemagic) cell \d+>")
_COUNTERS = ("_self_", "_object_identifier", "_update_uid")
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}|\b\d{12,}(?=_ib-)")  # Keras writes ids in decimal too
_FOLDER = re.compile(r"(?<=[/\\])tmp\w{8}\b")
_GENERATED = re.compile(r"__autograph_generated_file\w+")


def cells(name: str) -> dict[str, str]:
    """The cells of a file, by name."""
    text = (HERE / name).read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for part in re.split(r"^# %% ", text, flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        assert title not in found, title
        found[title] = body.strip("\n") + "\n"
    return found


def plainly(text: str) -> str:
    """Text without what differs from run to run."""
    for pattern, instead in (
        (_GENERATED, "generated"), (_FILE, "<cell>"), (_ADDRESS, "0x"), (_FOLDER, "tmp"),
    ):  # fmt: skip
        text = pattern.sub(instead, text)
    return text


@dataclass
class Outcome:
    """What a person sees of a run."""

    names: dict[str, Any]
    order: list[str]
    stdout: str
    stderr: str
    error: list[str] | None
    warnings: list[tuple[str, str, str, int]]
    random: tuple[Any, ...]
    report: Any = None


class Facts:
    """Values as something that can be compared, bit for bit."""

    def __init__(self) -> None:
        self.seen: dict[int, int] = {}
        self.keep: list[Any] = []

    def of(self, value: Any) -> Any:
        kind = type(value)
        if value is None or kind in (bool, int, str, bytes, complex, type(Ellipsis)):
            return plainly(value) if kind is str else value
        if kind is float:
            return ("float", value.hex())
        if kind in (tuple, frozenset):
            return (kind.__name__, self._inside(value))
        if id(value) in self.seen:
            return ("again", self.seen[id(value)])
        self.seen[id(value)] = len(self.seen)
        self.keep.append(value)
        return (kind.__module__, kind.__qualname__, self._inside(value))

    def _inside(self, value: Any) -> Any:
        if isinstance(value, types.ModuleType):
            return value.__name__
        if isinstance(value, type) and value.__module__ != NAME:
            return value.__module__, value.__qualname__
        if isinstance(value, type):
            space = {k: v for k, v in vars(value).items() if k not in ("__dict__", "__weakref__")}
            return value.__qualname__, value.__module__, self._items(space)
        if isinstance(value, types.FunctionType):
            cells = []
            for cell in value.__closure__ or ():
                try:
                    cells.append(self.of(cell.cell_contents))
                except ValueError:
                    cells.append("empty")
            named = value.__name__, value.__qualname__, value.__module__, value.__doc__
            return (
                named,
                self.of(value.__code__),
                self.of(value.__defaults__),
                self.of(value.__kwdefaults__),
                cells,
                self._items({k: v for k, v in vars(value).items() if "ag_dnc" not in k}),
            )
        if isinstance(value, types.CodeType):
            return (
                value.co_qualname,
                plainly(value.co_filename),
                value.co_code,
                value.co_names,
                value.co_varnames,
                value.co_freevars,
                [self.of(c) for c in value.co_consts],
                list(value.co_positions()),
                value.co_flags,
            )
        if isinstance(value, (list, tuple)):
            return [self.of(v) for v in value], self._state(value)
        if isinstance(value, (set, frozenset)):
            return sorted(repr(self.of(v)) for v in value)
        if isinstance(value, dict):
            return self._items(value), self._state(value)
        if isinstance(value, np.ndarray):
            if value.dtype == object:
                return [self.of(v) for v in value.ravel().tolist()]
            return str(value.dtype), value.shape, value.tobytes(), self._state(value)
        if isinstance(value, np.generic):
            return str(value.dtype), value.tobytes()
        if isinstance(value, BaseException):
            return [self.of(a) for a in value.args], self._items(vars(value))
        if isinstance(value, (staticmethod, classmethod)):
            return self.of(value.__func__)
        if isinstance(value, property):
            return [self.of(f) for f in (value.fget, value.fset, value.fdel)]
        if isinstance(value, types.MethodType):
            return self.of(value.__func__), self.of(value.__self__)
        module = type(value).__module__
        if module.startswith(("tensorflow", "keras")):
            return self._framework(value)
        if module.startswith(("threading", "concurrent.", "_thread")):
            return "a thread, whose number and name the system gives"
        return self._state(value) or self._slots(value) or plainly(object.__repr__(value))

    def _framework(self, value: Any) -> Any:
        if hasattr(value, "numpy") and hasattr(value, "shape"):
            with contextlib.suppress(Exception):
                made = np.asarray(value.numpy())
                if made.dtype != object:
                    return str(made.dtype), made.shape, made.tobytes()
                return repr(made)
        count = getattr(value, "experimental_get_tracing_count", None)
        if count is not None:
            return "traced", count(), self.of(value.python_function)
        if hasattr(value, "variables"):
            with contextlib.suppress(Exception):
                listed = value.variables
                named = [(getattr(v, "path", ""), v.name, v.trainable) for v in listed]
                return named, [np.asarray(v).tobytes() for v in listed]
        return "one of the framework's"

    def _items(self, items: Any) -> list[Any]:
        return [(self.of(k), self.of(v)) for k, v in items.items() if k != "__builtins__"]

    def _state(self, value: Any) -> Any:
        state = getattr(value, "__dict__", None)
        if not isinstance(state, dict):
            return None
        return self._items({k: v for k, v in state.items() if not str(k).startswith(_COUNTERS)})

    def _slots(self, value: Any) -> Any:
        names = [n for c in type(value).__mro__ for n in vars(c).get("__slots__", ())]
        names = [n for n in names if isinstance(n, str) and not n.startswith("__")]
        return [(n, self.of(getattr(value, n, "unset"))) for n in names] or None


def seed() -> None:
    """The same random numbers, and the same names of layers, for each run."""
    random.seed(7)
    np.random.seed(7)
    if "tensorflow" in sys.modules:
        import tensorflow as tf

        tf.keras.backend.clear_session(free_memory=False)
        tf.random.set_seed(7)


def _random_state() -> tuple[Any, ...]:
    state: list[Any] = [hash(random.getstate()), np.random.get_state()[1].tobytes()]
    state.append(np.random.get_state()[2])
    if "tensorflow" in sys.modules:
        import tensorflow as tf

        state.append(tf.random.uniform([2]).numpy().tobytes())
    return tuple(state)


def _formatted(error: BaseException) -> list[str]:
    lines = [plainly(line) for line in traceback.format_exception(error)]
    # TensorFlow's own message on where a graph's tensor was made lists who called the cell.
    lines = [re.sub(r'    File "(?!<cell).*\n|id=\d+', "", line) for line in lines]
    return [re.sub(r"_\d+(?=[ \]/'\"(:]|$)", "_N", line) for line in lines]


def run(source: str, traced: bool) -> Outcome:
    """Run a cell in a module of its own that looks like a notebook's."""
    module = types.ModuleType(NAME)
    sys.modules[NAME] = module
    namespace = module.__dict__
    seed()
    out, err = io.StringIO(), io.StringIO()
    error: BaseException | None = None
    report = None
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            warnings.catch_warnings(record=True) as caught,
        ):
            warnings.simplefilter("always")
            if traced:
                report, error = _traced(source, namespace)
            else:
                error = _plain(source, namespace)
            after = _random_state()
        shown = None if error is None else _formatted(error)
        del error
        names = {k: v for k, v in namespace.items() if not k.startswith("__")}
        names["__annotations__"] = namespace.get("__annotations__")
        facts = Facts()
        seen = {k: facts.of(v) for k, v in names.items()}
    finally:
        del sys.modules[NAME]
    said = [(w.category.__name__, str(w.message), plainly(w.filename), w.lineno) for w in caught]
    said = [w for w in said if w[0] != "ResourceWarning"]
    return Outcome(
        seen, list(namespace), plainly(out.getvalue()), plainly(err.getvalue()), shown, said, after,
        report,
    )  # fmt: skip


def _plain(source: str, namespace: dict[str, Any]) -> BaseException | None:
    filename = f"<plain cell {next(_numbers)}>"
    linecache.cache[filename] = (
        len(source), None, source.splitlines(keepends=True), filename,
    )  # fmt: skip
    code = compile(source, filename, "exec", dont_inherit=True)
    try:
        exec(code, namespace)
    except Exception as raised:
        assert raised.__traceback__ is not None
        raised.__traceback__ = raised.__traceback__.tb_next
        return raised
    return None


def _traced(source: str, namespace: dict[str, Any]) -> tuple[Any, BaseException | None]:
    from tapemagic.api import run_cell
    from tapemagic.session import Session

    told: list[BaseException | None] = []
    finish = Session.finish

    def finished(self: Any, error: BaseException | None = None) -> Any:
        told.append(error)
        return finish(self, error)

    Session.finish = finished  # type: ignore[method-assign]
    try:
        report = run_cell(source, namespace)
    finally:
        Session.finish = finish  # type: ignore[method-assign]
    error = told.pop()
    if error is not None:
        own = {__file__, str(HERE.parents[1] / "tapemagic" / "api.py")}
        entry = error.__traceback__
        while entry is not None and entry.tb_frame.f_code.co_filename in own:
            entry = entry.tb_next
        error.__traceback__ = entry
    return report, error
