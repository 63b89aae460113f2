"""See why a TensorFlow gradient is None.

In a notebook::

    %load_ext tapemagic

    %%tape
    ...

In plain Python::

    report = tapemagic.run_cell(source, namespace)

    with tapemagic.trace() as t:
        ...
    print(t.report)

Importing this module is cheap and imports no TensorFlow: each name is fetched when it is first
asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from tapemagic.api import run_cell
    from tapemagic.report import Report, load
    from tapemagic.tracing import trace

__version__ = "0.1.0"

__all__ = [
    "Report",
    "__version__",
    "load",
    "load_ipython_extension",
    "run_cell",
    "trace",
    "unload_ipython_extension",
]

_HOMES = {
    "Report": "tapemagic.report",
    "load": "tapemagic.report",
    "run_cell": "tapemagic.api",
    "trace": "tapemagic.tracing",
}


def __getattr__(name: str) -> Any:
    """Fetch a public name from the module that defines it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, fetched or not."""
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add ``%%tape`` and ``%tape`` to a shell; ``%load_ext tapemagic`` calls this."""
    from tapemagic.magics import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take everything back out of a shell; ``%unload_ext tapemagic`` calls this."""
    from tapemagic.magics import unload

    unload(shell)
