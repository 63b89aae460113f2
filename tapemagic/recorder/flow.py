"""The cell's own data flow while it runs: which values outside TensorFlow were made from tensors.

A value that is no tensor but was made from one (an array, a float) gets a :class:`Mark`. Marks
stand on the objects themselves where an object is one value (arrays, floats), and on names where
Python shares one object among many (small ints). They follow call expressions: what went into a
call or operator that is not rewritten itself, and what came out of it.
"""

from __future__ import annotations

import itertools
import types
import weakref
from collections.abc import Callable
from threading import get_ident
from typing import Any

from tapemagic.cell.rewrite import GROWS, Rewritten, Spot
from tapemagic.recorder.kinds import (
    ARRAY,
    COMPOSITE,
    CONTAINER,
    OBJECT,
    PLAIN,
    SHARED,
    TENSOR,
    VARIABLE,
    Kinds,
    components,
    items,
    leaves,
    variable_handle,
)
from tapemagic.recorder.log import Log, RawEntry, RawMark

QUIET_TURNS = 24
"""Turns of a loop, or calls of a function, without tensor or mark before it runs plain."""
MOST_IMPORTS = 50

# What only carries its elements, looks at a shape, or tells about a value.
_CARRIERS = frozenset(
    map(id, {list, tuple, dict, set, frozenset, zip, enumerate, reversed, sorted, iter, filter})
)
_NEUTRAL = frozenset(
    map(id, (len, isinstance, issubclass, type, hasattr, id, print, callable, repr, range, hash))
)


_HOT = ("o", "c", "r", "n", "p", "z", "e", "turn")  # they run most, and guard themselves
_HANDING = ("s", "v", "i", "a", "b", "k", "w", "turned")  # they hand their second argument on
_GUARDED = (*_HANDING, "j", "t", "u", "g", "sync", "enter", "leave")


class Activation:
    """The operands that one call of rewritten code has pushed, and its names of shared values."""

    __slots__ = ("box", "iterated", "operands", "shared")

    def __init__(self) -> None:
        self.box: tuple[Spot, Any, Any] | None = None  # where an augmented statement stores
        self.operands: list[tuple[int, Any, int | None]] = []
        self.shared: dict[str, tuple[Any, int]] = {}
        self.iterated: dict[int, int] = {}


class Hooks:
    """The object that stands in rewritten code; its attributes are the hooks.

    When tracing ends they become plain pass-throughs, for code that is still running.
    It has no ``__getattr__``: with one, Python looks every attribute up the slow way.
    """

    def __reduce__(self) -> Any:
        return (inert_hooks, ())


class Flags:
    """``b0``, ``b1``, ..: whether a loop or function runs its watched copy.

    One is read in each turn, also of a loop that runs plain: as for the hooks, no ``__getattr__``.
    """

    def __reduce__(self) -> Any:
        return (inert_flags, ())


class _InertHooks(Hooks):
    def __getattr__(self, name: str) -> Any:
        if name[0] == "d" and name[1:].isdigit():
            return lambda function: function
        raise AttributeError(name)


class _InertFlags(Flags):
    def __getattr__(self, name: str) -> bool:
        return False


def inert_flags() -> Flags:
    """Flags of code that is not traced: it runs plain."""
    return _InertFlags()


def inert_hooks() -> Hooks:
    """Hooks that only pass values through."""
    hooks = _InertHooks()
    silence(hooks)
    return hooks


def silence(hooks: Hooks) -> None:
    """Turn every hook into a pass-through."""

    def second(_spot: Any, value: Any, *_more: Any) -> Any:
        return value

    def nothing(*_args: Any) -> bool:
        return False

    for name in list(vars(hooks)):
        if name[0] == "d" and name[1:].isdigit():
            setattr(hooks, name, lambda function: function)
    for name in ("o", "c", "r", "n", *_HANDING):
        setattr(hooks, name, second)
    for name in ("j", "t", "u", "g", "e", "turn", "sync", "leave", "enter"):
        setattr(hooks, name, nothing)
    hooks.p = lambda _spot, _old, value: value  # type: ignore[attr-defined]
    hooks.z = lambda value: value  # type: ignore[attr-defined]


def _slot(owner: Any, key: Any, joint: str = "") -> str:
    """The place inside an object, by identity: the same under every name of the object."""
    return f"{id(owner):x}.{key}" if joint else f"{id(owner):x}[{key!r}]"


def _own_names(owner: Any) -> Any:
    """The attributes that an object holds itself, without asking its class."""
    try:
        found = object.__getattribute__(owner, "__dict__")
    except AttributeError:
        return None
    return found if type(found) is dict else None


class Flow:
    """Builds the hooks of one run and keeps the marks."""

    def __init__(self, log: Log, kinds: Kinds) -> None:
        self.log = log
        self.kinds = kinds
        self.hooks = Hooks()
        self.flags = Flags()
        self.sleeping: list[str] = []
        self.activity = 0
        self.top = Activation()
        self.stack: list[Activation] = []
        self.marked: dict[int, tuple[Any, int]] = {}  # id -> (object or weakref, mark)
        self.passing: tuple[Any, int] | None = None  # a shared value on its way to its binding
        self.spots: dict[int, Spot] = {}
        self.rewritten: dict[int, tuple[Any, Any]] = {}  # id of watched code -> (plain, watched)
        self.functions: weakref.WeakSet[Any] = weakref.WeakSet()
        self.stored: Any = None  # the value of ``box[i] = value`` until the store begins
        self.last: Any = None
        self.has_last = False
        self.thread = get_ident()
        self.started: dict[int, int] = {}  # call -> ops when its last argument was known
        self.wanted: dict[str, Callable[[Any], None]] = {}  # names to tell of when bound
        self.imported: Callable[[], None] | None = None  # told after an import of the cell
        self.imports = 0
        self.named: set[int | None] = set()  # tensors that have a name of the person's
        self._turns: dict[int, list[int]] = {}
        self.install()

    # -- arming

    def install(self) -> None:
        """Set the hooks; spots may still be added with :meth:`add`."""
        for name in _HOT:
            setattr(self.hooks, name, getattr(self, f"_{name}"))
        for name in _GUARDED:
            setattr(self.hooks, name, self._guard(getattr(self, f"_{name}")))

    def add(self, made: Rewritten) -> None:
        """Make flags and definition hooks for a rewritten tree."""
        for index in range(made.first_branch, made.branches):
            setattr(self.flags, f"b{index}", True)
            self._turns[index] = [0, -1]
        for spot in made.spots:
            self.spots[spot.index] = spot
            if spot.kind == "def":
                setattr(self.hooks, f"d{spot.index}", self._define)

    def _guard(self, hook: Callable[..., Any]) -> Callable[..., Any]:
        fallback = 1 if hook.__name__[1:] in _HANDING else None

        def guarded(*args: Any) -> Any:
            try:
                return hook(*args)
            except Exception as fault:
                self.log.fault("data flow", fault)
                return args[fallback] if fallback is not None else False

        return guarded

    def wake(self) -> None:
        """Let every loop and function run its watched copy again: something happened."""
        for name in self.sleeping:
            setattr(self.flags, name, True)
            self._turns[int(name[1:])][0] = 0
        self.sleeping.clear()

    def close(self) -> None:
        """End: the hooks fall silent and rewritten functions get their plain code back."""
        silence(self.hooks)
        for name in list(vars(self.flags)):
            setattr(self.flags, name, False)
        for function in list(self.functions):
            pair = self.rewritten.get(id(function.__code__))
            if pair is not None:
                function.__code__ = pair[0]
        self.imported = None
        self.rewritten.clear()
        self.marked.clear()
        self.top = Activation()
        self.stack.clear()
        self.last = None

    # -- marks

    def mark_of(self, value: Any) -> int | None:
        """The mark of a value, by identity."""
        found = self.marked.get(id(value))
        if found is None:
            return None
        held = found[0]
        if held is value or (type(held) is weakref.ref and held() is value):
            return found[1]
        return None

    def held(self) -> list[tuple[Any, int]]:
        """The marked values that are still there, the youngest last."""
        found = []
        for one, mark in list(self.marked.values())[-500:]:
            value = one() if type(one) is weakref.ref else one
            if value is not None:
                found.append((value, mark))
        return found

    def sources_of(self, value: Any) -> tuple[list[int], list[int]]:
        """The tensors and the marks that a value carries, inside containers too."""
        tensors: list[int] = []
        marks: list[int] = []
        own = self.mark_of(value)
        if own is not None:
            return tensors, [own]
        for item in leaves(value, self.kinds):
            kind = self.kinds.of(item)
            if kind == TENSOR:
                tensors.append(getattr(item, "_id", -1))
            elif kind == VARIABLE:
                handle = variable_handle(item)
                if handle is not None:
                    tensors.append(handle._id)
                    self.log.note_variable(item, handle)
            elif kind in (ARRAY, OBJECT):
                mark = self.mark_of(item)
                if mark is not None:
                    marks.append(mark)
            elif kind == COMPOSITE:
                tensors += [t._id for t in components(item)]
        return tensors, marks

    def _hold(self, value: Any, mark: int) -> None:
        if isinstance(value, (float, complex, str, bytes, int)) or not hasattr(
            type(value), "__weakref__"
        ):
            kind = type(value)
            if kind in (list, dict, set, tuple) and len(value) > 100_000:
                return
            if kind in (str, bytes) and (len(value) < 2 or len(value) > 1_000_000):
                return
            if type(value).__name__ == "ndarray":
                self.marked[id(value)] = (weakref.ref(value), mark)
                return
            self.marked[id(value)] = (value, mark)
        else:
            try:
                self.marked[id(value)] = (weakref.ref(value), mark)
            except TypeError:
                self.marked[id(value)] = (value, mark)

    def mark_value(self, value: Any, mark: int) -> None:
        """Let a value carry a mark. Elements of containers are marked one level deep."""
        kind = self.kinds.of(value)
        if kind == SHARED and -6 < value < 257:
            self.passing = (value, mark)
        elif kind in (ARRAY, OBJECT, SHARED):
            self._hold(value, mark)
        elif kind == CONTAINER:
            shared = True
            for number, item in enumerate(items(value)):
                if number == 0:
                    shared = False
                elif number >= 1000:
                    break
                inner = self.kinds.of(item)
                if inner in (ARRAY, OBJECT) and self.mark_of(item) is None:
                    self._hold(item, mark)
                elif inner in (SHARED, CONTAINER):
                    shared = True
                elif inner in (TENSOR, VARIABLE):
                    return
            if shared:
                self._hold(value, mark)

    def new_mark(
        self,
        spot: Spot,
        value: Any,
        tensors: list[int],
        marks: list[int],
        ops: tuple[int, int] | None = None,
        what: str | None = None,
    ) -> int:
        """Make a mark at a place of the code."""
        self.activity += 1
        if self.sleeping:
            self.wake()
        return self.log.mark(
            RawMark(
                index=len(self.log.ops),
                spot=spot,
                type=type(value).__name__,
                tensors=tuple(tensors),
                marks=tuple(marks),
                ops=ops,
                what=what,
            )
        )

    # -- hooks: expressions

    def _o(self, spot: int, value: Any) -> Any:
        self.started[spot] = len(self.log.ops)  # a call's own ops come after its last argument
        passing = self.passing
        if passing is None:
            self.top.operands.append((spot, value, None))
        else:
            self.passing = None
            self.top.operands.append((spot, value, passing[1] if passing[0] is value else None))
        return value

    def _c(self, spot: int, function: Any) -> Any:
        self.passing = None
        self.top.operands.append((spot, function, len(self.log.ops)))
        return function

    def _r(self, index: int, value: Any) -> Any:
        spot = self.spots[index]
        operands = self.top.operands
        while operands and operands[-1][0] != index:
            operands.pop()
        count = spot.count
        log = self.log
        if log.reads:
            log.reads.clear()
        kind = self.kinds.known.get(type(value))
        if count == 0 or len(operands) < count:
            return value
        if kind is PLAIN:
            over = value is not None or spot.kind != "call"  # a call that gave None may have kept
        else:
            over = kind is TENSOR and not (self.marked or self.top.shared)
            over = over and getattr(value, "_id", 0) in log.made
        if over:
            del operands[-count:]
            return value
        taken = operands[-count:]
        del operands[-count:]
        try:
            self._made(spot, value, taken, kind if kind is not None else self.kinds.of(value))
        except Exception as fault:
            self.log.fault("data flow", fault)
        return value

    def _made(
        self, spot: Spot, value: Any, taken: list[tuple[int, Any, int | None]], kind: int
    ) -> None:
        """A rewritten expression gave a value: find what it was made from."""
        if kind == PLAIN:
            if spot.kind == "call" and value is None:
                self._told(spot, taken)
            return
        if kind == VARIABLE:
            return
        if kind == TENSOR:
            if not self.log.is_made(getattr(value, "_id", 0)):
                self._entered(spot, value, taken)
            elif spot.kind == "call" and (self.marked or self.top.shared):
                self._argued(spot, value, taken)
            return
        if kind == COMPOSITE:
            for part in components(value):
                if not self.log.is_made(part._id):
                    self._entered(spot, part, taken)
            return
        known = self.kinds
        if spot.kind == "attr":
            owner = taken[0][1]
            mark = self.mark_of(owner)
            if mark is not None and self.mark_of(value) is None and not callable(value):
                self.mark_value(value, self.new_mark(spot, value, [], [mark]))
            return
        if spot.kind == "item":
            owner = taken[0][1]
            if known.of(owner) in (TENSOR, VARIABLE) or self.mark_of(value) is not None:
                return
            mark = self.mark_of(owner)
            if mark is None:
                mark = self._shared_mark(spot, 0, taken[0])
            if mark is not None:
                self.mark_value(value, self.new_mark(spot, value, [], [mark]))
            return
        own = self.mark_of(value) if kind not in (CONTAINER, SHARED) else None
        if own is not None:
            self._handed_back(spot, value, taken, own)
            return
        ops: tuple[int, int] | None = None
        if spot.kind == "call":
            _, function, start = taken[0]
            begin = self.started.get(spot.index, 0)
            begin = max(begin, start if start is not None else len(self.log.ops))
            code = getattr(getattr(function, "__func__", function), "__code__", None)
            if code is not None and id(code) in self.rewritten:
                return
            if id(function) in _NEUTRAL:  # by identity: ``==`` and hash may be the person's own
                return
            carrier = id(function) in _CARRIERS
            if self.log.ops_since(begin):
                ops = (begin, len(self.log.ops))
            owner = getattr(function, "__self__", None)
            taken = taken[1:]
            tensors: list[int] = []
            marks: list[int] = []
            if owner is not None and known.of(owner) != PLAIN:
                tensors, marks = self.sources_of(owner)
            first = 1
        else:
            carrier, tensors, marks, first = spot.kind == "each", [], [], 0
        # A generator hands its values to whoever reads it, without passing here again.
        lazy = carrier and type(value) is types.GeneratorType
        for number, (_, operand, passed) in enumerate(taken):
            if carrier and not lazy:
                own = self.mark_of(operand)
                if own is not None:
                    marks.append(own)
                continue
            if passed is not None:
                marks.append(passed)
                continue
            found = known.known.get(type(operand))
            if found is PLAIN:
                continue
            more_tensors, more_marks = self.sources_of(operand)
            tensors += more_tensors
            marks += more_marks
            if found == SHARED and self.top.shared:
                mark = self._shared_mark(spot, number + first, (0, operand, None))
                if mark is not None:
                    marks.append(mark)
        if carrier:
            ops = None
        if tensors or marks or ops is not None:
            self.mark_value(value, self.new_mark(spot, value, tensors, marks, ops))

    def _handed_back(
        self, spot: Spot, value: Any, taken: list[tuple[int, Any, int | None]], own: int
    ) -> None:
        """A call gave the very array that it was given, as np.squeeze does: still a step."""
        if spot.kind != "call" or not any(operand is value for _, operand, _ in taken[1:]):
            return
        function = taken[0][1]
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        if id(function) in _NEUTRAL or id(function) in _CARRIERS or id(code) in self.rewritten:
            return
        self.mark_value(value, self.new_mark(spot, value, [], [own]))

    def _shared_mark(
        self, spot: Spot, number: int, operand: tuple[int, Any, int | None]
    ) -> int | None:
        if operand[2] is not None and spot.kind != "call":
            return operand[2]
        name = spot.operands[number] if number < len(spot.operands) else None
        found = self.top.shared.get(name) if name is not None else None
        return found[1] if found is not None and found[0] is operand[1] else None

    def _told(self, spot: Spot, taken: list[tuple[int, Any, int | None]]) -> None:
        """A call that returned nothing may have put its arguments into its object."""
        owner = getattr(taken[0][1], "__self__", None)
        if owner is None or self.kinds.of(owner) not in (ARRAY, OBJECT):
            return
        code = getattr(getattr(taken[0][1], "__func__", None), "__code__", None)
        if code is not None and id(code) in self.rewritten:
            return
        tensors: list[int] = []
        marks: list[int] = []
        for _, operand, passed in taken[1:]:
            more_tensors, more_marks = self.sources_of(operand)
            tensors += more_tensors
            marks += more_marks + ([passed] if passed is not None else [])
        if tensors or marks:
            own = self.mark_of(owner)
            if own is not None:
                marks.append(own)
            self.mark_value(owner, self.new_mark(spot, owner, tensors, marks))

    def _entered(self, spot: Spot, value: Any, taken: list[tuple[int, Any, int | None]]) -> None:
        """A call gave a tensor that no op made: a constant, perhaps from marked values."""
        made = getattr(value, "_id", None)
        if made is None or made in self.log.facts:
            return
        tensors: list[int] = []
        marks: list[int] = []
        for number, (_, operand, passed) in enumerate(taken):
            if operand is value:
                return
            if number == 0 and spot.kind == "call":
                continue
            if passed is not None:
                marks.append(passed)
                continue
            more_tensors, more_marks = self.sources_of(operand)
            tensors += more_tensors
            marks += more_marks
            if self.kinds.known.get(type(operand)) == SHARED:
                mark = self._shared_mark(spot, number, (0, operand, None))
                if mark is not None:
                    marks.append(mark)
        if made in tensors:
            return
        tensors = [t for t in tensors if t < made]
        code = getattr(getattr(taken[0][1], "__func__", taken[0][1]), "__code__", None)
        if tensors and spot.kind == "call" and id(code) not in self.rewritten:
            # A call gave a tensor that no op made, though it was given tensors: what it computed
            # (as tf.numpy_function does) ran outside TensorFlow.
            marks = [self.new_mark(spot, value, tensors, marks)]
        if marks:
            self.log.note_tensor(value)
            self.log.entries.append(
                RawEntry(made, tuple(marks), spot, len(self.log.ops), certain=True)
            )

    def _argued(self, spot: Spot, value: Any, taken: list[tuple[int, Any, int | None]]) -> None:
        """A library's call was given marked numbers: a size or a rate makes no constant of its own."""
        function = taken[0][1]
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        if id(code) in self.rewritten:
            return
        marks: list[int] = []
        for number, (_, operand, passed) in enumerate(taken[1:], 1):
            kind = self.kinds.of(operand)
            if passed is not None:
                marks.append(passed)
            elif kind == SHARED:
                mark = self._shared_mark(spot, number, (0, operand, None))
                marks += [mark] if mark is not None else []
            elif type(operand) in (float, tuple, list) and kind in (ARRAY, CONTAINER):
                marks += self.sources_of(operand)[1]
        begin = self.started.get(spot.index, 0)
        known = {m for e in self.log.entries[-32:] if e.index >= begin for m in e.marks}
        marks = [m for m in marks if m not in known]
        if marks:
            index = len(self.log.ops)
            entry = RawEntry(value._id, tuple(marks), spot, index, certain=False, argument=True)
            self.log.entries.append(entry)

    def pending(self) -> list[tuple[Any, int]]:
        """The marked values that the innermost open expression was given."""
        operands = self.top.operands
        if not operands:
            return []
        index = operands[-1][0]
        spot = self.spots[index]
        found: list[tuple[Any, int]] = []
        number = spot.count
        taken = []
        for entry in reversed(operands):
            if entry[0] != index:
                break
            taken.append(entry)
        taken.reverse()
        for number, (_, operand, passed) in enumerate(taken):
            if number == 0 and spot.kind == "call":
                owner = getattr(operand, "__self__", None)
                if owner is None:
                    continue
                operand, passed = owner, None
            kind = self.kinds.of(operand)
            if passed is not None:
                found.append((operand, passed))
            elif kind == SHARED:
                mark = self._shared_mark(spot, number, (0, operand, None))
                if mark is not None:
                    found.append((operand, mark))
            elif kind in (ARRAY, OBJECT):
                mark = self.mark_of(operand)
                if mark is not None:
                    found.append((operand, mark))
            elif kind == CONTAINER:
                inside = leaves(operand, self.kinds)
                inner = [(leaf, self.mark_of(leaf)) for leaf in inside]
                found += [(leaf, m) for leaf, m in inner if m is not None]
                own = self.mark_of(operand)
                marks = [m for _, m in inner if m is not None] + ([own] if own is not None else [])
                if not any(self.kinds.of(leaf) == VARIABLE for leaf in inside):
                    found += [(operand, m) for m in marks]  # a variable would have to be read
        return found

    def pending_packed(self) -> list[tuple[Any, list[int]]]:
        """The containers of tensors that the innermost open expression was given."""
        operands = self.top.operands
        if not operands:
            return []
        index = operands[-1][0]
        found = []
        for site, operand, _ in reversed(operands):
            if site != index:
                break
            if type(operand) in (list, tuple) and len(operand) <= 16:
                kinds = [self.kinds.of(i) for i in operand]
                tensors = [
                    i._id
                    for i, kind in zip(operand, kinds, strict=True)
                    if kind == TENSOR and hasattr(i, "_numpy_internal")
                ]
                if tensors and VARIABLE not in kinds:
                    found.append((operand, tensors))
        return found

    def pending_spot(self) -> Spot | None:
        """The innermost open expression."""
        return self.spots[self.top.operands[-1][0]] if self.top.operands else None

    # -- hooks: bindings

    def _bind(self, spot: Spot, name: str, value: Any, slot: str | None = None) -> None:
        kind = self.kinds.known.get(type(value))
        if kind is None:
            kind = self.kinds.of(value)
        if self.wanted and name in self.wanted:
            self.wanted[name](value)
        if kind in (TENSOR, VARIABLE):
            if kind == TENSOR:
                self.named.add(getattr(value, "_id", None))
            self.log.bind(spot, name, value, kind == VARIABLE, slot)
        elif kind == SHARED:
            passing = self.passing
            if passing is not None and passing[0] is value:
                self.top.shared[name] = passing
                self.log.name_mark(passing[1], name)
            elif self.top.shared:
                self.top.shared.pop(name, None)
        elif kind in (ARRAY, OBJECT):
            mark = self.mark_of(value)
            if mark is not None:
                self.log.name_mark(mark, name)
        elif kind == CONTAINER:
            if type(value) is dict:
                pairs: Any = zip(value, value.values(), strict=True)
            elif type(value) in (list, tuple):
                pairs = enumerate(value)
            else:
                return
            for key, item in itertools.islice(pairs, 64):
                inner = self.kinds.of(item)
                if inner in (TENSOR, VARIABLE):
                    text, place = f"{name}[{key!r}]", _slot(value, key)
                    self.log.bind(spot, text, item, inner == VARIABLE, place)
        elif kind == PLAIN:
            self.log.name_object(name, value)

    def _n(self, index: int, value: Any) -> Any:
        try:
            spot = self.spots[index]
            for name in spot.names:
                self._bind(spot, name, value)
            self.passing = None
        except Exception as fault:
            self.log.fault("data flow", fault)
        return value

    def _s(self, index: int, value: Any) -> Any:
        self.stored = value
        return self._n(index, value)

    def _j(self) -> bool:
        if self.imported is not None and self.imports < MOST_IMPORTS:
            self.imports += 1
            self.imported()
        return False

    def _t(self, index: int, *values: Any) -> bool:
        spot = self.spots[index]
        for name, value in zip(spot.names, values, strict=False):
            self._bind(spot, name, value)
        return False

    def _u(self, index: int, *values: Any) -> bool:
        """``a, b = value``: the parts of a marked array are marked as well."""
        whole, self.stored = self.stored, None
        mark = self.mark_of(whole)
        spot = self.spots[index]
        for name, value in zip(spot.names, values, strict=False):
            if mark is not None and self.kinds.of(value) in (ARRAY, SHARED, OBJECT):
                if self.mark_of(value) is None:
                    self.mark_value(value, self.new_mark(spot, value, [], [mark]))
            self._bind(spot, name, value)
            self.passing = None
        return False

    def _a(self, index: int, owner: Any) -> Any:
        """``owner.name = value``, before the store."""
        spot = self.spots[index]
        if spot.count == GROWS:
            self.top.box = (spot, owner, spot.names[1])
            return owner
        self._set(spot, owner, spot.names[1], self._part(spot))
        return owner

    def _b(self, index: int, box: Any) -> Any:
        """``box[key] = value``, before ``key``: an array will hold the value."""
        spot = self.spots[index]
        self.top.box = (spot, box, None)
        if spot.count != GROWS:
            self._into(spot, box, self.stored)
        return box

    def _k(self, index: int, key: Any) -> Any:
        """``box[key] = value``, after ``key``: a container will have a place for the value."""
        spot, box = self.spots[index], self.top.box
        if box is None or box[0] is not spot:
            return key
        self.top.box = (spot, box[1], key)
        if spot.count != GROWS:
            self._set(spot, box[1], key, self._part(spot))
            self.top.box = None
        return key

    def _w(self, index: int, box: Any) -> Any:
        """``box[i:j] = value``: as an item; containers are searched instead."""
        spot = self.spots[index]
        if spot.count == GROWS:
            self.top.box = (spot, box, None)
        else:
            self._into(spot, box, self._part(spot))
        return box

    def _part(self, spot: Spot) -> Any:
        """The value that a store is about to take: a part of what is unpacked."""
        value = self.stored
        if spot.last:
            self.stored = None
        if spot.count >= 0:
            whole = type(value) in (tuple, list) and spot.count < len(value)
            return value[spot.count] if whole else None
        return value

    def _into(self, spot: Spot, box: Any, value: Any) -> None:
        if self.kinds.of(box) in (ARRAY, OBJECT) and self.kinds.of(value) != PLAIN:
            tensors, marks = self.sources_of(value)
            if tensors or marks:
                own = self.mark_of(box)
                marks += [own] if own is not None else []
                self.mark_value(box, self.new_mark(spot, box, tensors, marks))

    def _set(self, spot: Spot, owner: Any, key: Any, value: Any) -> None:
        """A place inside an object is given a value."""
        if self.kinds.of(value) == PLAIN:
            return
        if spot.kind == "set":
            self._bind(spot, f"{spot.names[0]}.{key}", value, _slot(owner, key, "."))
        elif type(key) in (int, str):
            self._bind(spot, f"{spot.names[0]}[{key!r}]", value, _slot(owner, key))

    def _grown(self) -> tuple[Any, ...]:
        """The new value of ``box[key] += value`` or ``owner.name += value``, where that is plain.

        What a person's own ``__getitem__`` or property would give is not asked for.
        """
        box, self.top.box = self.top.box, None
        if box is None:
            return ()
        spot, owner, key = box
        if spot.kind == "set":
            own = getattr(type(owner), "__dict__", {}).get(key)
            names = None if hasattr(own, "__set__") else _own_names(owner)
            return (names[key],) if names is not None and key in names else ()
        if type(owner) is dict and type(key) in (int, str) and key in owner:
            return (owner[key],)
        if type(owner) is list and type(key) is int and -len(owner) <= key < len(owner):
            return (owner[key],)
        if self.kinds.of(owner) in (ARRAY, OBJECT):
            return (owner,)  # an array that was changed in place
        return ()

    def _p(self, index: int, old: Any, value: Any) -> Any:
        self.top.operands.append((index, old, None))
        return self._o(index, value)

    def _g(self, index: int, *new: Any) -> bool:
        spot = self.spots[index]
        operands = self.top.operands
        while operands and operands[-1][0] != index:
            operands.pop()
        taken = operands[-2:]
        del operands[-2:]
        box = self.top.box
        new = new or self._grown()
        if not new or len(taken) < 2:
            return False
        value = new[0]
        kind = self.kinds.of(value)
        if kind not in (TENSOR, VARIABLE, PLAIN):
            old = self.mark_of(value)
            if old is None or kind == ARRAY:
                tensors: list[int] = []
                marks: list[int] = []
                for number, (_, operand, passed) in enumerate(taken):
                    more_tensors, more_marks = self.sources_of(operand)
                    tensors += more_tensors
                    marks += more_marks + ([passed] if passed is not None else [])
                    if self.kinds.of(operand) == SHARED:
                        mark = self._shared_mark(spot, number, (0, operand, None))
                        marks += [mark] if mark is not None else []
                if (tensors or marks) and kind != CONTAINER:
                    self.mark_value(value, self.new_mark(spot, value, tensors, marks))
        for name in spot.names:
            self._bind(spot, name, value)
        if box is not None and value is not box[1]:
            self._set(box[0], box[1], box[2], value)
        return False

    def _i(self, index: int, iterable: Any) -> Any:
        mark = self.mark_of(iterable)
        if mark is not None:
            self.top.iterated[index] = mark
        else:
            self.top.iterated.pop(index, None)
        return iterable

    def _e(self, index: int, *values: Any) -> bool:
        try:
            spot = self.spots[index]
            iterated = self.top.iterated
            mark = iterated.get(index) if iterated else None
            for name, value in zip(spot.names, values, strict=False):
                if mark is not None and self.kinds.of(value) in (ARRAY, SHARED, OBJECT):
                    if self.mark_of(value) is None:
                        self.mark_value(value, self.new_mark(spot, value, [], [mark]))
                if type(value) is not int:
                    self._bind(spot, name, value)
        except Exception as fault:
            self.log.fault("data flow", fault)
        return False

    def _z(self, value: Any) -> Any:
        self.last, self.has_last = value, True
        return value

    # -- hooks: control

    def _turn(self, branch: int) -> bool:
        turns = self._turns[branch]
        if turns[1] == self.activity:
            turns[0] += 1
            if turns[0] > QUIET_TURNS and not self.top.shared:
                name = f"b{branch}"
                setattr(self.flags, name, False)
                self.sleeping.append(name)
        else:
            turns[0], turns[1] = 0, self.activity
        return False

    def _turned(self, branch: int, value: Any) -> Any:
        self._turn(branch)
        return value

    def _sync(self) -> bool:
        self.top.operands.clear()
        self.stored = self.top.box = None
        self.passing = None
        return False

    def _enter(self, branch: int, index: int, *arguments: Any) -> bool:
        if get_ident() != self.thread and not self._on_replica():
            return False
        self._turn(branch)
        known = self.kinds.known
        for number, value in enumerate(arguments):
            if known.get(type(value)) is TENSOR and value._id not in self.named:
                self.named.add(value._id)
                enter = self.spots[index]
                self.log.bind(enter, enter.names[number], value, variable=False)
        caller = self.top
        self.stack.append(caller)
        self.top = Activation()
        try:
            if caller.shared or any(e[2] is not None for e in caller.operands[-8:]):
                self._pass_shared(caller, self.spots[index], arguments)
        except Exception as fault:
            self.log.fault("data flow", fault)
        return True

    def _on_replica(self) -> bool:
        """Whether this is a replica's thread: the cell waits for it, and one runs at a time."""
        replica = self.log.replica
        return replica is not None and replica() is not None

    def _pass_shared(self, caller: Activation, spot: Spot, arguments: tuple[Any, ...]) -> None:
        """Small ints lose their identity in a call: their marks go along by value."""
        if not caller.operands:
            return
        call = self.spots[caller.operands[-1][0]]
        taken = [e for e in caller.operands if e[0] == call.index]
        for number, (_, operand, passed) in enumerate(taken[1:], 1):
            if self.kinds.of(operand) != SHARED:
                continue
            mark = passed
            if mark is None:
                name = call.operands[number] if number < len(call.operands) else None
                found = caller.shared.get(name) if name else None
                mark = found[1] if found is not None and found[0] is operand else None
            if mark is None:
                continue
            for name, value in zip(spot.names, arguments, strict=False):
                if value is operand:
                    self.top.shared[name] = (operand, mark)

    def _leave(self) -> bool:
        if self.stack:
            self.top = self.stack.pop()
        return False

    def _v(self, index: int, value: Any) -> Any:
        if self.kinds.known.get(type(value)) == SHARED and self.top.shared:
            mark = self._shared_mark(self.spots[index], 0, (0, value, None))
            if mark is not None:
                self.passing = (value, mark)
        return value

    def _define(self, function: Any) -> Any:
        if hasattr(function, "__code__"):
            self.functions.add(function)
        return function
