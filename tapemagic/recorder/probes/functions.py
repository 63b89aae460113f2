"""The functions probe: which ``tf.function`` body a call runs, and which Keras layer calls."""

from __future__ import annotations

import inspect
import sys
import weakref
from typing import Any

from tapemagic.recorder.kinds import variable_handle
from tapemagic.recorder.log import Log
from tapemagic.recorder.patches import Patches
from tapemagic.recorder.private import Private
from tapemagic.recorder.probes.ops import OpsProbe
from tapemagic.recorder.weave import observed

LIBRARY = "\0"
"""Ends the name of a layer whose code is Keras' own, until the trace is built."""


class FunctionsProbe:
    """Notes the graph of each called function and the layers that ops run in."""

    def __init__(self, log: Log, ops: OpsProbe, private: Private) -> None:
        self.log = log
        self.ops = ops
        self.private = private
        self.layers = False
        self._met: weakref.WeakSet[Any] = weakref.WeakSet()  # graphs of functions that were called

    def install(self, patches: Patches) -> None:
        """Start to listen."""
        cls = self.private.concrete_function
        call = vars(cls)["_call_flat"]
        patches.set(
            cls, "_call_flat", observed(call, self.log, self._enter, self._leave, self._leave)
        )
        thread = self.private.replica_thread
        begun = observed(vars(thread)["__init__"], self.log, self._replicas)
        patches.set(thread, "__init__", begun)

    def _replicas(self, *_arguments: Any) -> None:
        self.log.replica = self.private.replica

    def _enter(self, function: Any, *_arguments: Any) -> Any:
        graph = function.graph
        if self.private.is_compiled(function):
            self.log.compiled.add(f"{graph.name}#{id(graph)}")
        if graph not in self._met:
            self._met.add(graph)
            for variable in graph.variables:  # a call is given their handles, which tell nothing
                handle = variable_handle(variable)
                if handle is not None and hasattr(handle, "_id"):
                    self.log.note_variable(variable, handle)
        outer, self.ops.calling = self.ops.calling, graph
        return outer

    def _leave(self, outer: Any, _result: Any) -> None:
        self.ops.calling = outer

    def install_keras(self, patches: Patches) -> None:
        """Note the layers that ops run in, once Keras is imported."""
        keras = sys.modules.get("keras")
        layer_class = getattr(getattr(keras, "layers", None), "Layer", None)
        if layer_class is not None and "__call__" in vars(layer_class) and not self.layers:
            self.layers = True
            self._layers(patches, layer_class)

    def _layers(self, patches: Patches, layer_class: Any) -> None:
        call = vars(layer_class)["__call__"]
        heard = observed(call, self.log, self._into, self._out_of, self._out_of)
        inner, woven = inspect.unwrap(call), inspect.unwrap(heard)
        codes = [getattr(f, "__code__", None) for f in (inner, woven)]
        if all(codes) and codes[0].co_freevars == codes[1].co_freevars:  # type: ignore[union-attr]
            patches.code(inner, codes[1])  # type: ignore[arg-type]
        else:
            patches.set(layer_class, "__call__", heard)

    def _into(self, layer: Any, *_arguments: Any) -> tuple[tuple[str, ...], Any]:
        outer = self.log.scope, self.ops.stack.enter(sys._getframe(2))
        name = str(getattr(layer, "name", type(layer).__name__))
        library = type(layer).__module__.startswith("keras.")
        self.log.scope = (*outer[0], name + LIBRARY if library else name)
        return outer

    def _out_of(self, outer: tuple[tuple[str, ...], Any], _result: Any) -> None:
        self.log.scope, call = outer
        self.ops.stack.leave(call)
