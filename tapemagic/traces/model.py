"""What was observed while a cell ran, as plain data.

A :class:`Trace` holds observations only: which ops ran, which tensors they joined, what each
tape was told, what each query returned, and how values moved through plain Python. It draws no
conclusion and imports no TensorFlow, so it can be built by hand in a test, saved, and read
elsewhere.

Tensors are known by TensorFlow's own ever-growing integer (``tensor._id``). A variable is known
by the id of its resource handle: that is what a tape watches, and what it is asked about.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Shape = tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class Site:
    """A place in the person's code: the innermost statement, and the expression inside it.

    Lines and columns are 1-based and 0-based as in :mod:`ast`; ``line`` is the statement's first
    line. ``cell`` names another notebook cell, ``file`` a module; both are None in the traced cell.
    """

    line: int
    cell: str | None = None
    file: str | None = None
    expr: tuple[int, int, int, int] | None = None  # line, column, end line, end column
    function: str | None = None  # the function whose body holds it, None at the top of a cell

    @property
    def here(self) -> bool:
        """Whether the place is in the traced cell itself."""
        return self.cell is None and self.file is None


@dataclass(slots=True)
class Tensor:
    """What is known of one tensor or variable: never its buffer, only small copied values."""

    id: int
    dtype: str
    shape: Shape
    kind: str = "tensor"  # "tensor", "variable" (the id is its handle's) or "constant"
    op: int | None = None  # index of the op that made it
    name: str | None = None  # the person's first name for it
    named_at: Site | None = None  # where that name was bound
    made_at: Site | None = None  # where it was made, when no op of the trace made it
    trainable: bool | None = None  # variables only
    value: Any = None  # a scalar or (nested) list of at most a few elements, or None
    label: str | None = None  # the name given to TensorFlow: name="kernel"
    nbytes: int = 0
    holds: str = ""  # of a larger one: "finite", "nan", "inf" or "-inf", where that was looked at


@dataclass(slots=True)
class Op:
    """One executed op, in eager order."""

    index: int
    type: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    at: Site | None = None  # innermost statement of the person's code
    via: tuple[Site, ...] = ()  # the calls that led there, innermost first, without ``at``
    recorded: bool = False  # a tape recorded it
    phase: str = "forward"
    """"forward", "backward" inside a query, "earlier" (see heritage), "tangent" (of forward mode) or
    "thread" (another's)."""
    graph: str | None = None  # name of the tf.function body that holds it; None in eager mode
    scope: tuple[str, ...] = ()  # the Keras layers it ran in, outermost first
    attrs: dict[str, Any] = field(default_factory=dict)
    query: int | None = None  # for backward ops: index of the query
    rule: str | None = None  # "custom_gradient", "function", "py_function": a backward of its own
    body: str | None = None  # for a function call: name of the body in Trace.bodies
    inner: tuple[tuple[str, int], ...] = ()  # bodies that it runs, and the inputs before theirs
    library: bool = False  # it ran in a layer whose code is Keras' own
    passes: tuple[bool | None, ...] | None = None  # in a body: see diagnosis.opening


@dataclass(slots=True)
class TapeEvent:
    """Something a tape was told, just before op ``index`` ran."""

    index: int
    kind: str  # "enter", "exit", "watch", "stop", "resume", "reset"
    tensor: int | None = None
    at: Site | None = None
    auto: bool = False  # a variable watched because it was read
    via: tuple[Site, ...] = ()  # the calls that led to it, innermost first


@dataclass(slots=True)
class Tape:
    """The life of one ``tf.GradientTape``."""

    id: int
    persistent: bool
    auto_watch: bool
    name: str | None = None
    at: Site | None = None  # the ``with`` statement, or where it was made
    events: list[TapeEvent] = field(default_factory=list)
    graph: str | None = None  # the tf.function body it lives in
    ours: bool = False  # opened around the cell by tapemagic


@dataclass(slots=True)
class Argument:
    """One flattened target or source of a query."""

    name: str  # as the person wrote it
    tensor: int | None  # None: not a tensor or variable
    kind: str  # "variable", "tensor" or "other"
    dtype: str = ""
    shape: Shape = None
    type: str = ""  # the Python type, for what a tape can't take
    mark: int | None = None  # the mark of a value that left TensorFlow
    owner: bool = False  # it has trainable_variables: a layer, a model, a tf.Module


@dataclass(slots=True)
class Portrait:
    """What a picture of a gradient is drawn from; arrays are float32 in bytes."""

    sample: bytes = b""  # evenly spaced elements
    axis: bytes = b""  # the source at the same places, where a plot by it makes sense
    curve: bytes = b""  # the target there
    heat: tuple[tuple[float, ...], ...] = ()  # a Jacobian, made small
    rows: int = 0  # of the Jacobian itself
    columns: int = 0
    structure: str = ""  # "diagonal", or "blocks" along the first axis of target and source


@dataclass(slots=True)
class Gradient:
    """What a query returned for one source, read once the query was over."""

    shape: Shape
    dtype: str
    norm: float | None = None
    min: float | None = None
    max: float | None = None
    nonfinite: int = 0
    zero: bool = False  # every element is exactly 0, and there is one
    nan: bool = False  # one of the nonfinite elements is NaN
    sparse: bool = False
    value: Any = None  # as Tensor.value
    portrait: Portrait | None = None


@dataclass(slots=True)
class BackwardStep:
    """One backward op that ran for a query: what it returned for each input of op ``op``."""

    op: int | None
    none: tuple[bool, ...]  # True where it returned None
    skip: tuple[int, ...] = ()  # inputs that this tape does not track
    zero: bool = False  # every returned gradient was exactly 0 (looked at only for small tensors)
    finite: bool = True  # no returned gradient had a NaN or Inf
    upstream_finite: bool = True
    values: tuple[Any, ...] = ()  # small values of the returned gradients, None where large
    at: int = 0  # index of the first op executed by this backward op
    codes: bytes = b""  # per input: 0 None, 1 zero, 2 finite, 3 not finite, 4 not looked at


@dataclass(slots=True)
class Query:
    """One call of gradient, jacobian, batch_jacobian, apply_gradients or apply."""

    index: int
    method: str
    tape: int | None
    op: int  # number of ops executed before it
    op_end: int
    targets: list[Argument]
    sources: list[Argument]
    at: Site | None = None
    gradients: list[Gradient | None] = field(default_factory=list)
    error: tuple[str, str] | None = None  # type and message
    failed: int | None = None  # the op whose backward op raised it
    zero_for_none: bool = False  # asked with unconnected_gradients=ZERO
    missing: list[int] = field(default_factory=list)  # positions whose zeros stand for None
    steps: list[BackwardStep] = field(default_factory=list)
    graph: str | None = None
    via: tuple[Site, ...] = ()  # the calls that led to it, innermost first
    results: list[int | None] = field(default_factory=list)  # the gradients as tensors
    replica: int | None = None  # of a strategy, in whose thread it was asked


@dataclass(slots=True)
class Mark:
    """A value outside TensorFlow that was made from tensors: an array, a float, a list of them.

    ``inputs`` are what it was made from: tensor ids, and the marks of other such values.
    """

    id: int
    index: int  # ops executed before it was made
    what: str  # "np.mean(x2)", as written
    type: str  # "float", "ndarray", ..
    at: Site | None
    tensors: tuple[int, ...] = ()
    marks: tuple[int, ...] = ()
    ops: tuple[int, int] | None = None  # range of ops that ran inside the call that made it
    name: str | None = None
    certain: bool = True
    holds: bool = False  # an object of a person's class, which keeps the tensors it was given


@dataclass(slots=True)
class Entry:
    """A constant that entered an op although it was made from marked values."""

    tensor: int  # the constant
    marks: tuple[int, ...]
    at: Site | None
    index: int  # the op it entered, or ops executed before tf.constant made it
    certain: bool = True  # its content equals the marked value's
    argument: bool = False  # no constant: the tensor is what a call gave that took the values


@dataclass(slots=True)
class Binding:
    """A name of the person's code was bound to a tensor or variable."""

    index: int
    name: str
    tensor: int
    at: Site
    kind: str  # "variable" or "tensor"
    slot: str | None = None  # of ``m.w`` and ``p["w"]``: the same text for the same place


@dataclass(slots=True)
class Body:
    """The ops of a traced ``tf.function`` body, in the order of its graph."""

    name: str
    function: str  # the person's name for it
    ops: list[Op]
    inputs: tuple[int, ...]  # placeholders, in the order of the call's inputs
    outputs: tuple[int, ...]
    tensors: dict[int, Tensor] = field(default_factory=dict)
    made_by: str = "tf.function"  # what runs it, in the words of the person's code
    compiled: bool = False  # with jit_compile=True
    turns: int | None = None  # of a loop: the most that it takes, where its graph says so
    traces: int = 0  # how often its function was traced while the cell ran
    tape: bool = False  # whether a tape in it was asked for a gradient when it was traced


@dataclass(slots=True)
class Trace:
    """Everything that was observed."""

    source: str = ""
    ops: list[Op] = field(default_factory=list)
    tensors: dict[int, Tensor] = field(default_factory=dict)
    tapes: dict[int, Tape] = field(default_factory=dict)
    queries: list[Query] = field(default_factory=list)
    marks: dict[int, Mark] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    bindings: list[Binding] = field(default_factory=list)
    bodies: dict[str, Body] = field(default_factory=dict)
    aside: dict[int, Site | None] = field(default_factory=dict)  # used on another thread, and where
    refused: list[tuple[Site | None, str, str]] = field(default_factory=list)  # by tape.watch
    spent: list[tuple[Site, float]] = field(default_factory=list)  # seconds by expression
    notes: list[str] = field(default_factory=list)  # about what was asked of the run
    faults: list[str] = field(default_factory=list)  # what tapemagic itself failed to observe
    whole: bool = True  # the code was rewritten, so Python data flow was seen too
    begun: int = 0  # ops before this index ran in earlier cells
