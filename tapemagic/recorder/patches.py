"""Attributes that are replaced while a cell runs, and put back whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

_MISSING = object()


def to_the_end(step: Callable[[], None]) -> None:
    """Take a step that must be taken, again where an interrupt ended it early.

    Args:
        step: What can be done twice.

    Raises:
        BaseException: The interrupt, once the step was taken.
    """
    interrupt: BaseException | None = None
    while True:
        try:
            step()
            break
        except Exception:
            raise
        except BaseException as error:
            interrupt = error
    if interrupt is not None:
        raise interrupt


class Patches:
    """Replaces attributes and restores the very objects that were there."""

    def __init__(self) -> None:
        self._undo: list[tuple[Any, str, Any]] = []

    def set(self, owner: Any, name: str, value: Any) -> Any:
        """Replace ``owner.name``; the original, taken from the owner's own namespace.

        Args:
            owner: A module, class or object.
            name: The attribute.
            value: What stands there until :meth:`restore`.
        """
        original = vars(owner).get(name, _MISSING)
        self._undo.append((owner, name, original))
        setattr(owner, name, value)
        return None if original is _MISSING else original

    def code(self, function: FunctionType, code: CodeType) -> None:
        """Give a function other code, where a class would have to be changed otherwise.

        A class that changes makes Python forget what it knows of all its subclasses' attributes,
        twice in each run: of Keras' layers there are hundreds.
        """
        self._undo.append((function, "__code__", function.__code__))
        function.__code__ = code

    def restore(self) -> None:
        """Put everything back, last first."""
        while self._undo:
            # An interrupt may come between any two of these steps: all can be taken again.
            owner, name, original = self._undo[-1]
            if original is not _MISSING:
                setattr(owner, name, original)
            elif name in vars(owner):
                delattr(owner, name)
            self._undo.pop()
