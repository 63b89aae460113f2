"""The tapes probe: the life of each ``tf.GradientTape``, and each query with what came back."""

from __future__ import annotations

import sys
from functools import partial
from types import FrameType
from typing import Any

from tapemagic.recorder.kinds import TENSOR, VARIABLE, Kinds, variable_handle
from tapemagic.recorder.log import Log, RawArgument, RawQuery, RawTape, Where
from tapemagic.recorder.patches import Patches
from tapemagic.recorder.portraits import Portraits, axes
from tapemagic.recorder.private import Private
from tapemagic.recorder.probes.ops import OpsProbe
from tapemagic.recorder.values import Later
from tapemagic.recorder.weave import observed

METHODS = ("gradient", "jacobian", "batch_jacobian")


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
        self.ours = False  # the next tape is opened by tapemagic
        self.keras = False
        self.applying = False
        self.later = Later()
        self.portraits = Portraits()

    # -- install

    def install(self, patches: Patches) -> None:
        """Start to listen."""
        tape = self.private.tape_class
        for name, told in (("_push_tape", "enter"), ("_pop_tape", "exit")):
            self._weave(patches, tape, name, before=first, after=partial(self._told, told))
        self._weave(patches, tape, "reset", before=self._reset, after=self._was_reset)
        self._weave(patches, tape, "watch", before=pair, after=self._watched, failed=self._refused)
        for name in METHODS:
            self._weave(
                patches, tape, name,
                before=partial(self._begin, name), after=self._end, failed=self._failed,
            )  # fmt: skip

    def install_keras(self, patches: Patches) -> None:
        """Listen to optimizers, once Keras is imported."""
        keras = sys.modules.get("keras")
        base = getattr(getattr(keras, "optimizers", None), "Optimizer", None)
        if base is None or self.keras:
            return
        self.keras = True
        for cls in base.__mro__:
            if "apply_gradients" in vars(cls):
                self._weave(patches, cls, "apply_gradients", before=self._applying)
            if "apply" in vars(cls):
                self._weave(
                    patches, cls, "apply",
                    before=self._begin_apply, after=self._end_apply, failed=self._failed_apply,
                )  # fmt: skip
                break

    def _weave(self, patches: Patches, owner: Any, name: str, **callbacks: Any) -> None:
        patches.set(owner, name, observed(vars(owner)[name], self.log, **callbacks))

    # -- the life of a tape

    def raw(self, tape: Any) -> RawTape:
        """The row of a tape."""
        found = self.ids.get(id(tape))
        if found is not None and found[0]() is tape:
            return self.log.tapes[found[1]]
        import weakref

        number = len(self.log.tapes)
        ref = weakref.ref(tape)
        self.ids[id(tape)] = (ref, number)
        row = RawTape(
            number,
            bool(getattr(tape, "_persistent", False)),
            bool(getattr(tape, "_watch_accessed_variables", True)),
            self._where(),
            self._graph(),
            ours=self.ours,
            tape=ref,
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
        return tuple((f.filename, f.lineno) for f in reversed(frames) if f.filename in person)[:6]

    def _event(self, tape: Any, kind: str, tensor: int | None = None) -> None:
        if self.ops.beside:
            return  # forward mode differentiates with tapes of its own
        self.raw(tape).events.append((len(self.log.ops), kind, tensor, self._where(), False))

    def _told(self, kind: str, tape: Any, _result: Any) -> None:
        if not self.depth and tape is not None and self.private.observed_here(self.ops.on_op):
            self._event(tape, kind)

    def _reset(self, tape: Any) -> Any:
        self.depth += 1
        return tape

    def _was_reset(self, tape: Any, _result: Any) -> None:
        self.depth -= 1
        if not self.depth:
            self._event(tape, "reset")

    def _watched(self, state: Any, _result: Any) -> None:
        tape, tensor = state
        for item in self._flat(tensor, parts=True):
            known = self._id(item)
            if known is not None:
                self._event(tape, "watch", known)

    def _refused(self, state: Any, _error: BaseException) -> None:
        kinds = {type(t).__name__ for t in self._flat(state[1])}
        self.log.refused.append((self._where(), ", ".join(sorted(kinds))))

    def _id(self, item: Any) -> int | None:
        if self.kinds.of(item) == VARIABLE:
            handle = variable_handle(item)
            if handle is None:
                return None
            self.log.note_variable(item, handle)
            return int(handle._id)
        if hasattr(item, "_id"):
            if item._id in self.log.elsewhere:
                self.log.bring(item._id)
            if item._id not in self.log.facts:
                if hasattr(item, "_numpy_internal"):
                    self.log.note_tensor(item)
                else:
                    self.log.facts[item._id] = (item.dtype.as_datatype_enum, item)
            return int(item._id)
        return None

    def _flat(self, structure: Any, *, parts: bool = False) -> list[Any]:
        """The items of a nest; with ``parts`` ragged and sparse tensors as their tensors."""
        from tensorflow.python.util import nest

        return list(nest.flatten(structure, expand_composites=parts))

    # -- queries

    def _argument(self, path: str, item: Any) -> RawArgument:
        kind = self.kinds.of(item)
        if kind == VARIABLE and "_handle" in getattr(item, "__dict__", ()):
            number = self._id(item)
            facts = self.log.variables[number]  # type: ignore[index]
            name = type(item).__name__
            return RawArgument(path, number, "variable", facts.dtype, facts.shape, name)
        known = self._id(item) if kind in (TENSOR, VARIABLE) or hasattr(item, "_id") else None
        if known is None:
            flat = getattr(item, "flat_values", getattr(item, "values", None))
            if flat is not None and hasattr(flat, "_id"):
                known = self._id(flat)  # a ragged or sparse tensor: its values are differentiated
        dtype = getattr(item, "dtype", None)
        name = getattr(dtype, "name", None) or (str(dtype) if dtype is not None else "")
        shape: Any = getattr(item, "shape", None)
        if hasattr(shape, "rank"):
            shape = None if shape.rank is None else tuple(shape.as_list())
        elif shape is not None:
            shape = tuple(shape)
        what = "other"
        if known is not None:
            what = "variable" if known in self.log.variables else "tensor"
        mark = self.mark_of(item) if known is None else None
        owner = known is None and hasattr(type(item), "trainable_variables")
        return RawArgument(path, known, what, name, shape, type(item).__name__, mark, owner)

    def arguments(self, structure: Any) -> list[RawArgument]:
        """The flattened arguments, in the order of ``tf.nest``, with where each one stood."""
        from tensorflow.python.util import nest

        if type(structure) in (list, tuple) and all(
            self.kinds.of(item) in (TENSOR, VARIABLE) for item in structure
        ):
            return [self._argument(f"[{i}]", item) for i, item in enumerate(structure)]
        try:
            pairs = nest.flatten_with_tuple_paths(structure)
        except (TypeError, ValueError):
            pairs = [((), structure)]
        return [
            self._argument("".join(f"[{part!r}]" for part in path), item) for path, item in pairs
        ]

    def _begin(
        self, method: str, tape: Any, target: Any, sources: Any, *options: Any
    ) -> tuple[RawQuery, int | None] | None:
        """A query begins; nested ones (``jacobian`` asks ``gradient``) are part of it."""
        if self.depth or self._elsewhere() or self._internal(sys._getframe(2)):
            return None
        unconnected = options[1] if method == "gradient" else options[0]
        text = str(getattr(unconnected, "value", unconnected))
        targets, asked = self.arguments(target), self.arguments(sources)
        row = RawQuery(
            method, self.raw(tape).id, len(self.log.ops), self._where_query(),
            targets, asked, text == "zero", self._graph(),
            replica=self.private.replica(),
        )  # fmt: skip
        row.axes = axes(method, target, sources)
        return self._open(row)

    def _elsewhere(self) -> bool:
        """Whether this is a thread whose ops are not observed."""
        if self.private.observed_here(self.ops.on_op):
            return False
        note = "A tape was asked on another thread: what it gave there is not explained."
        if note not in self.log.notes:
            self.log.notes.append(note)
        return True

    @staticmethod
    def _internal(frame: FrameType | None) -> bool:
        """Whether TensorFlow itself asks: forward mode and recompute_grad use tapes of their own."""
        caller = frame.f_back if frame is not None else None
        if caller is None:
            return False
        name = caller.f_code.co_filename.replace("\\", "/")
        return "/tensorflow/python/" in name and "/autograph/" not in name

    def _open(self, row: RawQuery) -> tuple[RawQuery, int | None]:
        outer = self.ops.query
        self.log.queries.append(row)
        self.depth = 1
        self.ops.query = len(self.log.queries) - 1
        return row, outer

    def _shut(self, state: tuple[RawQuery, int | None]) -> RawQuery:
        row, self.ops.query = state
        self.depth = 0
        row.op_end = len(self.log.ops)
        return row

    def _failed(self, state: tuple[RawQuery, int | None] | None, error: BaseException) -> None:
        if state is not None:
            self._shut(state).error = (type(error).__name__, str(error)[:2000])

    def _end(self, state: tuple[RawQuery, int | None] | None, result: Any) -> None:
        if state is None:
            return
        row = self._shut(state)
        flat = self._results(result, len(row.sources))
        self._read(row, flat)
        facts = self.log.facts
        for made, gradient in zip(row.results, flat, strict=True):
            if made is not None and made not in facts:
                if hasattr(type(gradient), "_numpy_internal"):
                    self.log.note_tensor(gradient)
                else:
                    facts[made] = (gradient.dtype.as_datatype_enum, gradient)

    def _where_query(self) -> tuple[Where, ...]:
        if self._eager():
            return self.log.place(sys._getframe(2))
        return self.mapped()

    def _read(self, row: RawQuery, gradients: list[Any]) -> None:
        take = self.later.take
        row.gradients = [None if g is None else take(g) for g in gradients]
        self.portraits.add(row, gradients)
        row.results = [getattr(g, "_id", None) for g in gradients]

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

    def _applying(self, *_arguments: Any) -> None:
        self.applying = True

    def _begin_apply(
        self, optimizer: Any, grads: Any, variables: Any = None, *_more: Any
    ) -> tuple[RawQuery, Any] | None:
        method = "apply_gradients" if self.applying else "apply"
        self.applying = False
        if self.depth or self.ops.query is not None:
            return None
        gradients = list(grads)
        if variables is None:
            variables = getattr(optimizer, "_trainable_variables", [])
        sources = [self._argument(f"[{i}]", v) for i, v in enumerate(variables)]
        row = RawQuery(
            method, None, len(self.log.ops), self._where_query(), [], sources, False, self._graph()
        )
        self._read(row, gradients)
        self.log.queries.append(row)
        self.depth = 1
        return row, self.ops.stack.enter(sys._getframe(2))

    def _end_apply(self, state: tuple[RawQuery, Any] | None, _result: Any) -> None:
        if state is not None:
            self.depth = 0
            state[0].op_end = len(self.log.ops)
            self.ops.stack.leave(state[1])

    def _failed_apply(self, state: tuple[RawQuery, Any] | None, error: BaseException) -> None:
        if state is not None:
            self._end_apply(state, None)
            state[0].error = (type(error).__name__, str(error)[:2000])


def first(*arguments: Any) -> Any:
    """The first argument."""
    return arguments[0]


def pair(*arguments: Any) -> tuple[Any, ...]:
    """The arguments themselves."""
    return arguments
