"""Tells when the person's code has imported TensorFlow or Keras, without importing either."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any


class ImportWatch(importlib.abc.MetaPathFinder):
    """A finder that finds nothing itself, and calls back when a module has been executed.

    Args:
        names: Top-level modules to tell of.
        told: Called with the name, after the module's code ran.
    """

    def __init__(self, names: set[str], told: Callable[[str], None]) -> None:
        self.names = names
        self.told = told

    def install(self) -> None:
        """Stand first among the finders."""
        sys.meta_path.insert(0, self)

    def restore(self) -> None:
        """Leave the finders."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> Any:
        """The spec that the other finders give, with a loader that calls back."""
        if fullname not in self.names:
            return None
        self.names.discard(fullname)
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                loader = spec.loader
                if loader is not None and hasattr(loader, "exec_module"):
                    self._hook(loader, fullname)
                return spec
        return None

    def _hook(self, loader: Any, name: str) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            del loader.exec_module
            execute(module)
            self.told(name)

        loader.exec_module = exec_module
