"""The ops of ``tf.function`` bodies, read from their graphs on demand, with the person's lines."""

from __future__ import annotations

import re
import sys
import weakref
from pathlib import Path
from typing import Any

from tapemagic.recorder.build import FUNCTION_OPS, Builder
from tapemagic.recorder.log import SMALL, Log
from tapemagic.recorder.probes.functions import LIBRARY
from tapemagic.recorder.values import read_value
from tapemagic.traces.model import Body, Op, Site, Tensor

Where = tuple[str, int]
"""A file and a line."""

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

_MADE_BY = (
    (re.compile(r"(?:.*_)?map_(?:\d+_)?while_(?:\d+_)?body"), "tf.map_fn"),
    (re.compile(r"(?:.*_)?scan_(?:\d+_)?while_(?:\d+_)?body"), "tf.scan"),
    (re.compile(r"(?:.*_)?fold[lr]_(?:\d+_)?while_(?:\d+_)?body"), "tf.foldl or tf.foldr"),
    (re.compile(r"(?:.*_)?while_(?:\d+_)?body"), "loop"),
    (re.compile(r"(?:.*_)?cond_(?:\d+_)?true"), "condition true"),
    (re.compile(r"(?:.*_)?cond_(?:\d+_)?false"), "condition false"),
    (re.compile(r"(?:.*_)?branch(\d+)"), "branch {}"),
)
"""By the name that TensorFlow gives a graph: what of the person's code it is the body of."""
_LAYER = "keras/src/layers/layer.py"
_stacks: weakref.WeakKeyDictionary[Any, dict[str, tuple[tuple[Where, ...], int]]]
_stacks = weakref.WeakKeyDictionary()
"""By graph and name of an op: where it was made, and in how many layers. To read a stack is slow, and
a graph outlives the cell."""
_VECTORIZED = "parallel_for/control_flow_ops.py"


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
        builder: Resolves lines, and knows what was traced.
        private: TensorFlow's private interfaces.
    """

    def __init__(self, log: Log, builder: Builder, private: Any) -> None:
        self.log = log
        self.places = builder.places
        self.private = private
        self.made: dict[str, Body | None] = {}
        self.real: dict[int, Any] = {}  # id of an Op here -> TensorFlow's op
        self._makers: dict[str, dict[int, Any]] = {}  # of a graph: tensor id -> TensorFlow's op
        self._turns: dict[str, int] = {}  # of a loop's body: the most turns that it takes
        self._traces = builder.traces

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

    def runs(self, op: Op) -> tuple[tuple[str, int], ...]:
        """The bodies that an op of the trace runs, as :attr:`tapemagic.traces.model.Op.inner`."""
        if op.body is not None:
            return ((op.body, 0),)
        called = op.type in BODIES or op.type.startswith(FUNCTION_OPS)
        if not called or op.graph is None or not op.outputs:
            return ()
        makers = self._makers.get(op.graph)
        if makers is None:
            graph = self.log.graphs.get(op.graph)
            listed = graph.get_operations() if graph is not None else ()
            makers = self._makers[op.graph] = {t._id: real for real in listed for t in real.outputs}
        real = makers.get(op.outputs[0])
        if real is None:
            return ()
        if op.at is None:
            op.at, op.via = self._sites(real)
        return self._inner(real)

    def _sites(self, real: Any) -> tuple[Site | None, tuple[Site, ...]]:
        """Where in the person's code an op of a graph was made."""
        found = [where for where in _stack(real)[0] if where[0] in self.places.texts]
        sites = self.places.sites(tuple(found[:6]))
        return (sites[0], sites[1:]) if sites else (None, ())

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
                    turns = self._most_turns(real)
                    if turns is not None:
                        self._turns[key] = turns
        return tuple(found)

    def _layers(self, key: str, real: Any) -> tuple[str, ...]:
        """The Keras layers that an op ran in: as heard when it was traced, else by its name."""
        row = self.log.made.get(real.outputs[0]._id) if real.outputs else None
        if row is not None and self.log.ops[row][5] == key:
            return tuple(name.removesuffix(LIBRARY) for name in self.log.ops[row][6])
        # Each call of a layer opens a name scope, the outermost first.
        return tuple(str(real.name).split("/")[:-1][: _stack(real)[1]])

    def _constant(self, real: Any, shape: Any) -> Any:
        """The value of a small constant; what else a graph computes has none yet."""
        if real.type != "Const" or (shape.num_elements() or SMALL + 1) > SMALL:
            return None
        if real.get_attr("dtype").name in ("string", "variant", "resource"):
            return None
        return read_value(self.private.constant_in(real))

    def _most_turns(self, real: Any) -> int | None:
        """How many turns a loop takes at most: its second input, where that is a constant."""
        if not str(real.type).endswith("While"):
            return None
        given = real.inputs[1].op
        if given.type != "Const":
            return None
        turns = int(self.private.constant_in(given))
        return turns if turns >= 0 else None

    def _read(self, key: str, graph: Any) -> Body:
        body = Body(
            key,
            str(graph.name),
            [],
            tuple(t._id for t in graph.inputs),
            tuple(t._id for t in graph.outputs),
            made_by=_made_by(graph),
            compiled=key in self.log.compiled,
            turns=self._turns.get(key),
            traces=self._traces[str(graph.name)],
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
                known = self.log.recorded.get(self.log.made.get(op.outputs[0], -1))
                if known is not None:
                    op.attrs["rule"] = known[0]
            op.at, op.via = self._sites(real)
            op.scope = self._layers(key, real)
            body.tape = body.tape or self.private.is_backward(real)
            for tensor in real.outputs:
                shape = tensor.shape
                body.tensors[tensor._id] = Tensor(
                    tensor._id,
                    tensor.dtype.name,
                    None if shape.rank is None else tuple(shape.as_list()),
                    op=index,
                    value=self._constant(real, shape),
                )
            body.ops.append(op)
            self.real[id(op)] = real
        return body


def _stack(real: Any) -> tuple[tuple[Where, ...], int]:
    """Where an op of a graph was made, outside of the libraries and innermost first; in how many layers."""
    known = _stacks.setdefault(real.graph, {})
    found = known.get(real.name)
    if found is None:
        places, layers, libraries = [], 0, _libraries()
        for frame in real.traceback or ():
            file = frame.filename
            if not file.startswith(libraries):
                places.append((file, frame.lineno))
            elif file.replace("\\", "/").endswith(_LAYER):
                layers += frame.name == "__call__"
        found = known[real.name] = tuple(reversed(places)), layers
    return found


def _libraries() -> tuple[str, ...]:
    """The folders of TensorFlow and Keras, of whose frames a stack mostly consists."""
    found = (sys.modules.get(name) for name in ("tensorflow", "keras"))
    return tuple(str(Path(m.__file__).parent) for m in found if m is not None and m.__file__)


def _made_by(graph: Any) -> str:
    """What of the person's code a graph is the body of."""
    name = str(graph.name)
    if name == "restored_function_body":
        return "loaded function"
    for pattern, words in _MADE_BY:
        found = pattern.match(name)
        if found is not None:
            return words.format(*found.groups())
    first = next((op for op in graph.get_operations() if op.type != "Placeholder"), None)
    frames = [frame.filename for frame in first.traceback or ()] if first is not None else []
    vectorized = name == "f" and any(file.endswith(_VECTORIZED) for file in frames)
    return "tf.vectorized_map" if vectorized else "tf.function"
