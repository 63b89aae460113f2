"""Syntax trees and code objects: copies, scopes, and the hooks put into compiled code."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

from tapemagic.cell.spots import FLAGS, HOOKS


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


YIELDS = (ast.Yield, ast.YieldFrom)
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


_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler, ast.MatchAs,
          ast.MatchStar)  # fmt: skip


def modules_of(tree: ast.Module, known: frozenset[str]) -> frozenset[str]:
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


def watchable(tree: ast.Module) -> set[int]:
    """The ids of the lambdas that may be rewritten: those alone on their line that Keras won't marshal.

    A layer ``Lambda`` marshals the code that it is given. So a lambda has to be called only; where no
    such layer is named, it may also be handed to functions of the same text, or kept in a list.
    """
    parents = {id(part): node for node in ast.walk(tree) for part in ast.iter_child_nodes(node)}
    nodes = list(ast.walk(tree))
    own = {n.name for n in nodes if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    words = {_last(n) for n in nodes} | {a.name for n in nodes for a in _aliases(n)}
    marshals = bool(words & {"Lambda", "marshal", "__code__"})

    def stays(node: ast.AST) -> bool:
        """Whether what is done with a function here leaves it with code of this text."""
        parent = parents[id(node)]
        if isinstance(parent, ast.Call) and parent.func is node:
            return True
        if isinstance(parent, ast.keyword):
            parent = parents[id(parent)]
        handed = isinstance(parent, ast.Call) and _last(parent.func) in own
        kept = (ast.List, ast.Tuple, ast.Dict, ast.Return)
        return not marshals and (handed or isinstance(parent, kept))

    gone = {
        _last(n) for n in nodes
        if isinstance(getattr(n, "ctx", None), ast.Load) and _last(n) and not stays(n)
    }  # fmt: skip
    lambdas = [n for n in nodes if isinstance(n, ast.Lambda)]
    lines = [n.lineno for n in lambdas]
    found = set()
    for node in lambdas:
        parent = parents[id(node)]
        bound = _last(parent.targets[0]) if isinstance(parent, ast.Assign) else ""
        named = bound and len(parent.targets) == 1 and bound not in gone  # type: ignore[attr-defined]
        if lines.count(node.lineno) == 1 and (named or stays(node)):
            found.add(id(node))
    return found


def _last(node: ast.AST) -> str:
    """A name, or that of an attribute; "" of anything else."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _aliases(node: ast.AST) -> list[ast.alias]:
    return node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else []


def either(flag: ast.expr, watched: ast.expr, plain: ast.expr) -> ast.expr:
    """``watched if flag else plain``."""
    return ast.copy_location(ast.IfExp(flag, watched, plain), plain)


def name_of(node: ast.expr) -> str | None:
    """The name that an expression is, if it is one."""
    return node.id if isinstance(node, ast.Name) else None


def loaded(node: ast.expr) -> ast.expr:
    """The expression that reads what a target is."""
    made: Any = clone(node)
    made.ctx = ast.Load()
    copied: ast.expr = made
    return copied


def plain_names(target: ast.expr | None) -> tuple[str, ...]:
    """The names that a target binds."""
    if isinstance(target, ast.Name):
        return (target.id,)
    if isinstance(target, ast.Starred):
        return plain_names(target.value)
    if isinstance(target, (ast.Tuple, ast.List)):
        return tuple(name for part in target.elts for name in plain_names(part))
    return ()


def parameters(args: ast.arguments) -> tuple[str, ...]:
    """The names of a function's parameters."""
    return tuple(a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs))


def without(body: list[ast.stmt], gone: list[Any]) -> list[ast.stmt]:
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
