"""What a person touches in a notebook: ``%%tape``, ``%tape``, their options, their completion.

A cell that starts with ``%%tape`` is run by IPython itself (``native``); below another magic, or
through ``run_cell_magic``, its body is run by us (``nested``). Both hand it to one ``TracedRun``.
"""

from __future__ import annotations

from tapemagic.magics.extension import load, unload

__all__ = ["load", "unload"]
