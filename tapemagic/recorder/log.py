"""What the probes write while the cell runs: cheap rows, made into a trace afterwards.

Nothing here holds a tensor: of small ones (a few elements), whose values the diagram shows, the value
is copied.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

from tapemagic.cell.spots import Spot
from tapemagic.recorder.kinds import unwrapped, variable_handle
from tapemagic.traces.model import Shape

SMALL = 9
"""Most elements of a tensor whose value is shown in the diagram."""
MOST_VALUES = 3000
"""Most small tensors whose values are kept in one run."""

Where = tuple[CodeType, int]  # a frame's code and last instruction; resolved to a line afterwards


@dataclass(slots=True)
class RawMark:
    """See :class:`tapemagic.traces.model.Mark`."""

    index: int
    spot: Spot
    type: str
    tensors: tuple[int, ...]
    marks: tuple[int, ...]
    ops: tuple[int, int] | None
    what: str | None
    name: str | None = None
    certain: bool = True
    holds: bool = False


@dataclass(slots=True)
class RawEntry:
    """See :class:`tapemagic.traces.model.Entry`."""

    tensor: int
    marks: tuple[int, ...]
    spot: Spot | None
    index: int
    certain: bool
    argument: bool = False


@dataclass(slots=True)
class RawTape:
    """A tape's life: its events are (op index, kind, tensor id, place, automatic)."""

    id: int
    persistent: bool
    auto_watch: bool
    where: tuple[Where, ...]
    graph: str | None
    ours: bool = False
    tape: Any = None  # a weak reference to it
    events: list[tuple[int, str, int | None, tuple[Where, ...], bool]] = field(default_factory=list)


@dataclass(slots=True)
class RawArgument:
    """One flattened target or source, as it was given."""

    path: str  # where it stood in the nest: "[0]['w']"
    tensor: int | None
    kind: str
    dtype: str
    shape: Shape
    type: str
    mark: int | None = None
    owner: bool = False


@dataclass(slots=True)
class RawQuery:
    """A query while it runs and after."""

    method: str
    tape: int | None
    op: int
    where: tuple[Where, ...]
    targets: list[RawArgument]
    sources: list[RawArgument]
    zero_for_none: bool
    graph: str | None
    op_end: int = 0
    gradients: list[Any] = field(default_factory=list)  # trace.model.Gradient or None
    results: list[int | None] = field(default_factory=list)  # the gradients' tensor ids
    error: tuple[str, str] | None = None
    failed: int | None = None  # the op whose backward op raised
    steps: list[Any] = field(default_factory=list)
    axes: list[Any] = field(default_factory=list)  # per source: points for a plot, or None
    replica: int | None = None  # of a strategy, in whose thread it was asked
    expr: str | None = None  # target text, for a query that tapemagic asked itself


@dataclass(slots=True)
class RawVariable:
    """What is known of a variable, by the id of its handle."""

    dtype: str
    shape: Shape
    trainable: bool
    label: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An op that ran on another thread."""

    type: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    where: tuple[Where, ...]


MOST_VARIABLES = 20_000
_variables: dict[int, RawVariable] = {}
"""Variables that earlier cells met, by the id of the handle, which is never used again (negative:
seen through the Keras variable around it)."""


class Log:
    """The rows of one run."""

    def __init__(self) -> None:
        self.ops: list[tuple[Any, ...]] = []  # see probes.ops
        self.tracked: list[bool] = []
        self.made: dict[int, int] = {}  # tensor id -> op index
        self.facts: dict[int, tuple[Any, Any]] = {}  # tensor id -> (dtype enum, shape)
        self.small: dict[int, Any] = {}
        self.holds: dict[int, str] = {}  # tensor id -> see trace.model.Tensor.holds
        self.reads: list[int] = []  # handles of variables that were read since the last op
        self.elsewhere: dict[int, Elsewhere] = {}  # tensor id -> the other thread's op
        self.thread_reads: dict[int, list[int]] = {}  # as ``reads``, of each other thread
        self.thread_ops: set[int] = set()  # rows of ops that ran on another thread
        self.variables: dict[int, RawVariable] = {}
        self.tapes: dict[int, RawTape] = {}
        self.queries: list[RawQuery] = []
        self.marks: list[RawMark] = []
        self.entries: list[RawEntry] = []
        self.bindings: list[tuple[int, Spot, str, int, bool, str | None]] = []
        self.object_names: dict[int, list[tuple[Any, str]]] = {}  # by id: references and names
        self.graphs: dict[str, Any] = {}  # FuncGraphs of functions that were traced or called
        self.traced: dict[str, str] = {}  # keys of functions that were traced -> their names
        self.compiled: set[str] = set()  # keys of functions with jit_compile=True
        self.recorded: dict[int, tuple[str, tuple[int, ...]]] = {}  # op -> own backward, inputs
        self.places: dict[Any, Any] = {}  # sites that are known, see recorder.build
        self.earlier: dict[int, Any] = {}  # tensors of earlier cells, see recorder.heritage
        self.baked: dict[str, set[int]] = {}  # graph -> marks whose values are its constants
        self.refused: list[tuple[tuple[Where, ...], str]] = []  # what tape.watch raised for
        self.opaque: set[int] = set()
        self.tangents: set[int] = set()  # ops that forward mode ran to compute a JVP
        self.faults: list[str] = []
        self.observers: list[Any] = []  # see recorder.weave
        self.notes: list[str] = []  # sentences for the person about what was asked
        # Of the backward probe; they outlive a cell with its tapes.
        self._attributes: dict[int, int] = {}  # id of an op's attributes -> its index
        self._attributed = 0  # rows that are in it
        self.kept: list[Any] = []  # attributes of graph ops, alive so that their ids stay theirs
        self.backward: Any = None  # the probe that listens now
        self.silent_reads: dict[int, None] = {}  # ops that are reads done in C, in order
        self.scope: tuple[str, ...] = ()  # the layers that run now
        self.replica: Callable[[], int | None] | None = None  # set once a strategy has replicas
        self.person: set[str] = set()  # filenames of the person's code

    def fault(self, where: str, error: BaseException) -> None:
        """Note a fault of ours, once."""
        text = f"{where}: {type(error).__name__}: {error}"
        if text not in self.faults and len(self.faults) < 5:
            self.faults.append(text)

    def by_attributes(self) -> dict[int, int]:
        """The index of an op by the id of its attributes, which its backward op is given.

        Most ops are never asked for, so the rows are gone through when one is.
        """
        found, rows = self._attributes, self.ops
        if self._attributed != len(rows):
            for index in range(self._attributed, len(rows)):
                found[id(rows[index][4])] = index  # the row keeps them alive
            self._attributed = len(rows)
        return found

    def complete(self, index: int, row: tuple[Any, ...]) -> None:
        """Write an op's row in full that was begun before all was known of it."""
        self.ops[index] = row
        self._attributes[id(row[4])] = index

    def around(self) -> tuple[str, ...]:
        """What the next op runs in: a replica of a strategy, and layers."""
        number = None if self.replica is None else self.replica()
        return self.scope if number is None else (f"replica {number}", *self.scope)

    def mend(self) -> None:
        """Complete a row that an interrupt left half written."""
        self.tracked += [False] * (len(self.ops) - len(self.tracked))

    def is_made(self, tensor: int) -> bool:
        """Whether an op of the log made a tensor."""
        return tensor in self.made

    def ops_since(self, begin: int) -> bool:
        """Whether an op ran since there were ``begin`` of them."""
        return len(self.ops) > begin

    def bring(self, tensor: int) -> None:
        """Make rows of what another thread computed, up to a tensor that is met on the cell's own."""
        todo = [tensor]
        while todo:
            row = self.elsewhere.get(todo[-1])
            if row is None or todo[-1] in self.made:
                todo.pop()
                continue
            before = [t for t in row.inputs if t in self.elsewhere and t not in self.made]
            if before:
                todo += before
                continue
            index = len(self.ops)
            self.ops.append(
                (row.type, row.inputs, row.outputs, row.where, None, None, (), None, None, None)
            )
            self.tracked.append(False)
            self.thread_ops.add(index)
            for made in row.outputs:
                self.made[made] = index

    def mark(self, mark: RawMark) -> int:
        """Keep a mark; its number."""
        self.marks.append(mark)
        return len(self.marks) - 1

    def name_mark(self, mark: int, name: str) -> None:
        """The first name that a marked value was given."""
        if self.marks[mark].name is None:
            self.marks[mark].name = name

    def name_object(self, name: str, value: Any) -> None:
        """Names of tapes."""
        if hasattr(value, "watch") and hasattr(value, "gradient"):
            try:
                ref = weakref.ref(value)
            except TypeError:
                return
            known = self.object_names.setdefault(id(value), [])
            if not known or known[-1][0] is not ref:
                known.append((ref, name))  # its id may be another one's by now

    def bind(
        self, spot: Spot, name: str, value: Any, variable: bool, slot: str | None = None
    ) -> None:
        """A name, or a place inside an object, was bound to a tensor or variable."""
        if variable:
            handle = variable_handle(value)
            if handle is None:
                return
            made = handle._id
            if made not in self.variables:
                self.note_variable(value, handle)
        else:
            made = getattr(value, "_id", None)
            if made is None:
                return
            if made not in self.facts:
                self.note_tensor(value)
        self.bindings.append((len(self.ops), spot, name, made, variable, slot))

    def note_variable(self, value: Any, handle: Any) -> None:
        """Keep a variable's facts, once; a Keras variable knows more than the one inside it."""
        known: int = handle._id
        names = getattr(value, "__dict__", {})
        direct = "_handle" in names  # a Keras variable is labelled by its path, its inner one not
        facts = _variables.get(known if direct else -known)
        if direct:
            if known in self.variables:
                return
            if facts is not None and facts.trainable is names.get("_trainable"):
                self.variables[known] = facts  # the usual way, at the least cost
                return
        inner = value if direct else unwrapped(value)
        if facts is None or facts.trainable != inner.trainable:
            self.variables[known] = RawVariable("", None, True, "")  # reading it reads its handle
            shape = tuple(inner.shape) if inner.shape.rank is not None else None
            label = str(getattr(value, "path", None) or inner.name)
            facts = RawVariable(
                inner.dtype.name, shape, bool(inner.trainable), label.removesuffix(":0")
            )
            if len(_variables) >= MOST_VARIABLES:
                _variables.clear()
            _variables[known if direct else -known] = facts
        self.variables[known] = facts

    def note_tensor(self, value: Any) -> None:
        """Keep the facts of a tensor that no op of the log made."""
        made = value._id
        if not hasattr(type(value), "_numpy_internal"):
            try:
                shape = value._shape_tuple()
            except Exception:
                shape = None
            self.facts[made] = (value.dtype.as_datatype_enum, shape)
            return
        shape = value._shape_tuple()
        self.facts[made] = (value._datatype_enum(), shape)
        if len(self.small) < MOST_VALUES and _small(shape):
            self.small[made] = copied(value)

    def place(self, frame: FrameType | None, most: int = 6) -> tuple[Where, ...]:
        """The person's frames above ``frame``, innermost first."""
        found: list[Where] = []
        person = self.person
        while frame is not None and len(found) < most:
            if frame.f_code.co_filename in person:
                found.append((frame.f_code, frame.f_lasti))
            frame = frame.f_back
        return tuple(found)


def copied(tensor: Any) -> Any:
    """The value of a small tensor, so that the tensor itself is free to go.

    In the memory of the CPU this is no read from a device; elsewhere it would be, and is left out.
    """
    try:
        return tensor._numpy_internal().copy() if "CPU" in tensor.backing_device else None
    except Exception:
        return None


def _small(shape: Any) -> bool:
    size = 1
    for extent in shape:
        if extent is None:
            return False
        size *= extent
    return size <= SMALL
