"""What Python objects hold, kept and put back in place.

References are kept, not copies of what they refer to: lists, dicts, sets and the attributes of the
person's own objects, of Keras objects and of TensorFlow modules, each as it was. Arrays are copied.
"""

from __future__ import annotations

import collections
import random
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any

_MOST = 300_000
_OF_TENSORFLOW = (
    "tensorflow.python.trackable", "tensorflow.python.module", "tensorflow.python.training",
    "tensorflow.python.ops.stateful_random_ops", "tensorflow.python.checkpoint",
)  # fmt: skip
_PLAIN = (str, bytes, int, float, complex, bool, type(None), types.ModuleType, range, slice)

Undo = Callable[[], None]


class Heap:
    """Walks what can be reached from some objects, and remembers what each holds.

    Args:
        variables: Kind of object whose value is kept by ``keep_variable``, if TensorFlow is there.
        keep_variable: Gives the undo for a variable's value.
    """

    def __init__(
        self,
        variables: type | tuple[type, ...] = (),
        keep_variable: Callable[[Any], Undo] | None = None,
    ) -> None:
        self.objects: dict[int, Any] = {}
        self._undo: list[Undo] = []
        self._variables = variables
        self._keep_variable = keep_variable

    def keep(self, roots: Iterable[Any]) -> Heap:
        """Remember the roots and what can be reached from them."""
        todo = collections.deque(roots)
        while todo and len(self.objects) < _MOST:
            one = todo.popleft()
            if type(one) in _PLAIN or id(one) in self.objects:
                continue
            self.objects[id(one)] = one
            try:
                todo.extend(self._held(one))
            except Exception:  # noqa: S112 - what can't be read can't be put back either
                continue
        return self

    def restore(self) -> None:
        """Put everything back; what was created since is forgotten."""
        for undo in self._undo:
            try:
                undo()
            except Exception:  # noqa: S112 - the others still can
                continue

    def _held(self, one: Any) -> Iterable[Any]:
        kind = type(one)
        if self._variables and isinstance(one, self._variables):
            if self._keep_variable is not None:
                self._undo.append(self._keep_variable(one))
            return ()
        if isinstance(one, types.FunctionType):
            return self._function(one)
        if isinstance(one, types.MethodType):
            return (one.__self__, one.__func__)
        if isinstance(one, types.CellType):
            return self._cell(one)
        if isinstance(one, type):
            return self._class(one)
        found = list(self._container(one, kind))
        if hasattr(kind, "__wrapped__") and hasattr(one, "__wrapped__"):
            found.append(one.__wrapped__)
        if kind.__module__.startswith("tensorflow.") and hasattr(one, "_python_function"):
            return [one._python_function]  # a tf.function: its traces are its own
        if _is_ours(kind):
            found += self._attributes(one)
        return found

    # -- kinds

    def _container(self, one: Any, kind: type) -> Iterable[Any]:
        if issubclass(kind, list):
            kept = list.copy(one)
            self._undo.append(lambda: _put(list.__len__(one), one, kept))
            return kept
        if issubclass(kind, collections.OrderedDict):
            return self._mapping(one, collections.OrderedDict)
        if issubclass(kind, dict):
            return self._mapping(one, dict)
        if issubclass(kind, (set, bytearray, collections.deque)):
            return self._collection(one, kind)
        if issubclass(kind, (tuple, frozenset)):
            return tuple(one)
        if isinstance(one, random.Random):
            state = one.getstate()
            self._undo.append(lambda: one.setstate(state))
            return ()
        self._of_numpy(one)
        return ()

    def _mapping(self, one: Any, base: Any) -> Iterable[Any]:
        kept = dict(base.items(one))

        def undo() -> None:
            if list(base.keys(one)) == list(kept) and all(
                base.__getitem__(one, k) is v for k, v in kept.items()
            ):
                return
            base.clear(one)
            for key, value in kept.items():
                base.__setitem__(one, key, value)

        self._undo.append(undo)
        return [*kept, *kept.values()]

    def _collection(self, one: Any, kind: type) -> Iterable[Any]:
        base: Any = next(b for b in (set, bytearray, collections.deque) if issubclass(kind, b))
        kept = base(one)

        def undo() -> None:
            if base(one) != kept:
                base.clear(one)
                (base.update if base is set else base.extend)(one, kept)

        self._undo.append(undo)
        return () if base is bytearray else list(kept)

    def _of_numpy(self, one: Any) -> None:
        numpy = sys.modules.get("numpy")
        if numpy is None:
            return
        if isinstance(one, numpy.ndarray):
            if one.dtype != object and one.flags.writeable:
                kept = one.copy()
                self._undo.append(lambda: numpy.copyto(one, kept))
        elif isinstance(one, numpy.random.RandomState):
            state = one.get_state()
            self._undo.append(lambda: one.set_state(state))
        elif isinstance(one, numpy.random.Generator):
            bits, where = one.bit_generator, one.bit_generator.state
            self._undo.append(lambda: setattr(bits, "state", where))

    def _function(self, one: types.FunctionType) -> Iterable[Any]:
        code, defaults, named = one.__code__, one.__defaults__, one.__kwdefaults__

        def undo() -> None:
            one.__defaults__, one.__kwdefaults__ = defaults, named
            if one.__code__ is not code:
                one.__code__ = code

        self._undo.append(undo)
        return [*(one.__closure__ or ()), *(defaults or ()), vars(one)]

    def _cell(self, one: types.CellType) -> Iterable[Any]:
        try:
            kept = one.cell_contents
        except ValueError:
            return ()
        self._undo.append(lambda: setattr(one, "cell_contents", kept))
        return (kept,)

    def _class(self, one: type) -> Iterable[Any]:
        if not _is_persons(one):
            return ()
        kept = {k: v for k, v in vars(one).items() if not k.startswith("__")}

        def undo() -> None:
            now = vars(one)
            for name in [k for k in now if not k.startswith("__") and k not in kept]:
                delattr(one, name)
            for name, value in kept.items():
                if now.get(name, undo) is not value:
                    setattr(one, name, value)

        self._undo.append(undo)
        return list(kept.values())

    def _attributes(self, one: Any) -> Iterable[Any]:
        found: list[Any] = []
        attributes = getattr(one, "__dict__", None)
        if isinstance(attributes, dict):
            found.append(type(one))
            found += self._mapping(attributes, dict)
        for base in type(one).__mro__:
            slots = vars(base).get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                if name not in ("__dict__", "__weakref__") and hasattr(one, name):
                    value = getattr(one, name)
                    found.append(value)
                    self._undo.append(lambda n=name, v=value: object.__setattr__(one, n, v))  # type: ignore[misc]
        return found


def _put(count: int, one: Any, kept: list[Any]) -> None:
    if count != len(kept) or any(a is not b for a, b in zip(list.copy(one), kept, strict=True)):
        list.__setitem__(one, slice(None), kept)


def _is_persons(kind: type) -> bool:
    """Whether a class was defined in a notebook, a script or a module of the person's own."""
    name = kind.__module__
    if name in ("__main__", "builtins"):
        return name == "__main__"
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if module is None or file is None:
        return module is None or name.split(".", maxsplit=1)[0] not in sys.stdlib_module_names
    return "site-packages" not in file and "dist-packages" not in file and not _is_standard(name)


def _is_standard(name: str) -> bool:
    root = name.split(".", maxsplit=1)[0]
    return root in sys.stdlib_module_names or root == "tapemagic"


def _is_ours(kind: type) -> bool:
    """Whether the attributes of a class's objects are kept."""
    name = kind.__module__
    if name.startswith(("keras.", "tf_keras.")) or name.startswith(_OF_TENSORFLOW):
        return True
    return _is_persons(kind)
