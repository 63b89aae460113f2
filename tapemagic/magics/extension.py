"""Put the extension into a shell, and take it out without a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tapemagic.magics.magic import TapeMagic

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load(shell: InteractiveShell) -> None:
    """Add the magics, the hooks and the completion to a shell; once is enough."""
    if _loaded(shell) is not None:
        return
    magic = TapeMagic(shell)
    shell.register_magics(magic)
    magic.install()


def unload(shell: InteractiveShell) -> None:
    """Undo ``load``: the shell is as it was before."""
    magic = _loaded(shell)
    if magic is None:
        return
    magic.uninstall()
    manager = shell.magics_manager
    for kind, names in magic.magics.items():
        for name in names:
            manager.magics[kind].pop(name, None)
    manager.registry.pop(TapeMagic.__name__, None)
    configurables: list[Any] = shell.configurables
    configurables.remove(magic)


def _loaded(shell: InteractiveShell) -> TapeMagic | None:
    # IPython's own registry is the only place that remembers, so that two shells in one process
    # do not share anything.
    found = shell.magics_manager.registry.get(TapeMagic.__name__)
    return found if isinstance(found, TapeMagic) else None
