"""Observe a Python function from inside its own frame.

A wrapper would leave a frame of its own in every traceback that passes it (and in the messages that
``tf.function`` makes of tracebacks). So the function is compiled anew from its source, with the same
file name and line numbers, and with calls of hooks around its body::

    def gradient(self, target, sources, ...):
        _observed = HOOK.begin(self, target, sources, ...)
        try:
            ...
            return HOOK.end(_observed, grad)
        except BaseException:
            HOOK.raised(_observed)
            raise
"""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import sys
import warnings
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from tapemagic.cell.trees import codes, own_nodes

_HOOK = "\0tapemagic.woven"


class Observer:
    """What a woven function calls. Faults of the callbacks stay here.

    The hooks are functions made for the callbacks that there are: some functions are woven that
    run once per op.

    Args:
        log: Told of exceptions that a callback raised; it lists its observers, to be closed.
        before: Called with the arguments; its result is the call's state.
        after: Called with the state and the result.
        failed: Called with the state and the exception.
    """

    begin: Callable[..., Any]
    end: Callable[[Any, Any], Any]
    raised: Callable[[Any], None]

    def __init__(
        self,
        log: Any,
        before: Callable[..., Any] | None = None,
        after: Callable[[Any, Any], Any] | None = None,
        failed: Callable[[Any, BaseException], None] | None = None,
    ) -> None:
        self.only_begins = after is None and failed is None
        self.arm(log, before, after, failed)

    def arm(
        self,
        log: Any,
        before: Callable[..., Any] | None,
        after: Callable[[Any, Any], Any] | None,
        failed: Callable[[Any, BaseException], None] | None,
    ) -> None:
        """Listen, again."""
        log.observers.append(self)
        self.begin = _nothing if before is None else _beginning(log, before)
        self.end = _result if after is None else _ending(log, after)
        self.raised = _nothing if failed is None else _failing(log, failed)

    def close(self) -> None:
        """Let go of everything: code objects, which hold observers, are not garbage collected."""
        self.begin = self.raised = _nothing
        self.end = _result


_UNSEEN = object()
"""The state of a call whose beginning could not be observed: nothing more is said of it."""


def guards_itself(callback: Any) -> Any:
    """Mark a callback of a function that runs once per op: it is called as it is.

    It must not raise, and as ``after`` it hands the result on.
    """
    callback.guards_itself = True
    return callback


def _nothing(*_arguments: Any) -> Any:
    return None


def _result(_state: Any, result: Any) -> Any:
    return result


def _beginning(log: Any, before: Callable[..., Any]) -> Callable[..., Any]:
    if getattr(before, "guards_itself", False):
        return before

    def begin(*arguments: Any) -> Any:
        try:
            return before(*arguments)
        except Exception as fault:
            log.fault("observing", fault)
            return _UNSEEN

    return begin


def _ending(log: Any, after: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    if getattr(after, "guards_itself", False):
        return after

    def end(state: Any, result: Any) -> Any:
        if state is not _UNSEEN:
            try:
                after(state, result)
            except Exception as fault:
                log.fault("observing", fault)
        return result

    return end


def _failing(log: Any, failed: Callable[[Any, BaseException], None]) -> Callable[[Any], None]:
    def raised(state: Any) -> None:
        error = sys.exc_info()[1]
        if state is not _UNSEEN and error is not None:
            try:
                failed(state, error)
            except Exception as fault:
                log.fault("observing", fault)

    return raised


_kept: dict[Any, tuple[CodeType, Any, Observer]] = {}
"""Woven functions by the plain one. TensorFlow's functions stay, so each is woven in the first
traced cell and used again in the next; between cells its observer is closed."""


def observed(
    function: Any,
    log: Any,
    before: Callable[..., Any] | None = None,
    after: Callable[[Any, Any], Any] | None = None,
    failed: Callable[[Any, BaseException], None] | None = None,
) -> Any:
    """As :func:`weave`, for functions of libraries; the work is done once per process."""
    code = getattr(function, "__code__", None)
    known = _kept.get(function)
    if known is not None and known[0] is code and known[2].only_begins == (after is failed is None):
        known[2].arm(log, before, after, failed)
        return known[1]
    observer = Observer(log, before, after, failed)
    woven = weave(function, observer)
    if code is not None and len(_kept) < 64:
        _kept[function] = (code, woven, observer)
    return woven


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
    code = _code(function.__code__, observer.only_begins)
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
def _code(code: CodeType, only_begins: bool) -> CodeType:
    # Not inspect.getsourcelines, which looks at every module that is loaded to find this one's.
    first = code.co_firstlineno
    lines = inspect.getblock(linecache.getlines(code.co_filename)[first - 1 :])
    # Under an ``if`` the text keeps its columns, which tracebacks mark.
    indented = lines[0][:1].isspace()
    tree = ast.parse("if 1:\n" + "".join(lines) if indented else "\n" + "".join(lines))
    node = tree.body[0].body[0] if indented else tree.body[0]  # type: ignore[attr-defined]
    assert isinstance(node, ast.FunctionDef)
    node.decorator_list = []
    names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    at, last = node.body[0], node.body[-1]
    varargs = [a for a in (node.args.vararg, node.args.kwarg) if a is not None]
    loads: list[ast.expr] = [ast.Name(n, ast.Load()) for n in names]
    loads += [ast.Name(a.arg, ast.Load()) for a in varargs]
    begin: ast.stmt
    if only_begins:
        begin = ast.copy_location(ast.Expr(_call("begin", *loads)), at)
        node.body = [begin, *node.body]
    else:
        for inner in own_nodes(node.body):
            if isinstance(inner, ast.Return):
                value = inner.value or ast.Constant(None)
                inner.value = _call("end", ast.Name("_observed", ast.Load()), value)
        begin = ast.Assign([ast.Name("_observed", ast.Store())], _call("begin", *loads))
        # What ends without a return statement returns None.
        end = ast.Return(_call("end", ast.Name("_observed", ast.Load()), ast.Constant(None)))
        raised = ast.Expr(_call("raised", ast.Name("_observed", ast.Load())))
        every = ast.Name("BaseException", ast.Load())
        handler = ast.ExceptHandler(every, None, [raised, ast.Raise(None, None)])
        whole = ast.Try([*node.body, ast.copy_location(end, last)], [handler], [], [])
        node.body = [begin, whole]
        for new in (begin, whole, handler, raised, handler.body[-1]):
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
        state = observer.begin(*bound.arguments.values())
        try:
            result = function(*args, **kwargs)
        except BaseException:
            observer.raised(state)
            raise
        return observer.end(state, result)

    return wrapped
