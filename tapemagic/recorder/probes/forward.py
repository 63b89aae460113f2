"""The forward-mode probe: what a ``tf.autodiff.ForwardAccumulator`` runs beside the person's ops.

For each op that it follows, TensorFlow calls a function that computes the op's JVP, and does so
between executing the op and recording it on the tapes. So a JVP's ops are seen before the op that
they are of. Here that op is written down first, with the variable that it read in C.
"""

from __future__ import annotations

from typing import Any

from tapemagic.recorder.log import Log
from tapemagic.recorder.patches import Patches
from tapemagic.recorder.private import Private
from tapemagic.recorder.probes.ops import OpsProbe
from tapemagic.recorder.weave import observed

FORWARD_MODE = (
    "A tf.autodiff.ForwardAccumulator ran. It needs no tape, and what it computes is not explained."
)


class ForwardProbe:
    """Tells the ops probe when a JVP begins and ends, and of which op it is."""

    def __init__(self, log: Log, ops: OpsProbe, private: Private) -> None:
        self.log = log
        self.ops = ops
        self.private = private
        self._registered: Any = None

    def install(self, patches: Patches) -> None:
        """Start to listen."""
        accumulator = self.private.accumulator_class
        begun = observed(vars(accumulator)["_push_accumulator"], self.log, self._begun)
        patches.set(accumulator, "_push_accumulator", begun)
        self._registered = self.private.jvp_function
        self.private.register_jvp_function(
            observed(self._registered, self.log, self._before, self._after, self._after)
        )

    def restore(self) -> None:
        """Stop to listen."""
        if self._registered is not None:
            self.private.register_jvp_function(self._registered)

    def _begun(self, _accumulator: Any) -> None:
        if FORWARD_MODE not in self.log.notes:
            self.log.notes.append(FORWARD_MODE)

    def _before(
        self, op_type: Any, attrs: Any, inputs: Any, outputs: Any, *_tangents: Any
    ) -> list[int]:
        """A JVP begins; the variables that were read in C for what runs next wait until its end."""
        reads = list(self.log.reads)
        try:
            self.ops.ahead_of_callback(op_type, attrs, inputs, outputs)
        finally:
            self.log.reads.clear()
            self.ops.beside += 1
        return reads

    def _after(self, reads: list[int], _result: Any) -> None:
        self.ops.beside -= 1
        self.log.reads[:] = reads
