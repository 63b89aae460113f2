"""Expressions and names that a person writes in an option."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_QUOTES = "\"'"


def split_expressions(text: str) -> tuple[str, ...]:
    """Split ``w, f(a, b)`` at its outer commas.

    Raises:
        SyntaxError: The text is no list of Python expressions.
    """
    text = unquote(text.strip())
    if not text:
        raise SyntaxError("there is nothing between the quotes")
    source = f"[{text}\n]"
    tree = ast.parse(source, mode="eval").body
    if not isinstance(tree, ast.List):  # "a][b" closes our bracket
        raise SyntaxError("this is no expression")
    parts = [ast.get_source_segment(source, part) for part in tree.elts]
    return tuple(part for part in parts if part)


def unquote(text: str) -> str:
    """Take off the quotes that keep an option with blanks in one piece."""
    if len(text) < 2 or text[0] not in _QUOTES or text[-1] != text[0]:
        return text
    # "a" + "b" starts and ends with a quote too, and has others within.
    return text if text[0] in text[1:-1] else text[1:-1]


def free_names(expression: str) -> set[str]:
    """Give the names that an expression reads from outside itself."""
    tree = ast.parse(expression, mode="eval")
    own = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    read: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else own).add(node.id)
    return read - own


def bound_names(source: str) -> set[str] | None:
    """Give every name that a cell binds, or None when that cannot be told from its text."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return None
    names: set[str] = set()
    for node in ast.walk(tree):
        if _binds_unseen(node):
            return None
        names.update(_bound_by(node))
    return names


def _binds_unseen(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return any(alias.name == "*" for alias in node.names)
    # A magic, exec() or globals()[...] = ... may make names that are not in the text.
    return isinstance(node, ast.Name) and node.id in {"exec", "globals", "get_ipython", "locals"}


def _bound_by(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            for alias in aliases:
                yield alias.asname or alias.name.partition(".")[0]
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)) | ast.ExceptHandler(name=str(name)):
            yield name
        case _:
            return
