"""The state of a session at one moment, as far as it can be put back."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from tapemagic.trying.chance import Chance, Modules, roots
from tapemagic.trying.heap import Heap


class Moment:
    """Names, what they hold, variables' values, random state and the process's surroundings.

    Args:
        namespace: The person's names.
        also: Further objects to keep, which the names no longer reach.
    """

    def __init__(self, namespace: dict[str, Any], also: tuple[Any, ...] = ()) -> None:
        self.namespace = namespace
        self.names = dict(namespace)
        self._modules = Modules()
        self._chance = Chance()
        kinds, keep = _variables()
        self.heap = Heap(kinds, keep)
        self.heap.objects[id(namespace)] = namespace  # the names are put back by themselves
        self.heap.keep([*self.names.values(), *roots(), *also])
        self._environment = dict(os.environ)
        self._directory = _directory()
        self._path = list(sys.path)

    def restore(self) -> None:
        """Put everything back as it was at this moment."""
        self.heap.restore()
        names = self.namespace
        if list(names) != list(self.names) or any(names[k] is not v for k, v in self.names.items()):
            names.clear()
            names.update(self.names)
        self._modules.restore()
        self._chance.restore()
        if dict(os.environ) != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        if self._directory is not None and _directory() != self._directory:
            os.chdir(self._directory)
        if sys.path != self._path:
            sys.path[:] = self._path

    def crossed(self) -> bool:
        """Whether what ran since used kernels of random ops that the person's next ops will use."""
        return self._chance.crossed()

    def apart(self) -> None:
        """Let what runs now draw its random numbers apart from the person's."""
        self._chance.apart()


def _directory() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - what os.chdir takes
    except OSError:
        return None


def _variables() -> tuple[Any, Callable[[Any], Callable[[], None]] | None]:
    """The kind of a TensorFlow variable and how its value is kept, if TensorFlow is there."""
    if "tensorflow.python.ops.resource_variable_ops" not in sys.modules:
        return (), None
    from tapemagic.trying.values import keep_variable, variable_class

    return variable_class(), keep_variable
