"""What the names of a notebook hold from earlier traced cells, and what that was made from.

The rows of a cell are dropped when no tape of it can be asked any more. A later cell may still go on
with its tensors and numbers, and then "was not used" would be false: what was used was only computed
before. So for each name that holds such a value the variables and tensors that it came from are kept.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from tapemagic.cell.spots import Spot
from tapemagic.cell.text import CellText
from tapemagic.recorder.kinds import OBJECT, TENSOR, Kinds, own_names
from tapemagic.recorder.log import Log, RawMark, RawVariable, Where
from tapemagic.traces.flow import mark_node, node_mark

EARLIER = "EarlierCell"
"""The type of the row that stands for everything that an earlier cell did to make a tensor."""

_MOST_NAMES, _MOST_INSIDE, _MOST_STEPS = 500, 64, 20_000


def _nothing() -> None:
    return None


def _holding(value: Any) -> Callable[[], Any]:
    """A way to a value that does not keep an array alive."""
    try:
        return weakref.ref(value)
    except TypeError:
        return lambda: value  # a number or a text


def places(namespace: dict[str, Any], kinds: Kinds) -> Iterator[tuple[str, Any]]:
    """The values that names hold, and those one step inside: items, and attributes of objects."""
    for name, value in list(namespace.items())[-_MOST_NAMES:]:
        yield name, value
        inside: Iterable[tuple[str, Any]] = ()
        if type(value) is dict:
            inside = ((f"{name}[{k!r}]", v) for k, v in value.items() if type(k) in (int, str))
        elif type(value) in (list, tuple):
            inside = ((f"{name}[{k}]", v) for k, v in enumerate(value))
        elif kinds.of(value) == OBJECT:
            inside = ((f"{name}.{k}", v) for k, v in (own_names(value) or {}).items())
        yield from islice(inside, _MOST_INSIDE)


@dataclass(slots=True)
class Born:
    """Where a value was made, and from which variables and tensors of the notebook."""

    roots: tuple[int, ...]
    where: tuple[Where, ...] = ()
    spot: Spot | None = None  # of a number: where it left TensorFlow
    held: Callable[[], Any] = _nothing  # of a number, which has no id of its own: the number
    name: str | None = None


@dataclass
class Heritage:
    """The values that names hold from earlier traced cells."""

    tensors: dict[int, Born] = field(default_factory=dict)
    numbers: dict[str, Born] = field(default_factory=dict)  # by place, see places
    variables: dict[int, RawVariable] = field(default_factory=dict)
    texts: dict[str, CellText] = field(default_factory=dict)
    bound: dict[str, list[Any]] = field(default_factory=dict)  # rows: of a variable, then a tensor

    def take(
        self,
        namespace: dict[str, Any],
        log: Log,
        kinds: Kinds,
        marks: dict[str, int],
        texts: Iterable[CellText],
    ) -> None:
        """Remember what a cell leaves behind.

        Args:
            namespace: The names after the cell.
            log: The cell's rows.
            kinds: Classifies values.
            marks: The marks of the values in its :func:`places`.
            texts: The code that its places are in.
        """
        held = list(namespace.items())[-_MOST_NAMES:]
        roots = {v._id for _, v in held if kinds.of(v) == TENSOR} | set(log.variables)
        way = _Way(log)
        for name, value in held:
            if kinds.of(value) == TENSOR and value._id in log.made:
                row = log.ops[log.made[value._id]]
                came = way.roots([value._id], roots)
                if came and row[5] is None and row[0] != EARLIER:
                    self.tensors[value._id] = Born(came, row[3], name=name)
        for name, value in places(namespace, kinds):
            if name in marks and not log.marks[marks[name]].holds:
                came = way.roots([mark_node(marks[name])], roots)
                if came:
                    spot = log.marks[marks[name]].spot
                    self.numbers[name] = Born(came, spot=spot, held=_holding(value))
        for row in log.bindings:
            self._keep_binding(row, namespace)
        wanted = {r for b in (*self.tensors.values(), *self.numbers.values()) for r in b.roots}
        self.variables.update({k: v for k, v in log.variables.items() if k in wanted})
        self.texts.update({t.filename: t for t in texts})
        self._drop_texts()

    def _keep_binding(self, row: Any, namespace: dict[str, Any]) -> None:
        """Keep where a name was bound to a variable, and the first tensor that took its place."""
        _, spot, name, made, variable, slot = row
        if spot.function is not None or slot is not None or name not in namespace:
            return
        kept = (0, spot, name, made, variable, slot)
        if variable:
            self.bound[name] = [kept]
        elif name in self.bound and getattr(namespace[name], "_id", None) == made:
            self.bound[name] = [self.bound[name][0], kept]

    def forget(self, namespace: dict[str, Any], kinds: Kinds) -> None:
        """Drop what no name holds any more."""
        self.bound = {name: rows for name, rows in self.bound.items() if name in namespace}
        if self.tensors:
            alive = {v._id for v in list(namespace.values()) if kinds.of(v) == TENSOR}
            self.tensors = {k: b for k, b in self.tensors.items() if k in alive}
        held = dict(places(namespace, kinds)) if self.numbers else {}
        self.numbers = {
            name: b
            for name, b in self.numbers.items()
            if b.held() is not None and held.get(name) is b.held()
        }

    def _drop_texts(self) -> None:
        """Keep only the code that a place is in."""
        born = [*self.tensors.values(), *self.numbers.values()]
        used = {code.co_filename for b in born for code, _ in b.where}
        spots = [b.spot for b in born] + [r[1] for rows in self.bound.values() for r in rows]
        used |= {s.text.filename for s in spots if s is not None and s.text is not None}
        self.texts = {name: text for name, text in self.texts.items() if name in used}

    def give(self, log: Log, flow: Any) -> None:
        """Let a new cell's rows know the values: tensors when they are used, numbers at once."""
        log.earlier = self.tensors
        log.bindings += [row for rows in self.bound.values() for row in rows]
        for number, facts in self.variables.items():
            if any(number in b.roots for b in (*self.tensors.values(), *self.numbers.values())):
                log.variables.setdefault(number, facts)
        for name, born in self.numbers.items():
            value = born.held()
            kind = type(value).__name__
            mark = log.mark(RawMark(-1, born.spot, kind, born.roots, (), None, None))  # type: ignore[arg-type]
            log.name_mark(mark, name)
            if type(value) in (int, bool):
                flow.top.shared[name] = (value, mark)
            else:
                flow.mark_value(value, mark)


class _Way:
    """The way back in the rows: through ops, and through numbers that left and came back."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.entered: dict[int, tuple[int, ...]] = {e.tensor: e.marks for e in log.entries}

    def roots(self, begin: list[int], roots: set[int]) -> tuple[int, ...]:
        """Those of the roots that some values came from."""
        log, found, todo, seen = self.log, set(), list(begin), set(begin)
        while todo and len(seen) < _MOST_STEPS:
            node = todo.pop()
            number = node_mark(node)
            before: list[int] = []
            if number is not None:
                mark = log.marks[number]
                before = [*mark.tensors, *map(mark_node, mark.marks)]
                for row in log.ops[slice(*mark.ops)] if mark.ops is not None else ():
                    before += row[1]  # of a library's call, as model.get_weights
            else:
                if node in log.made:
                    before = list(log.ops[log.made[node]][1])
                before += map(mark_node, self.entered.get(node, ()))
            for one in before:
                if one not in seen:
                    seen.add(one)
                    todo.append(one)
                    if one in roots:
                        found.add(one)
        return tuple(sorted(found))
