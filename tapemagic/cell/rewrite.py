"""Rewrite a cell so that hooks see its data flow, without changing what it computes.

Every call, operator, subscript and attribute keeps being evaluated in the person's own frame;
hooks only pass values through: ``f(x) + y`` becomes ``r(1, o(1, r(0, c(0, f)(o(0, x)))) + o(1, y))``.
So ``sys._getframe``, warnings, tracebacks and evaluation order stay as they were.

Code that has shown that it carries no tensor runs plain: the body of each loop and function stands
twice, ``if flags.b3: <watched> else: <plain>``, and :class:`tapemagic.recorder.flow.Flow` clears
the flag after some quiet turns.

The hooks are not names (the person's namespace stays clean). They stand in the code as string
constants, which :func:`embed` replaces by the hook objects once the code is compiled.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

from tapemagic.cell.text import Span, span

HOOKS = "\0tapemagic.hooks"
FLAGS = "\0tapemagic.flags"
GROWS = -2
"""The ``count`` of a "store" or "set" spot whose statement is augmented: ``box[key] += value``."""


@dataclass(slots=True)
class Spot:
    """What is known statically of one rewritten expression or binding.

    ``kind`` is "call", "op", "item", "attr", "text", "each", or "bind", "unpack", "store" (into an
    item), "set" (an attribute), "grow" (augmented), "for", "with", "def", "return".
    """

    index: int
    kind: str
    place: Span
    statement: int  # first line of the statement
    count: int = 0  # operands that are pushed; of a store: its position among several targets
    operands: tuple[str | None, ...] = ()  # a plain name's text, else None
    names: tuple[str, ...] = ()  # names that are bound
    function: str | None = None
    last: bool = False  # of a store: the last of its statement
    text: Any = None  # the CellText that holds it


@dataclass(slots=True)
class Rewritten:
    """A rewritten tree and its static tables."""

    tree: ast.Module
    first_spot: int
    first_branch: int
    branches: int  # flags "b0" .. of this and earlier trees


def embed(code: CodeType, hooks: Any, flags: Any) -> CodeType:
    """``code`` with the placeholders replaced by the hook objects, in nested code too."""
    swap = {HOOKS: hooks, FLAGS: flags}
    consts = tuple(
        embed(const, hooks, flags)
        if isinstance(const, CodeType)
        else swap.get(const, const)
        if isinstance(const, str)
        else const
        for const in code.co_consts
    )
    return code.replace(co_consts=consts)


_YIELDS = (ast.Yield, ast.YieldFrom)
_SHARED = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)


def clone(node: Any) -> Any:
    """A copy of a tree, or of a list of trees; of syntax only.

    ``copy.deepcopy`` is no choice: to show a traceback, IPython hangs a link to a whole library's
    tree on ``ast.Load()``, which all trees share, and each name would copy that library.
    """
    if isinstance(node, list):
        return [clone(part) for part in node]
    if not isinstance(node, ast.AST) or isinstance(node, _SHARED):
        return node
    made = type(node)()
    old, new = vars(node), vars(made)
    for name in (*node._fields, *node._attributes):
        if name in old:
            part = old[name]
            new[name] = clone(part) if isinstance(part, (ast.AST, list)) else part
        elif hasattr(node, name):  # a default, which stands in the class
            setattr(made, name, clone(getattr(node, name)))
    return made


def rewrite(
    text: Any,
    tree: ast.Module,
    spots: list[Spot],
    branches: int = 0,
    *,
    keep_last: bool = False,
    modules: frozenset[str] = frozenset(),
) -> Rewritten:
    """Rewrite a module's tree; the tree given is left as it was.

    Args:
        text: The :class:`~tapemagic.cell.text.CellText` that the tree belongs to.
        tree: The tree of the cell.
        spots: Table of spots, which is extended: its indices stand in the code.
        branches: Number of flags that earlier trees use.
        keep_last: Let the value of the last expression pass a hook too.
        modules: Names that hold a module before the code runs.
    """
    first = len(spots)
    writer = _Rewriter(text, spots, branches)
    new = clone(tree)
    writer.modules = _modules(new, modules)
    writer.yields = any(isinstance(n, _YIELDS) for n in ast.walk(new))
    new.body = writer.block(new.body, top=True)
    if keep_last and new.body and isinstance(new.body[-1], ast.Expr):
        end = new.body[-1]
        end.value = writer.hook("z", end.value, end.value)
    ast.fix_missing_locations(new)
    return Rewritten(new, first, branches, writer.branches)


def codes(code: CodeType) -> Iterator[CodeType]:
    """A code object and those nested in it."""
    yield code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from codes(const)


def own_nodes(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """The nodes of a body that belong to its own scope."""
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            todo.extend(ast.iter_child_nodes(node))


class _Rewriter(ast.NodeTransformer):
    def __init__(self, text: Any, spots: list[Spot], branches: int) -> None:
        self.text = text
        self.spots = spots
        self.branches = branches
        self.line = 0
        self.function: str | None = None
        self.modules: frozenset[str] = frozenset()  # names that hold nothing but modules
        self.yields = True  # whether there is a yield anywhere: most code has none

    # -- building blocks

    def spot(self, kind: str, node: ast.AST, **more: Any) -> Spot:
        made = Spot(len(self.spots), kind, span(node), self.line, function=self.function, **more)
        made.text = self.text
        self.spots.append(made)
        return made

    def hook(self, name: str, at: ast.AST, *args: ast.expr | int) -> ast.Call:
        values = [ast.Constant(a) if isinstance(a, int) else a for a in args]
        func = ast.Attribute(ast.Constant(HOOKS), name, ast.Load())
        call = ast.Call(func, list(values), [])
        for node in (call, func, func.value, *(v for v in values if isinstance(v, ast.Constant))):
            if not hasattr(node, "lineno"):
                ast.copy_location(node, at)
        return call

    def flag(self, at: ast.AST) -> tuple[int, ast.expr]:
        index = self.branches
        self.branches += 1
        node = ast.Attribute(ast.Constant(FLAGS), f"b{index}", ast.Load())
        return index, ast.copy_location(node, at)

    def silent(self, call: ast.expr, at: ast.AST) -> ast.stmt:
        """A statement that runs a hook and can never be the cell's last expression."""
        return ast.copy_location(ast.If(call, [ast.Pass()], []), at)

    # -- statements

    def block(self, body: list[ast.stmt], *, top: bool = False) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for number, node in enumerate(body):
            outer, self.line = self.line, node.lineno
            made = self.visit(node)
            self.line = outer
            made = made if isinstance(made, list) else [made]
            if top and number == len(body) - 1 and isinstance(node, ast.Assign):
                # IPython may show the value of a last assignment: nothing may follow it.
                made = made[:1]
            out.extend(made)
        return out

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for name, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                setattr(node, name, self.block(value))
            elif isinstance(value, list):
                setattr(node, name, [self.visit(v) if isinstance(v, ast.AST) else v for v in value])
            elif isinstance(value, ast.AST):
                setattr(node, name, self.visit(value))
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        outer, self.line = self.line, node.lineno
        node.body = self.block(node.body)
        # The expression that raised never reached its hook: forget its operands.
        first = node.body[0]
        node.body.insert(0, self.silent(self.hook("sync", first), first))
        self.line = outer
        return node

    def visit_Assign(self, node: ast.Assign) -> Any:
        return self.assign(node, node.targets)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        return self.assign(node, [node.target]) if node.value is not None else node

    def assign(self, node: ast.Assign | ast.AnnAssign, targets: list[ast.expr]) -> Any:
        whole = node.value
        assert whole is not None
        value = self.visit(whole)
        names = tuple(target.id for target in targets if isinstance(target, ast.Name))
        after: list[ast.stmt] = []
        made = self.spot("bind", whole, names=names)
        simple = len(names) == len(targets)
        node.value = self.hook("n" if simple else "s", whole, made.index, value)
        last: Spot | None = None
        for target in targets:
            if isinstance(target, (ast.Tuple, ast.List)):
                names = _plain_names(target)
                if names:
                    spot = self.spot("unpack", target, names=names)
                    loads = [ast.copy_location(ast.Name(n, ast.Load()), target) for n in names]
                    after.append(self.silent(self.hook("u", target, spot.index, *loads), node))
                if not any(isinstance(part, ast.Starred) for part in target.elts):
                    for position, part in enumerate(target.elts):
                        last = self.store(part, position) or last
            else:
                last = self.store(target) or last
        if last is not None:
            last.last = not after
        return [node, *after]

    def store(self, target: ast.expr, position: int = -1) -> Spot | None:
        """Let hooks see the object and the key of ``box[key] = ..`` and ``box.key = ..``.

        They pass them on where Python evaluates them, once: a property that is read twice might
        do something twice.
        """
        if not isinstance(target, (ast.Subscript, ast.Attribute)):
            return None
        kind = "store" if isinstance(target, ast.Subscript) else "set"
        names = [ast.unparse(target.value)]
        owner = self.visit(target.value)
        if isinstance(target, ast.Attribute):
            hook = "a"
            names.append(target.attr)
        else:
            target.slice = self.visit(target.slice)
            hook = "w" if isinstance(target.slice, ast.Slice) else "b"
        spot = self.spot(kind, target, names=tuple(names), count=position)
        target.value = self.hook(hook, target.value, spot.index, owner)
        if hook == "b":
            assert isinstance(target, ast.Subscript)
            target.slice = self.hook("k", target.slice, spot.index, target.slice)
        return spot

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> Any:
        """What an import brings in is watched from here on, where it is the person's own."""
        if getattr(node, "module", None) == "__future__":
            return node
        return [node, self.silent(self.hook("j", node), node)]

    visit_ImportFrom = visit_Import

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        value = self.visit(node.value)
        name = ast.unparse(node.target) if isinstance(node.target, ast.Name) else None
        spot = self.spot(
            "grow", node, count=2, operands=(name, _name(node.value)), names=(name,) if name else ()
        )
        old = _loaded(node.target) if name else ast.copy_location(ast.Constant(None), node)
        stored = self.store(node.target, GROWS)
        if stored is not None:
            spot.operands = (None, spot.operands[1])
        node.value = self.hook("p", node.value, spot.index, old, value)
        new = [_loaded(node.target)] if name else []
        return [node, self.silent(self.hook("g", node, spot.index, *new), node)]

    def visit_For(self, node: ast.For) -> Any:
        plain = clone(node.body)
        names = _plain_names(node.target)
        spot = self.spot("for", node.iter, names=names)
        node.iter = self.hook("i", node.iter, spot.index, self.visit(node.iter))
        body = self.block(node.body)
        loads = [ast.copy_location(ast.Name(n, ast.Load()), node.target) for n in names]
        body.insert(0, self.silent(self.hook("e", node.target, spot.index, *loads), node.target))
        node.body = self.doubled(body, plain)
        node.orelse = self.block(node.orelse)
        return node

    def test(self, node: ast.expr) -> Any:
        """A condition: its parts are watched, not the condition itself.

        The jump behind it takes its place from the last thing that was compiled. A hook's call
        there would move the marks of a traceback, and no value comes of a condition anyway.
        """
        if isinstance(node, ast.BoolOp):
            node.values = [self.test(value) for value in node.values]
            return node
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            node.operand = self.test(node.operand)
            return node
        if isinstance(node, (ast.NamedExpr, ast.IfExp)):
            return self.visit(node)
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> Any:
        node.test = self.test(node.test)
        node.body = self.block(node.body)
        node.orelse = self.block(node.orelse)
        return node

    def visit_Assert(self, node: ast.Assert) -> Any:
        node.test = self.test(node.test)
        if node.msg is not None:
            node.msg = self.visit(node.msg)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        node.test = self.test(node.test)
        node.body, node.orelse = self.visit(node.body), self.visit(node.orelse)
        return node

    def visit_While(self, node: ast.While) -> Any:
        plain = clone(node.body)
        index, flag = self.flag(node.test)
        test = clone(node.test)
        node.test = _either(flag, self.test(node.test), test)
        node.body = self.doubled(self.block(node.body), plain, index)
        node.orelse = self.block(node.orelse)
        return node

    def doubled(
        self, watched: list[ast.stmt], plain: list[ast.stmt], index: int | None = None
    ) -> list[ast.stmt]:
        at = plain[0]
        if index is None:
            index, flag = self.flag(at)
        else:
            flag = ast.copy_location(
                ast.Attribute(ast.Constant(FLAGS), f"b{index}", ast.Load()), at
            )
        turn = self.silent(self.hook("turn", at, index), at)
        return [ast.copy_location(ast.If(flag, [turn, *watched], plain), at)]

    visit_AsyncFor = generic_visit

    def visit_With(self, node: ast.With) -> Any:
        for item in node.items:
            item.context_expr = self.visit(item.context_expr)
        body = self.block(node.body)
        names = [n for item in node.items for n in _plain_names(item.optional_vars)]
        if names:
            spot = self.spot("with", node.items[0].context_expr, names=tuple(names))
            at = node.items[0].context_expr
            loads = [ast.copy_location(ast.Name(n, ast.Load()), at) for n in names]
            body.insert(0, self.silent(self.hook("t", at, spot.index, *loads), at))
        node.body = body
        return node

    def visit_Return(self, node: ast.Return) -> Any:
        if node.value is None:
            return node
        spot = self.spot("return", node.value, operands=(_name(node.value),))
        node.value = self.hook("v", node.value, spot.index, self.visit(node.value))
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        node.bases = [self.visit(base) for base in node.bases]
        node.body = self.block(node.body)
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Any:
        return node  # its turns interleave with others': its calls are seen from outside

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        own = list(own_nodes(node.body))
        outer, self.function = self.function, node.name
        if any(isinstance(n, _YIELDS) for n in own):
            # Its turns interleave with the caller's: no activation of its own, and what stands
            # around a yield stays plain.
            node.body = self.block(node.body)
            self.function = outer
            return self.defined(node)
        body, doc = node.body, []
        if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            doc, body = body[:1], body[1:]
        scopes = [n for n in own if isinstance(n, (ast.Global, ast.Nonlocal))]
        body = _without(body, scopes)
        if body:
            node.body = [*doc, *scopes, *self.body(node, body)]
        self.function = outer
        return self.defined(node)

    def defined(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Let a definition pass a hook, which gives the function its plain code back in the end."""
        self.line = node.lineno
        spot = self.spot("def", node, names=(node.name,))
        at = ast.copy_location(ast.Constant(None), node)
        at.end_lineno, at.end_col_offset = node.lineno, node.col_offset
        maker = ast.Attribute(ast.Constant(HOOKS), f"d{spot.index}", ast.Load())
        ast.fix_missing_locations(ast.copy_location(maker, at))
        node.decorator_list.append(maker)
        return node

    def body(self, node: ast.FunctionDef, body: list[ast.stmt]) -> list[ast.stmt]:
        plain = clone(body)
        at = body[0]
        index, flag = self.flag(at)
        names = _parameters(node.args)
        loads = [ast.copy_location(ast.Name(n, ast.Load()), at) for n in names]
        spot = self.spot("enter", node, names=names)
        test = ast.BoolOp(ast.And(), [flag, self.hook("enter", at, index, spot.index, *loads)])
        leave = ast.Expr(self.hook("leave", at))
        watched = ast.Try(self.block(body), [], [], [leave])
        both = ast.If(test, [watched], plain)
        return [ast.copy_location(both, at)]

    # -- expressions

    def visit(self, node: ast.AST) -> Any:
        if self.yields and isinstance(node, ast.expr) and not isinstance(node, _YIELDS):
            if any(isinstance(n, _YIELDS) for n in ast.walk(node)):
                return node
        return super().visit(node)

    def operand(self, spot: Spot, value: ast.expr) -> ast.expr:
        """Push an operand, unless it is a literal."""
        inner: Any = self.visit(value)
        if isinstance(value, ast.Constant):
            return value
        if isinstance(value, ast.Starred):
            value.value = self.hook("o", value.value, spot.index, inner.value)
            return value
        return self.hook("o", value, spot.index, inner)

    def close(self, spot: Spot, node: ast.expr, operands: list[ast.expr]) -> ast.expr:
        live = [o for o in operands if not isinstance(o, ast.Constant)]
        spot.count = len(live)
        spot.operands = tuple(_name(o) for o in live)
        return self.hook("r", node, spot.index, node) if live else node

    def visit_Call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Name) and node.func.id in ("super", "locals", "vars", "dir"):
            return node
        spot = self.spot("call", node)
        operands = [node.func, *node.args, *(k.value for k in node.keywords)]
        old = [copy.copy(o) for o in operands]
        func = node.func
        if isinstance(func, ast.Attribute):
            # The method is looked up as it was; its object is seen through ``__self__``.
            func.value = self.visit(func.value)
            inner: ast.expr = func
        else:
            inner = self.visit(func)
        node.func = self.hook("c", func, spot.index, inner)
        node.args = [self.operand(spot, a) for a in node.args]
        for keyword in node.keywords:
            keyword.value = self.operand(spot, keyword.value)
        return self.close(spot, node, old)

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        if isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant):
            return node
        spot = self.spot("op", node)
        old = [node.left, node.right]
        node.left, node.right = (self.operand(spot, o) for o in old)
        return self.close(spot, node, old)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        if isinstance(node.operand, ast.Constant) or isinstance(node.op, ast.Not):
            return self.generic_visit(node)
        spot = self.spot("op", node)
        old = [node.operand]
        node.operand = self.operand(spot, node.operand)
        return self.close(spot, node, old)

    def visit_Compare(self, node: ast.Compare) -> Any:
        if len(node.ops) > 1 or isinstance(node.ops[0], (ast.Is, ast.IsNot)):
            return self.generic_visit(node)  # a chain may leave operands unevaluated
        spot = self.spot("op", node)
        old = [node.left, node.comparators[0]]
        node.left, node.comparators[0] = (self.operand(spot, o) for o in old)
        return self.close(spot, node, old)

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        if not isinstance(node.ctx, ast.Load):
            return node
        spot = self.spot("item", node)
        old = [node.value]
        node.value = self.operand(spot, node.value)
        node.slice = self.visit(node.slice)
        return self.close(spot, node, old)

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        if not isinstance(node.ctx, ast.Load):
            return node
        if isinstance(node.value, ast.Name) and node.value.id in self.modules:
            return node  # a module carries no mark
        spot = self.spot("attr", node)
        old = [node.value]
        node.value = self.operand(spot, node.value)
        return self.close(spot, node, old)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> Any:
        spot = self.spot("text", node)
        old = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                old.append(part.value)
                part.value = self.operand(spot, part.value)
        return self.close(spot, node, old)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> Any:
        spot = self.spot("bind", node.value, names=(node.target.id,))
        node.value = self.hook("n", node.value, spot.index, self.visit(node.value))
        return node

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        return node  # Keras marshals the code of lambdas: it may hold nothing but plain constants

    def comprehension(self, node: Any) -> Any:
        if any(g.is_async for g in node.generators):
            return node
        if any(isinstance(n, (ast.Await, ast.NamedExpr)) for n in ast.walk(node)):
            return node
        spot = self.spot("each", node)
        first = node.generators[0]
        old = [first.iter]
        first.iter = self.operand(spot, first.iter)
        for name in ("elt", "key", "value"):
            part = getattr(node, name, None)
            if part is not None and not isinstance(part, (ast.Name, ast.Constant)):
                index, flag = self.flag(part)
                plain = clone(part)
                turned = self.hook("turned", part, index, self.visit(part))
                setattr(node, name, _either(flag, turned, plain))
        return self.close(spot, node, old)

    visit_ListComp = comprehension
    visit_SetComp = comprehension
    visit_DictComp = comprehension
    visit_GeneratorExp = comprehension

    def visit_Match(self, node: Any) -> Any:
        node.subject = self.visit(node.subject)
        for case in node.cases:
            case.body = self.block(case.body)
        return node

    def visit_Delete(self, node: ast.Delete) -> Any:
        return node


_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler, ast.MatchAs,
          ast.MatchStar)  # fmt: skip


def _modules(tree: ast.Module, known: frozenset[str]) -> frozenset[str]:
    """The names that hold a module whenever code of the tree runs: nothing else is bound to them."""
    imported: set[str] = set()
    bound: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {a.asname or a.name.split(".")[0] for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            bound |= {a.asname or a.name for a in node.names}
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, _NAMED):
            bound.add(str(node.name))
        elif isinstance(node, ast.MatchMapping) and node.rest:
            bound.add(node.rest)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            bound |= set(node.names)
    return frozenset((imported | known) - bound)


def _either(flag: ast.expr, watched: ast.expr, plain: ast.expr) -> ast.expr:
    return ast.copy_location(ast.IfExp(flag, watched, plain), plain)


def _name(node: ast.expr) -> str | None:
    return node.id if isinstance(node, ast.Name) else None


def _loaded(node: ast.expr) -> ast.expr:
    made: Any = clone(node)
    made.ctx = ast.Load()
    copied: ast.expr = made
    return copied


def _plain_names(target: ast.expr | None) -> tuple[str, ...]:
    if isinstance(target, ast.Name):
        return (target.id,)
    if isinstance(target, ast.Starred):
        return _plain_names(target.value)
    if isinstance(target, (ast.Tuple, ast.List)):
        return tuple(name for part in target.elts for name in _plain_names(part))
    return ()


def _parameters(args: ast.arguments) -> tuple[str, ...]:
    return tuple(a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs))


def _without(body: list[ast.stmt], gone: list[Any]) -> list[ast.stmt]:
    """``body`` without its scope declarations, which are said once in front of both copies."""
    if not gone:
        return body

    class Drop(ast.NodeTransformer):
        def visit_Global(self, node: ast.Global) -> ast.stmt:
            return ast.copy_location(ast.Pass(), node)

        visit_Nonlocal: Callable[..., Any] = visit_Global

        def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
            return node

        visit_AsyncFunctionDef: Callable[..., Any] = visit_FunctionDef
        visit_ClassDef: Callable[..., Any] = visit_FunctionDef

    return [Drop().visit(statement) for statement in body]
