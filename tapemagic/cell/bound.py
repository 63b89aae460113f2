"""Which names a text reads where nothing has bound them yet."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from typing import Any

Unbound = set[tuple[str, str]]  # the scope, "" for a name that is bound nowhere, and the name

_DEFERRED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def unbound(tree: ast.Module) -> Unbound:
    """The names that nothing binds, and those that their scope binds only later.

    Statements are taken in the order of the text: a loop's second turn and an earlier cell may have
    bound a name all the same. So this is for comparing a text with a changed one.
    """
    if any(isinstance(n, ast.ImportFrom) and n.names[0].name == "*" for n in ast.walk(tree)):
        return set()
    shared = {
        name for n in ast.walk(tree) if isinstance(n, ast.Global) for name in n.names
    }  # by functions
    reader = _Reader("<module>", None, _bound_in(tree.body) | shared, shared)
    reader.read(tree.body)
    return reader.found


class _Reader(ast.NodeVisitor):
    """Reads one scope in the order in which it is evaluated.

    Args:
        name: The scope's name.
        outer: The scope around it, whose names are all bound by the time this one runs.
        local: Every name that the scope binds, sooner or later.
        bound: Those that are bound when it begins.
    """

    def __init__(
        self, name: str, outer: _Reader | None, local: set[str], bound: Iterable[str] = ()
    ) -> None:
        self.name, self.outer, self.local = name, outer, local
        self.bound = set(bound)
        self.found: Unbound = outer.found if outer is not None else set()
        self._own: list[set[str]] = []  # of the comprehensions that are being read
        self._bodies: list[tuple[Any, set[str]]] = []

    def read(self, body: Iterable[ast.AST]) -> None:
        """Read the statements of the scope, then the bodies of its functions."""
        for node in body:
            self.visit(node)
        for function, own in self._bodies:
            names = {a.arg for a in _parameters(function.args)} | own
            inside = function.body if isinstance(function.body, list) else [function.body]
            reader = _Reader(_name(function), self, names | _bound_in(inside), names)
            reader.read(inside)

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.bound.add(node.id)
        elif any(node.id in own for own in self._own) or node.id in self.bound:
            return
        elif node.id in self.local:
            self.found.add((self.name, node.id))
        elif not self._is_around(node.id) and not hasattr(builtins, node.id):
            self.found.add(("", node.id))

    def _is_around(self, name: str) -> bool:
        outer = self.outer
        while outer is not None:
            if name in outer.local:
                return True
            outer = outer.outer
        return False

    def generic_visit(self, node: ast.AST) -> None:
        if isinstance(node, _DEFERRED):
            self._function(node)
        elif isinstance(node, _COMPREHENSIONS):
            self._comprehension(node)
        else:
            if isinstance(node, ast.ExceptHandler):
                self.bound.update(_names_of(node))
            for part in _in_order(node):
                self.visit(part)
            self.bound.update(_names_of(node))

    def _function(self, node: Any) -> None:
        for part in (
            *getattr(node, "decorator_list", ()),
            *node.args.defaults,
            *node.args.kw_defaults,
        ):
            if part is not None:
                self.visit(part)
        self._bodies.append((node, set().union(*self._own)))
        self.bound.update(_names_of(node))

    def _comprehension(self, node: Any) -> None:
        first = node.generators[0]
        self.visit(first.iter)
        self._own.append(
            {n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
        )
        for turn in node.generators:
            for part in (*([] if turn is first else [turn.iter]), *turn.ifs):
                self.visit(part)
        for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            self.visit(part)
        self._own.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(part)
        # Its names are those of its body alone; its functions do not see them.
        before = set(self.bound)
        for part in node.body:
            self.visit(part)
        self.bound = before | {node.name}


def _in_order(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a node as they are evaluated."""
    if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return iter([*([node.value] if node.value is not None else []), *targets])
    if isinstance(node, ast.AugAssign):
        read = [ast.Name(node.target.id, ast.Load())] if isinstance(node.target, ast.Name) else []
        return iter([*read, node.value, node.target])
    if isinstance(node, (ast.For, ast.AsyncFor)):
        return iter([node.iter, node.target, *node.body, *node.orelse])
    return ast.iter_child_nodes(node)


def _bound_in(body: Iterable[ast.AST]) -> set[str]:
    """Every name that statements bind in their own scope."""
    found: set[str] = set()
    elsewhere: set[str] = set()
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        found.update(_names_of(node))
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            elsewhere.update(node.names)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        if isinstance(node, (*_DEFERRED, ast.ClassDef)):
            continue
        if isinstance(node, _COMPREHENSIONS):
            todo += [n for n in ast.walk(node) if isinstance(n, ast.NamedExpr)]
            continue
        todo += ast.iter_child_nodes(node)
    return found - elsewhere


def _names_of(node: ast.AST) -> set[str]:
    """The names that a node binds other than by an expression."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    name = (
        getattr(node, "name", None)
        if isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar))
        else None
    )
    return {name} if name else set()


def _parameters(args: ast.arguments) -> list[ast.arg]:
    more = [a for a in (args.vararg, args.kwarg) if a is not None]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *more]


def _name(node: Any) -> str:
    return getattr(node, "name", "<lambda>")
