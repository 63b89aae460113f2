"""The functions probe: which ``tf.function`` body a call runs, and which Keras layer calls."""

from __future__ import annotations

import sys
from typing import Any

from tapemagic.recorder.log import Log
from tapemagic.recorder.patches import Patches
from tapemagic.recorder.private import Private
from tapemagic.recorder.probes.ops import OpsProbe

LIBRARY = "\0"
"""Ends the name of a layer whose code is Keras' own, until the trace is built."""


class FunctionsProbe:
    """Notes the graph of each called function and the layers that ops run in."""

    def __init__(self, log: Log, ops: OpsProbe, private: Private) -> None:
        self.log = log
        self.ops = ops
        self.private = private
        self.layers = False

    def install(self, patches: Patches) -> None:
        """Start to listen."""
        probe = self.ops
        call_flat = self.private.concrete_function._call_flat

        def _call_flat(function: Any, *args: Any, **kwargs: Any) -> Any:
            outer, probe.calling = probe.calling, function.graph
            try:
                return call_flat(function, *args, **kwargs)
            finally:
                probe.calling = outer

        patches.set(self.private.concrete_function, "_call_flat", _call_flat)

    def install_keras(self, patches: Patches) -> None:
        """Note the layers that ops run in, once Keras is imported."""
        keras = sys.modules.get("keras")
        layer_class = getattr(getattr(keras, "layers", None), "Layer", None)
        if layer_class is not None and "__call__" in vars(layer_class) and not self.layers:
            self.layers = True
            self._layers(patches, layer_class)

    def _layers(self, patches: Patches, layer_class: Any) -> None:
        log = self.log
        call = vars(layer_class)["__call__"]

        def __call__(layer: Any, *args: Any, **kwargs: Any) -> Any:
            outer = log.scope
            name = str(getattr(layer, "name", type(layer).__name__))
            library = type(layer).__module__.startswith("keras.")
            log.scope = (*outer, name + LIBRARY if library else name)
            try:
                return call(layer, *args, **kwargs)
            finally:
                log.scope = outer

        __call__.__wrapped__ = call  # type: ignore[attr-defined]
        patches.set(layer_class, "__call__", __call__)
