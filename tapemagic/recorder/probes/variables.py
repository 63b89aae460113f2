"""The variables probe: reads that TensorFlow does in C, without an op callback.

In a fast-path op, variables after the first operand are read in C. A data descriptor in the place
of the attribute ``_handle`` sees each read.
"""

from __future__ import annotations

import sys
from threading import get_ident
from types import CodeType
from typing import Any

from tapemagic.recorder.log import Log
from tapemagic.recorder.patches import Patches
from tapemagic.recorder.private import Private


class VariablesProbe:
    """Notes which variables were read since the last op."""

    def __init__(self, log: Log, private: Private) -> None:
        self.log = log
        self.private = private

    def install(self, patches: Patches) -> None:
        """Put the descriptor in place; instances keep their attribute in ``__dict__``."""
        log = self.log
        variables, reads, getframe = log.variables, log.reads, sys._getframe
        others = log.thread_reads
        # By id, since hashing a code object hashes all that is in it; ``kept`` keeps the ids theirs.
        generated: dict[int, bool] = {}
        kept: list[CodeType] = []

        class Handle:
            def __get__(self, variable: Any, owner: Any = None) -> Any:
                if variable is None:
                    return self
                try:
                    handle = variable.__dict__["_handle"]
                except KeyError:
                    raise AttributeError("_handle") from None
                try:
                    known = handle._id
                    if known not in variables:
                        log.note_variable(variable, handle)
                    # Only a read done in C has a generated op wrapper as its nearest frame.
                    code = getframe(1).f_code
                    wrapper = generated.get(id(code))
                    if wrapper is None:
                        kept.append(code)
                        name = code.co_filename.rsplit("/", 1)[-1].rsplit("\\", 1)[-1]
                        wrapper = generated[id(code)] = name.startswith("gen_")
                    if wrapper:
                        mine = others.get(get_ident(), reads) if others else reads
                        mine.append(known)
                except Exception as fault:
                    log.fault("variables", fault)
                return handle

            def __set__(self, variable: Any, handle: Any) -> None:
                variable.__dict__["_handle"] = handle

            def __delete__(self, variable: Any) -> None:
                del variable.__dict__["_handle"]

        patches.set(self.private.variable_class, "_handle", Handle())
