"""The ops of ``tf.function`` bodies, read from their graphs on demand, with the person's lines."""

from __future__ import annotations

from typing import Any

from tapemagic.recorder.build import Places
from tapemagic.recorder.log import Log
from tapemagic.traces.model import Body, Op, Tensor

BODIES = {
    "PartitionedCall": (0, ("f",)),
    "StatefulPartitionedCall": (0, ("f",)),
    "If": (1, ("then_branch", "else_branch")),
    "StatelessIf": (1, ("then_branch", "else_branch")),
    "Case": (1, ("branches",)),
    "StatelessCase": (1, ("branches",)),
    "While": (0, ("body",)),
    "StatelessWhile": (0, ("body",)),
}
"""How many inputs an op takes for itself, and which attributes name the bodies that get the rest."""


def _function_graph(graph: Any, name: str) -> Any:
    """The graph of a function by its name, looked up from inside out; None if it is not known."""
    while graph is not None:
        function = graph._get_function(name)
        if function is not None:
            return getattr(function, "graph", None)
        graph = getattr(graph, "outer_graph", None)
    return None


class Bodies:
    """Reads each body once.

    Args:
        log: The rows; it holds the graphs of functions that were called.
        places: Resolves lines.
    """

    def __init__(self, log: Log, places: Places) -> None:
        self.log = log
        self.places = places
        self.made: dict[str, Body | None] = {}
        self.real: dict[int, Any] = {}  # id of an Op here -> TensorFlow's op

    def get(self, key: str) -> Body | None:
        """The body by its key in the log, or None if its graph is gone."""
        if key not in self.made:
            graph = self.log.graphs.get(key)
            try:
                self.made[key] = None if graph is None else self._read(key, graph)
            except Exception as fault:
                self.log.fault("function body", fault)
                self.made[key] = None
        return self.made[key]

    def _inner(self, real: Any) -> tuple[tuple[str, int], ...]:
        """The bodies that an op of a graph runs: called functions, branches, a loop's body."""
        names = BODIES.get(str(real.type))
        if names is None:
            return ()
        found = []
        for name in names[1]:
            value = real.node_def.attr[name]
            for function in (value.func, *value.list.func):
                graph = _function_graph(real.graph, function.name) if function.name else None
                if graph is not None:
                    key = f"{graph.name}#{id(graph)}"
                    self.log.graphs.setdefault(key, graph)
                    found.append((key, names[0]))
        return tuple(found)

    def _read(self, key: str, graph: Any) -> Body:
        body = Body(
            key,
            str(graph.name),
            [],
            tuple(t._id for t in graph.inputs),
            tuple(t._id for t in graph.outputs),
        )
        for index, real in enumerate(graph.get_operations()):
            op = Op(
                index,
                str(real.type),
                tuple(t._id for t in real.inputs),
                tuple(t._id for t in real.outputs),
                graph=key,
            )
            op.inner = self._inner(real)
            if "_gradient_op_type" in real.node_def.attr:
                op.rule = "custom_gradient"  # tf.custom_gradient in a graph overrides an IdentityN
            found = [
                (f.filename, f.lineno)
                for f in reversed(list(real.traceback or ()))
                if f.filename in self.places.texts
            ]
            sites = self.places.sites(tuple(found[:6]))
            if sites:
                op.at, op.via = sites[0], sites[1:]
            for tensor in real.outputs:
                shape = tensor.shape
                body.tensors[tensor._id] = Tensor(
                    tensor._id,
                    tensor.dtype.name,
                    None if shape.rank is None else tuple(shape.as_list()),
                    op=index,
                )
            body.ops.append(op)
            self.real[id(op)] = real
        return body
