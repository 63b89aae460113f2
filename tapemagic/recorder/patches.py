"""Attributes that are replaced while a cell runs, and put back whatever happens."""

from __future__ import annotations

from typing import Any

_MISSING = object()


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

    def restore(self) -> None:
        """Put everything back, last first."""
        while self._undo:
            owner, name, original = self._undo.pop()
            if original is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, original)
