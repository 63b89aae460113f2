"""What a Python value is to the data flow: a tensor, a variable, a carrier, or a value to mark."""

from __future__ import annotations

import sys
import types
from collections import deque
from collections.abc import Iterator
from threading import current_thread
from typing import Any

TENSOR, VARIABLE, PLAIN, CONTAINER, SHARED, ARRAY, OBJECT, COMPOSITE = range(1, 9)
"""Kinds of value. COMPOSITE holds tensors (ragged, sparse, indexed slices); PLAIN carries nothing;
SHARED may be one object for many values (small ints); ARRAY can be marked by identity; CONTAINER is
searched; OBJECT is marked when made by a call."""

_PLAIN = (
    type(None), type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType,
    types.MethodType, types.CodeType, slice, range, type(Ellipsis), type(NotImplemented),
)  # fmt: skip
_CONTAINERS = (list, tuple, dict, set, frozenset, deque)
_WRAPPERS = ("_DictWrapper", "_TupleWrapper")
"""What a ``tf.Module`` makes of a dict or tuple that is one of its attributes; a list stays a list."""
_LIBRARIES = frozenset(("builtins", "tensorflow", "keras", "numpy"))
_FRAMEWORK = ("tensorflow", "keras", "tf_keras", "matplotlib", "google.protobuf")


_lasting: dict[type, int] = {}
"""The kinds of TensorFlow's, Keras' and NumPy's own types: they are there in the next cell too."""


class Kinds:
    """Classifies values by type, once per type.

    Values are classified without importing TensorFlow: a type's own bases tell.
    """

    def __init__(self) -> None:
        self.known: dict[type, int] = {
            int: SHARED, bool: SHARED, float: ARRAY, str: ARRAY, **_lasting,
        }  # fmt: skip

    def of(self, value: Any) -> int:
        """The kind of a value."""
        kind = self.known.get(type(value))
        if kind is None:
            cls = type(value)
            kind = self.known[cls] = self._classify(cls)
            home = sys.modules.get(cls.__module__) if _is_lasting(cls) else None
            if home is not None and vars(home).get(cls.__name__) is cls:
                _lasting[cls] = kind
        return kind

    @staticmethod
    def _classify(kind: type) -> int:
        cls = kind
        names = {f"{base.__module__}.{base.__name__}" for base in cls.__mro__}
        if any(n.startswith("tensorflow.") and n.endswith("ResourceVariable") for n in names):
            return VARIABLE
        if any(
            n.endswith(("common.variables.Variable", ".KerasVariable", ".DistributedVariable"))
            for n in names
        ):
            return VARIABLE
        if any(n.startswith("tensorflow.") and n.endswith("tensor.Tensor") for n in names):
            return TENSOR
        if any(n.endswith("composite_tensor.CompositeTensor") for n in names):
            return COMPOSITE
        if issubclass(cls, _PLAIN):
            return PLAIN
        if issubclass(cls, _CONTAINERS):
            return CONTAINER
        if cls.__name__ in _WRAPPERS and any(n.startswith("tensorflow.") for n in names):
            return CONTAINER
        root = cls.__module__
        if cls.__name__ == "TensorShape":
            return OBJECT
        if root.startswith(_FRAMEWORK):
            return PLAIN
        if any(n.split(".")[0] in ("tensorflow", "keras") for n in names):
            return PLAIN  # a model or layer of the person's: its state is in variables
        if cls.__name__ == "ndarray" or root == "numpy" or issubclass(cls, (complex, bytes, int)):
            return ARRAY
        return OBJECT


def _is_lasting(cls: type) -> bool:
    """Whether a type is a library's: a person's own would be kept alive by being known."""
    name = cls.__module__
    return isinstance(name, str) and name.partition(".")[0] in _LIBRARIES


def variable_handle(value: Any) -> Any:
    """The resource handle of a variable, or None. A Keras variable wraps a tf.Variable."""
    names = getattr(value, "__dict__", None)
    if names is not None and "_handle" in names:
        return names["_handle"]
    return getattr(unwrapped(value), "__dict__", {}).get("_handle")


def components(value: Any) -> list[Any]:
    """The tensors of a ragged or sparse tensor, or of indexed slices."""
    import tensorflow as tf  # whoever made the value has imported it

    return [t for t in tf.nest.flatten(value, expand_composites=True) if hasattr(t, "_id")]


def unwrapped(value: Any) -> Any:
    """The ``tf.Variable`` of a Keras variable; other values as they are."""
    names = getattr(value, "__dict__", {})
    if "_handle" not in names and "_value" in names:
        return names["_value"]
    if "_handle" not in names and names.get("_values"):
        parts = names["_values"]  # of a distributed variable, one for each replica
        number = getattr(current_thread(), "replica_id", 0)
        return parts[number if isinstance(number, int) and number < len(parts) else 0]
    return value


def own_names(owner: Any) -> dict[str, Any] | None:
    """The attributes that an object holds itself, without asking its class."""
    try:
        found = object.__getattribute__(owner, "__dict__")
    except AttributeError:
        return None
    return found if type(found) is dict else None


def items(box: Any) -> Iterator[Any]:
    """The values in a container, past any ``__iter__`` of the person's own."""
    if not issubclass(type(box), _CONTAINERS):
        box = box.__wrapped__
    for base in (dict, list, tuple, set, frozenset, deque):
        if isinstance(box, base):
            return iter(dict.values(box) if base is dict else base.__iter__(box))  # type: ignore[arg-type]
    return iter(())


def leaves(value: Any, kinds: Kinds, limit: int = 512) -> list[Any]:
    """The values inside containers, at most ``limit`` of them."""
    if kinds.of(value) != CONTAINER:
        return [value]
    found: list[Any] = []
    todo = [value]
    while todo and len(found) < limit:
        for item in items(todo.pop()):
            if kinds.of(item) == CONTAINER and len(todo) < 64:
                todo.append(item)
            else:
                found.append(item)
                if len(found) >= limit:
                    break
    return found
