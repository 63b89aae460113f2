"""The threads probe: ops that run on threads which the person's code starts.

Tapes and op callbacks are per thread: what another thread computes is on no tape of the cell's. Its ops
are kept aside, and become rows of the log when one of their tensors is met on the cell's own thread.
"""

from __future__ import annotations

import sys
import threading
from threading import get_ident
from typing import Any

from tapemagic.recorder.log import Elsewhere, Log
from tapemagic.recorder.patches import Patches
from tapemagic.recorder.private import Private
from tapemagic.recorder.weave import observed

_MOST = 50_000
"""Most ops that are kept aside."""

_listening: set[int] = set()
"""The threads that have the callback; those of a pool outlive the cell that started them."""
_current: list[ThreadsProbe] = []
"""The probe of the cell that runs now."""


class ThreadsProbe:
    """Gives each thread that starts a callback of its own."""

    def __init__(self, log: Log, private: Private) -> None:
        self.log = log
        self.private = private

    def install(self, patches: Patches) -> None:
        """Start to listen."""
        _current[:] = [self]
        alive = {thread.ident for thread in threading.enumerate()}
        _listening.intersection_update(n for n in alive if n is not None)
        self.log.thread_reads.clear()
        self.log.thread_reads.update((ident, []) for ident in _listening)
        begin = vars(threading.Thread).get("_bootstrap_inner")
        if begin is not None:
            patches.set(
                threading.Thread, "_bootstrap_inner", observed(begin, self.log, self._begun)
            )

    def restore(self) -> None:
        """Stop to listen: the callbacks find nobody to tell."""
        _current.clear()

    def _begun(self, thread: Any) -> None:
        ident = get_ident()
        if isinstance(thread, self.private.replica_thread):
            self.log.thread_reads.pop(ident, None)  # its ops are the cell's own
            return
        _listening.add(ident)
        self.log.thread_reads[ident] = []
        self.private.op_callbacks.add_op_callback(_on_op)

    def heard(self, op_type: Any, inputs: Any, outputs: Any) -> None:
        """An op ran on another thread."""
        log = self.log
        if len(log.elsewhere) >= _MOST:
            return
        ins = tuple([t._id for t in inputs])
        outs = tuple([t._id for t in outputs])
        places = log.place(sys._getframe(3))
        reads = log.thread_reads.get(get_ident(), [])
        for known, tensor in zip(ins, inputs, strict=True):
            if known not in log.made and known not in log.elsewhere and known not in log.variables:
                handle = self._read(tensor, reads)
                if handle is not None:
                    row = Elsewhere("ReadVariableOp", (handle,), (known,), places)
                    log.elsewhere[known] = row
        reads.clear()
        name = op_type.decode() if type(op_type) is bytes else str(op_type)
        row = Elsewhere(name, ins, outs, places)
        for made in outs:
            log.elsewhere[made] = row
        for tensor in (*inputs, *outputs):
            log.facts.setdefault(tensor._id, (tensor._datatype_enum(), tensor._shape_tuple()))

    def _read(self, tensor: Any, reads: list[int]) -> int | None:
        """The variable that was read in C to give an op its input, as its shape and dtype tell."""
        for handle in reads:
            facts = self.log.variables.get(handle)
            if facts is not None and facts.shape == tensor._shape_tuple():
                if facts.dtype == self.private.dtype_name(tensor._datatype_enum()):
                    reads.remove(handle)
                    return handle
        return None


def _on_op(
    op_type: Any, inputs: Any, attrs: Any, outputs: Any, op_name: Any = None, graph: Any = None
) -> None:
    del attrs, op_name
    if graph is not None or not _current:
        return
    probe = _current[0]
    try:
        probe.heard(op_type, inputs, outputs)
    except Exception as fault:
        probe.log.fault("threads", fault)
