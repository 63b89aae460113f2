"""The tapes probe: the life of each ``tf.GradientTape``, and each query with what came back."""

from __future__ import annotations

import sys
from typing import Any

from tapemagic.recorder.kinds import Kinds, TENSOR, VARIABLE, variable_handle
from tapemagic.recorder.log import Log, RawArgument, RawQuery, RawTape, Where
from tapemagic.recorder.patches import Patches
from tapemagic.recorder.private import Private
from tapemagic.recorder.probes.backward import FINE, NONE, NONFINITE, ZERO, _look
from tapemagic.recorder.probes.ops import OpsProbe

METHODS = ("gradient", "jacobian", "batch_jacobian")
VERDICTS = {NONE: "none", ZERO: "zero", FINE: "connected", NONFINITE: "nan"}


class TapesProbe:
    """Wraps the methods of ``tf.GradientTape`` and of Keras' optimizers."""

    def __init__(self, log: Log, ops: OpsProbe, kinds: Kinds, private: Private) -> None:
        self.mark_of = ops.flow.mark_of
        self.log = log
        self.ops = ops
        self.kinds = kinds
        self.private = private
        self.depth = 0
        self.ids: dict[int, tuple[Any, int]] = {}  # id of a tape -> (its weak reference, number)
        self.kept: dict[Any, list[int]] = {}  # place of a query -> queries whose results are kept
        self.ours = False  # the next tape is opened by tapemagic
        self.keras = False

    # -- install

    def install(self, patches: Patches) -> None:
        """Start to listen."""
        tape = self.private.tape_class
        for name, told in (
            ("_push_tape", "enter"), ("_pop_tape", "exit"), ("reset", "reset"),
        ):  # fmt: skip
            patches.set(tape, name, self._method(vars(tape)[name], told))
        patches.set(tape, "watch", self._watch(vars(tape)["watch"]))
        for name in METHODS:
            patches.set(tape, name, self._query(vars(tape)[name], name))
        self._accesses(patches)

    def install_keras(self, patches: Patches) -> None:
        """Listen to optimizers, once Keras is imported."""
        keras = sys.modules.get("keras")
        base = getattr(getattr(keras, "optimizers", None), "Optimizer", None)
        if base is None or self.keras:
            return
        self.keras = True
        done: set[str] = set()
        for cls in base.__mro__:
            for name in ("apply_gradients", "apply"):
                if name in vars(cls) and name not in done:
                    done.add(name)
                    patches.set(cls, name, self._apply(vars(cls)[name], name))

    def _accesses(self, patches: Patches) -> None:
        """Variables that a tape watches because they are read are noticed at the first read."""
        from tensorflow.python.eager import tape as tape_module

        original = tape_module.variable_accessed

        def variable_accessed(variable: Any) -> Any:
            try:
                handle = variable_handle(variable)
                if handle is not None:
                    self.log.note_variable(variable, handle)
            except Exception as fault:
                self.log.fault("tapes", fault)
            return original(variable)

        patches.set(tape_module, "variable_accessed", variable_accessed)

    # -- the life of a tape

    def raw(self, tape: Any) -> RawTape:
        """The row of a tape."""
        found = self.ids.get(id(tape))
        if found is not None and found[0]() is tape:
            return self.log.tapes[found[1]]
        import weakref

        number = len(self.log.tapes)
        self.ids[id(tape)] = (weakref.ref(tape), number)
        row = RawTape(
            number,
            bool(getattr(tape, "_persistent", False)),
            bool(getattr(tape, "_watch_accessed_variables", True)),
            self._where(),
            self._graph(),
            ours=self.ours,
            key=id(tape),
        )
        self.log.tapes[number] = row
        return row

    def _graph(self) -> str | None:
        graph = self.private.ops.get_default_graph() if not self._eager() else None
        return None if graph is None else f"{graph.name}#{id(graph)}"

    def _eager(self) -> bool:
        from tensorflow.python.eager import context

        return bool(context.executing_eagerly())

    def _where(self) -> tuple[Where, ...]:
        if self._eager():
            return self.log.place(sys._getframe(2))
        return self.mapped()

    def mapped(self) -> tuple[Any, ...]:
        """Places while a function is traced: TensorFlow maps autograph's code to the person's."""
        frames = list(self.private.tf_stack.extract_stack())
        person = self.log.person
        return tuple(
            (f.filename, f.lineno) for f in reversed(frames) if f.filename in person
        )[:6]

    def _event(self, tape: Any, kind: str, tensor: int | None = None) -> None:
        self.raw(tape).events.append(
            (len(self.log.ops), kind, tensor, self._where(), False)
        )

    def _method(self, original: Any, told: str) -> Any:
        probe = self

        def method(tape: Any) -> Any:
            if probe.depth:
                return original(tape)
            if told == "reset":
                probe.depth += 1
                try:
                    result = original(tape)
                finally:
                    probe.depth -= 1
            else:
                result = original(tape)
            try:
                probe._event(tape, told)
            except Exception as fault:
                probe.log.fault("tapes", fault)
            return result

        method.__name__ = original.__name__
        return method

    def _watch(self, original: Any) -> Any:
        probe = self

        def watch(tape: Any, tensor: Any) -> Any:
            try:
                result = original(tape, tensor)
            except Exception:
                kinds = {type(t).__name__ for t in probe._flat(tensor)}
                probe.log.refused.append((probe._where(), ", ".join(sorted(kinds))))
                raise
            try:
                flat = probe._flat(tensor)
                for item in flat:
                    known = probe._id(item)
                    if known is not None:
                        probe._event(tape, "watch", known)
            except Exception as fault:
                probe.log.fault("tapes", fault)
            return result

        return watch

    def _id(self, item: Any) -> int | None:
        if self.kinds.of(item) == VARIABLE:
            handle = variable_handle(item)
            if handle is None:
                return None
            self.log.note_variable(item, handle)
            return int(handle._id)
        if hasattr(item, "_id"):
            if item._id not in self.log.facts:
                if hasattr(item, "_numpy_internal"):
                    self.log.note_tensor(item)
                else:
                    self.log.facts[item._id] = (item.dtype.as_datatype_enum, item)
            return int(item._id)
        return None

    def _flat(self, structure: Any) -> list[Any]:
        from tensorflow.python.util import nest

        return list(nest.flatten(structure, expand_composites=False))

    # -- queries

    def _argument(self, path: str, item: Any) -> RawArgument:
        kind = self.kinds.of(item)
        known = self._id(item) if kind in (TENSOR, VARIABLE) or hasattr(item, "_id") else None
        if known is None:
            flat = getattr(item, "flat_values", getattr(item, "values", None))
            if flat is not None and hasattr(flat, "_id"):
                known = self._id(flat)  # a ragged or sparse tensor: its values are differentiated
        dtype = getattr(item, "dtype", None)
        name = getattr(dtype, "name", None) or (str(dtype) if dtype is not None else "")
        shape = getattr(item, "shape", None)
        if hasattr(shape, "rank"):
            shape = None if shape.rank is None else tuple(shape.as_list())
        elif shape is not None:
            shape = tuple(shape)
        what = "other"
        if known is not None:
            what = "variable" if known in self.log.variables else "tensor"
        mark = self.mark_of(item) if known is None else None
        return RawArgument(path, known, what, name, shape, type(item).__name__, mark)

    def arguments(self, structure: Any) -> list[RawArgument]:
        """The flattened arguments, in the order of ``tf.nest``, with where each one stood."""
        from tensorflow.python.util import nest

        try:
            pairs = nest.flatten_with_tuple_paths(structure)
        except (TypeError, ValueError):
            pairs = [((), structure)]
        return [
            self._argument("".join(f"[{part!r}]" for part in path), item) for path, item in pairs
        ]

    def _query(self, original: Any, method: str) -> Any:
        probe = self

        def query(tape: Any, *args: Any, **kwargs: Any) -> Any:
            if probe.depth:
                return original(tape, *args, **kwargs)
            row = probe._begin(tape, method, args, kwargs)
            outer, probe.depth = probe.depth, 1
            outer_query = probe.ops.query
            probe.ops.query = len(probe.log.queries) - 1 if row is not None else None
            try:
                result = original(tape, *args, **kwargs)
            except BaseException as error:
                if row is not None:
                    row.error = (type(error).__name__, str(error)[:2000])
                raise
            else:
                probe._end(row, result)
                return result
            finally:
                probe.ops.query = outer_query
                probe.depth = outer
                if row is not None:
                    row.op_end = len(probe.log.ops)

        query.__name__ = method
        return query

    def _begin(self, tape: Any, method: str, args: Any, kwargs: Any) -> RawQuery | None:
        try:
            target = args[0] if args else kwargs.get("target")
            sources = args[1] if len(args) > 1 else kwargs.get("sources", kwargs.get("source"))
            unconnected = kwargs.get("unconnected_gradients")
            places = {"gradient": 3, "jacobian": 2, "batch_jacobian": 2}
            if len(args) > places[method]:
                unconnected = args[places[method]]
            text = str(getattr(unconnected, "value", unconnected))
            number = self.raw(tape).id
            row = RawQuery(
                method, number, len(self.log.ops), self._where_query(),
                self.arguments(target), self.arguments(sources), text == "zero", self._graph(),
            )  # fmt: skip
            self.log.queries.append(row)
            return row
        except Exception as fault:
            self.log.fault("tapes", fault)
            return None

    def _where_query(self) -> tuple[Where, ...]:
        if self._eager():
            return self.log.place(sys._getframe(3))
        return self.mapped()

    def _end(self, row: RawQuery | None, result: Any) -> None:
        if row is None:
            return
        try:
            flat = self._results(result, len(row.sources))
            row.results = flat
            row.verdicts = tuple(VERDICTS.get(_look(g), "connected") for g in flat)
            for gradient in flat:
                made = getattr(gradient, "_id", None)
                if made is not None and made not in self.log.facts:
                    if hasattr(gradient, "_numpy_internal"):
                        self.log.note_tensor(gradient)
                    else:
                        self.log.facts[made] = (gradient.dtype.as_datatype_enum, gradient)
            self._forget(row)
        except Exception as fault:
            self.log.fault("tapes", fault)

    def _forget(self, row: RawQuery) -> None:
        """Of a loop's queries with equal verdicts only the last one's results are kept."""
        key = (row.where[:1], row.method, row.verdicts)
        number = len(self.log.queries) - 1
        earlier = self.kept.get(key)
        if earlier is not None:
            old = self.log.queries[earlier[-1]]
            if old is not row:
                old.results = [getattr(g, "_id", None) for g in old.results or ()]
        self.kept[key] = [number]

    def _results(self, result: Any, count: int) -> list[Any]:
        from tensorflow.python.util import nest

        if result is None:
            return [None] * count
        flat: list[Any] = []

        def take(part: Any) -> None:
            if isinstance(part, dict):
                for key in sorted(part):
                    take(part[key])
            elif isinstance(part, (list, tuple)) and not hasattr(part, "indices"):
                for item in part:
                    take(item)
            else:
                flat.append(part)

        if hasattr(result, "indices") and hasattr(result, "values"):
            return [result]
        take(result)
        if len(flat) != count:
            flat = list(nest.flatten(result))
        return flat if len(flat) == count else flat[:count] + [None] * (count - len(flat))

    # -- optimizers

    def _apply(self, original: Any, method: str) -> Any:
        probe = self

        def apply(optimizer: Any, *args: Any, **kwargs: Any) -> Any:
            if probe.depth or probe.ops.query is not None:
                return original(optimizer, *args, **kwargs)
            row = None
            try:
                args, row = probe._begin_apply(method, optimizer, args, kwargs)
            except Exception as fault:
                probe.log.fault("optimizers", fault)
            probe.depth = 1
            try:
                return original(optimizer, *args, **kwargs)
            except BaseException as error:
                if row is not None:
                    row.error = (type(error).__name__, str(error)[:2000])
                raise
            finally:
                probe.depth = 0
                if row is not None:
                    row.op_end = len(probe.log.ops)

        apply.__name__ = method
        return apply

    def _begin_apply(self, method: str, optimizer: Any, args: Any, kwargs: Any) -> Any:
        if method == "apply_gradients":
            pairs = list(args[0] if args else kwargs["grads_and_vars"])
            if args:
                args = (pairs, *args[1:])  # an iterator can be read only once
            else:
                kwargs["grads_and_vars"] = pairs
            gradients = [pair[0] for pair in pairs]
            variables = [pair[1] for pair in pairs]
        else:
            gradients = list(args[0] if args else kwargs["grads"])
            given = args[1] if len(args) > 1 else kwargs.get("trainable_variables")
            if given is None:
                given = getattr(optimizer, "_trainable_variables", [])
            variables = list(given)
        sources = [self._argument(f"[{i}]", v) for i, v in enumerate(variables)]
        row = RawQuery(
            method, None, len(self.log.ops), self._where_query(), [], sources, False, self._graph()
        )
        row.results = gradients
        row.verdicts = tuple(VERDICTS.get(_look(g), "connected") for g in gradients)
        self.log.queries.append(row)
        self._forget(row)
        return args, row
