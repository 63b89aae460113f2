"""What the parts of the data flow share while a cell runs."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from threading import get_ident
from typing import Any

from tapemagic.cell.spots import Spot
from tapemagic.recorder.flow.hooks import Flags, Hooks
from tapemagic.recorder.flow.sizes import Sizes
from tapemagic.recorder.kinds import (
    Kinds,
)
from tapemagic.recorder.log import Log


class Activation:
    """The operands that one call of rewritten code has pushed, and its names of shared values."""

    __slots__ = ("begun", "box", "iterated", "operands", "shared")

    def __init__(self) -> None:
        self.box: tuple[Spot, Any, Any] | None = None  # where an augmented statement stores
        self.operands: list[tuple[int, Any, int | None]] = []
        self.shared: dict[str, tuple[Any, int]] = {}
        self.iterated: dict[int, int] = {}
        self.begun = 0.0  # when the outermost open expression began


class State:
    """The names, marks and open expressions of one run.

    Args:
        log: The rows of the run.
        kinds: What a value is to the data flow.
    """

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
        self.passes = False  # whether there was one
        self.spots: dict[int, Spot] = {}
        self.lambdas: dict[tuple[str, int], list[Spot]] = {}  # (file, line) -> their bodies
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
        self.spent: dict[
            int, float
        ] = {}  # seconds by expression, in those that are not part of one
        self.named: set[int | None] = set()  # tensors that have a name of the person's
        self.literals: set[int] = set()  # ids of the constants that stand in watched code
        self.sizes = Sizes()
        self.files: dict[str, int] = {}  # files that may hold marked values, by name
        self._turns: dict[int, list[int]] = {}
