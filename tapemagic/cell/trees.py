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


def only_called(tree: ast.Module) -> set[int]:
    """The ids of the lambdas that have a name, are nothing but called by it, and alone on their line."""
    owner: dict[int, str] = {}
    handed: set[str] = set()
    lines: list[int] = []
    callees: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            lines.append(node.lineno)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            target = node.targets[0]
            if len(node.targets) == 1 and isinstance(target, (ast.Name, ast.Attribute)):
                owner[id(node.value)] = _last(target)
        elif isinstance(node, ast.Call):
            callees.add(id(node.func))
        elif isinstance(node, ast.Global):
            handed.update(node.names)
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
            if id(node) not in callees:  # a call is met before what it calls
                handed.add(_last(node))
    alone = {
        id(n) for n in ast.walk(tree)
        if isinstance(n, ast.Lambda) and lines.count(n.lineno) == 1
    }  # fmt: skip
    return {number for number, name in owner.items() if name not in handed} & alone


def _last(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr


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
