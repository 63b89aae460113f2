"""The objects that stand in rewritten code, and what they are when tracing is over."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

HOT = ("o", "c", "r", "n", "p", "z", "e", "turn")  # they run most, and guard themselves
HANDING = ("s", "v", "i", "a", "b", "k", "w", "turned")  # they hand their second argument on
GUARDED = (*HANDING, "j", "t", "u", "g", "sync", "enter", "within")


class Hooks:
    """The object that stands in rewritten code; its attributes are the hooks.

    When tracing ends they become plain pass-throughs, for code that is still running.
    It has no ``__getattr__``: with one, Python looks every attribute up the slow way.
    """

    def __reduce__(self) -> Any:
        return (inert_hooks, ())


class Flags:
    """``b0``, ``b1``, ..: whether a loop or function runs its watched copy.

    One is read in each turn, also of a loop that runs plain: as for the hooks, no ``__getattr__``.
    """

    def __reduce__(self) -> Any:
        return (inert_flags, ())


class _InertHooks(Hooks):
    def __getattr__(self, name: str) -> Any:
        if name[0] == "d" and name[1:].isdigit():
            return lambda function: function
        raise AttributeError(name)


class _InertFlags(Flags):
    def __getattr__(self, name: str) -> bool:
        return False


def inert_flags() -> Flags:
    """Flags of code that is not traced: it runs plain."""
    return _InertFlags()


def inert_hooks() -> Hooks:
    """Hooks that only pass values through."""
    hooks = _InertHooks()
    silence(hooks)
    return hooks


def silence(hooks: Hooks) -> None:
    """Turn every hook into a pass-through."""

    def second(_spot: Any, value: Any, *_more: Any) -> Any:
        return value

    def nothing(*_args: Any) -> bool:
        return False

    for name in list(vars(hooks)):
        if name[0] == "d" and name[1:].isdigit():
            setattr(hooks, name, lambda function: function)
    for name in ("o", "c", "r", "n", *HANDING):
        setattr(hooks, name, second)
    for name in ("j", "t", "u", "g", "e", "turn", "sync", "enter", "within"):
        setattr(hooks, name, nothing)
    hooks.p = lambda _spot, _old, value: value  # type: ignore[attr-defined]
    hooks.around = nullcontext()  # type: ignore[attr-defined]
    hooks.z = lambda value: value  # type: ignore[attr-defined]
