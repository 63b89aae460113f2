"""Refuse an option that names something which is nowhere, before the cell runs."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import ModuleType
from typing import Any

from IPython.core.error import UsageError

from tapemagic.magics.expressions import bound_names, free_names
from tapemagic.options import RunOptions

_SHOWN = 8
# Names that IPython puts into every namespace and nobody differentiates.
_IPYTHON_NAMES = frozenset({"In", "Out", "exit", "quit", "open", "get_ipython"})


def check_names(options: RunOptions, body: str, namespace: Mapping[str, Any]) -> None:
    """Check the names in target, sources and watch against the cell and the namespace.

    Raises:
        UsageError: A name is neither in the namespace nor bound by the cell.
    """
    asked = {
        "--target": (options.target,) if options.target else (),
        "--sources": options.sources,
        "--watch": options.watch,
    }
    bound = bound_names(body) if any(asked.values()) else None
    if bound is None:
        return
    for option, expressions in asked.items():
        for expression in expressions:
            for name in sorted(free_names(expression)):
                if name in bound or name in namespace or hasattr(builtins, name):
                    continue
                raise UsageError(_sentence(option, name, known_names(bound, namespace)))


def known_names(bound: Iterable[str], namespace: Mapping[str, Any]) -> list[str]:
    """Give the names that a person may mean: those of the cell first, then the notebook's."""
    own = sorted(name for name in bound if not name.startswith("_"))
    others = sorted(
        name
        for name, value in namespace.items()
        if not name.startswith("_")
        and name not in _IPYTHON_NAMES
        and not isinstance(value, ModuleType | type)
    )
    return list(dict.fromkeys([*own, *others]))


def _sentence(option: str, name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=_SHOWN)
    shown = list(dict.fromkeys([*close, *known]))[:_SHOWN]
    if not shown:
        return f"there is no {name!r} for {option}, nor any other name in the cell or before it."
    more = ", ..." if len(known) > len(shown) else ""
    return f"there is no {name!r} for {option}; there are {', '.join(shown)}{more}."
