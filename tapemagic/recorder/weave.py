"""Observe a Python function from inside its own frame.

A wrapper would leave a frame of its own in every traceback that passes it (and in the messages that
``tf.function`` makes of tracebacks). So the function is compiled anew from its source, with the same
file name and line numbers, and with calls of hooks around its body::

    def gradient(self, target, sources, ...):
        _observed = HOOK.begin(self, target, sources, ...)
        try:
            ...
            return HOOK.end(_observed, grad)
        finally:
            HOOK.left(_observed)
"""

from __future__ import annotations

import ast
import functools
import inspect
import sys
import warnings
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from tapemagic.cell.rewrite import codes, own_nodes

_HOOK = "\0tapemagic.woven"


class Seen:
    """One call of a woven function."""

    __slots__ = ("before", "done", "state")

    def __init__(self) -> None:
        self.before = sys.exc_info()[1]
        self.done = False
        self.state: Any = None


class Observer:
    """What a woven function calls. Faults of the callbacks stay here.

    Args:
        log: Told of exceptions that a callback raised; it lists its observers, to be closed.
        before: Called with the arguments; its result is the call's state.
        after: Called with the state and the result.
        failed: Called with the state and the exception.
    """

    def __init__(
        self,
        log: Any,
        before: Callable[..., Any] | None = None,
        after: Callable[[Any, Any], None] | None = None,
        failed: Callable[[Any, BaseException], None] | None = None,
    ) -> None:
        self._log = log
        self._before, self._after, self._failed = before, after, failed
        log.observers.append(self)

    def close(self) -> None:
        """Let go of everything: code objects, which hold observers, are not garbage collected."""
        self._log = self._before = self._after = self._failed = None

    def begin(self, *arguments: Any) -> Seen:
        """The call begins."""
        seen = Seen()
        if self._before is not None:
            try:
                seen.state = self._before(*arguments)
            except Exception as fault:
                seen.state = _UNSEEN
                self._fault(fault)
        return seen

    def end(self, seen: Seen, result: Any) -> Any:
        """The call returns ``result``, which is handed on."""
        seen.done = True
        if self._after is not None and seen.state is not _UNSEEN:
            try:
                self._after(seen.state, result)
            except Exception as fault:
                self._fault(fault)
        return result

    def left(self, seen: Seen) -> None:
        """The call is over: it raised, or ended without a return statement."""
        if seen.done or seen.state is _UNSEEN:
            return
        error = sys.exc_info()[1]
        try:
            if error is None or error is seen.before:
                if self._after is not None:
                    self._after(seen.state, None)
            elif self._failed is not None:
                self._failed(seen.state, error)
        except Exception as fault:
            self._fault(fault)

    def _fault(self, fault: BaseException) -> None:
        if self._log is not None:
            self._log.fault("observing", fault)


_UNSEEN = object()
"""The state of a call whose beginning could not be observed: nothing more is said of it."""


def weave(function: Any, observer: Observer) -> Any:
    """A function like ``function`` whose calls are observed, for patching it in its place.

    Args:
        function: A plain function, or one that decorators wrapped (``__wrapped__``): then the
            innermost is woven and the decorators' own functions are made anew around it.
        observer: What it calls.

    Returns:
        The woven function; where no source can be had, a plain wrapper.
    """
    inner: Any = function
    chain: list[Any] = []
    while hasattr(inner, "__wrapped__") and isinstance(inner, FunctionType):
        chain.append(inner)
        inner = vars(inner)["__wrapped__"]
    try:
        woven = _woven(inner, observer)
        for outer in reversed(chain):
            woven = _around(outer, woven)
    except Exception:
        return _wrapped(function, observer)
    return woven


def _woven(function: Any, observer: Observer) -> Any:
    code = _code(function.__code__)
    code = code.replace(
        co_consts=tuple(
            observer if isinstance(c, str) and c == _HOOK else c for c in code.co_consts
        )
    )
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    made: Any = FunctionType(
        code,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        tuple(cells[name] for name in code.co_freevars),
    )
    made.__kwdefaults__ = function.__kwdefaults__
    functools.update_wrapper(made, function)
    vars(made).pop("__wrapped__", None)
    return made


def _around(outer: Any, woven: Any) -> Any:
    """A decorator's function again, with another function inside its closure."""
    from types import CellType

    old = outer.__wrapped__
    cells = tuple(CellType(woven) if c.cell_contents is old else c for c in outer.__closure__ or ())
    if all(c.cell_contents is not woven for c in cells):
        raise ValueError("the decorated function is not in the decorator's closure")
    made: Any = FunctionType(
        outer.__code__, outer.__globals__, outer.__name__, outer.__defaults__, cells
    )
    made.__kwdefaults__ = outer.__kwdefaults__
    functools.update_wrapper(made, outer)
    made.__wrapped__ = woven
    return made


@functools.lru_cache(maxsize=64)
def _code(code: CodeType) -> CodeType:
    lines, first = inspect.getsourcelines(code)
    # Under an ``if`` the text keeps its columns, which tracebacks mark.
    indented = lines[0][:1].isspace()
    tree = ast.parse("if 1:\n" + "".join(lines) if indented else "\n" + "".join(lines))
    node = tree.body[0].body[0] if indented else tree.body[0]  # type: ignore[attr-defined]
    assert isinstance(node, ast.FunctionDef)
    node.decorator_list = []
    names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    at = node.body[0]
    for inner in own_nodes(node.body):
        if isinstance(inner, ast.Return):
            value = inner.value or ast.Constant(None)
            inner.value = _call("end", ast.Name("_observed", ast.Load()), value)
    varargs = [a for a in (node.args.vararg, node.args.kwarg) if a is not None]
    loads: list[ast.expr] = [ast.Name(n, ast.Load()) for n in names]
    loads += [ast.Name(a.arg, ast.Load()) for a in varargs]
    begin = ast.Assign([ast.Name("_observed", ast.Store())], _call("begin", *loads))
    left = ast.Expr(_call("left", ast.Name("_observed", ast.Load())))
    whole = ast.Try(list(node.body), [], [], [left])
    node.body = [begin, whole]
    for new in (begin, left, whole):
        ast.copy_location(new, at)
    outer: ast.stmt = node
    if code.co_freevars:
        maker = ast.FunctionDef(
            "_maker",
            ast.arguments([], [ast.arg(n) for n in code.co_freevars], None, [], [], None, []),
            [node], [],
        )  # fmt: skip
        outer = ast.copy_location(maker, node)
        if "__class__" in code.co_freevars:
            maker.args.args = [a for a in maker.args.args if a.arg != "__class__"]
            cls = ast.copy_location(ast.ClassDef("_Holder", [], [], [node], []), node)
            maker.body = [cls]
    module = ast.fix_missing_locations(ast.Module([outer], []))
    ast.increment_lineno(module, first - 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled = compile(module, code.co_filename, "exec", dont_inherit=True)
    found = next(c for c in codes(compiled) if c.co_name == code.co_name)
    if set(found.co_freevars) - set(code.co_freevars):
        raise ValueError("the woven function has other free variables")
    return found.replace(co_qualname=code.co_qualname)


def _call(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(ast.Attribute(ast.Constant(_HOOK), name, ast.Load()), list(args), [])


def _wrapped(function: Any, observer: Observer) -> Any:
    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        bound = inspect.signature(function).bind(*args, **kwargs)
        bound.apply_defaults()
        seen = observer.begin(*bound.arguments.values())
        try:
            return observer.end(seen, function(*args, **kwargs))
        finally:
            observer.left(seen)

    return wrapped
