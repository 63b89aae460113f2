"""Changes to a cell's text: at the statement, with formatting and comments kept."""

from __future__ import annotations

import ast
from collections.abc import Callable

from tapemagic.cell.bound import unbound
from tapemagic.cell.text import CellText, Span, span


class Edits:
    """Collects changes of one cell and applies them from the end to the start.

    Args:
        text: The cell.
    """

    def __init__(self, text: CellText) -> None:
        self.text = text
        self._changes: list[tuple[int, int, str]] = []

    # -- places

    def offset(self, line: int, column: int) -> int:
        """The position in the text of a line and byte column, as in ast."""
        rows = self.text.source.splitlines(keepends=True)
        before = sum(len(row) for row in rows[: line - 1])
        if line - 1 >= len(rows):
            return before
        return before + len(rows[line - 1].encode()[:column].decode(errors="replace"))

    def raw(self, place: Span) -> str:
        """The very text of a place."""
        return self.text.source[self.offset(*place[:2]) : self.offset(*place[2:])]

    # -- changes

    def replace(self, place: Span, new: str) -> Edits:
        """Put other text at a place."""
        self._changes.append((self.offset(*place[:2]), self.offset(*place[2:]), new))
        return self

    def insert(self, line: int, column: int, new: str) -> Edits:
        """Put text in front of a place."""
        at = self.offset(line, column)
        self._changes.append((at, at, new))
        return self

    def insert_line(self, line: int, new: str) -> Edits:
        """Put whole lines in front of a line."""
        at = self.offset(line, 0)
        lead = "" if at == 0 or self.text.source[at - 1 : at] == "\n" else "\n"
        self._changes.append((at, at, f"{lead}{new}\n"))
        return self

    def delete_lines(self, first: int, last: int) -> Edits:
        """Take whole lines out."""
        self._changes.append((self.offset(first, 0), self.offset(last + 1, 0), ""))
        return self

    def source(self) -> str | None:
        """The changed text; None if nothing changes, or it is no longer Python, or loses a name."""
        source = self.text.source
        end = len(source) + 1
        for begin, stop, new in sorted(self._changes, key=lambda c: (c[0], c[1]), reverse=True):
            if stop > end:
                return None
            source = source[:begin] + new + source[stop:]
            end = begin
        if source == self.text.source:
            return None
        try:
            tree = compile(
                source, "<fixed>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST
            )
        except (SyntaxError, ValueError):
            return None
        assert isinstance(tree, ast.Module)
        # Code that lands where a name of it is not bound (yet) would raise a NameError.
        known = unbound(self.text.tree) if self.text.tree is not None else set()
        return None if unbound(tree) - known else source


def indent_of(text: CellText, line: int) -> str:
    """The indentation of a line."""
    row = text.lines[line - 1] if 0 < line <= len(text.lines) else ""
    return row[: len(row) - len(row.lstrip())]


def body_lines(_text: CellText, node: ast.stmt) -> tuple[int, int]:
    """First and last line of a statement, with its decorators."""
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
    return first, node.end_lineno or node.lineno


def shifted(text: CellText, first: int, last: int, indent: str) -> str:
    """Lines first to last, moved to another indentation."""
    old = indent_of(text, first)
    rows = [
        indent + row[len(old) :] if row.startswith(old) else row
        for row in text.lines[first - 1 : last]
    ]
    return "\n".join(rows)


def siblings(text: CellText, node: ast.AST) -> list[ast.stmt] | None:
    """The block of statements that holds a statement."""
    if text.tree is None:
        return None
    for parent in ast.walk(text.tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(parent, name, None)
            if isinstance(block, list) and any(child is node for child in block):
                return block
    return None


def with_of_tape(text: CellText, line: int) -> ast.With | None:
    """The ``with`` statement that starts on a line."""
    node = text.statement_at(line)
    for other in text.statements:
        if isinstance(other, ast.With) and other.lineno == line:
            return other
    return node if isinstance(node, ast.With) else None


def tape_variable(node: ast.With, name: str | None) -> str | None:
    """The name after ``as``; of several items the one with the tape's name."""
    names = [
        item.optional_vars.id for item in node.items if isinstance(item.optional_vars, ast.Name)
    ]
    if name in names:
        return name
    return names[0] if names else None


def after_docstring(function: ast.FunctionDef) -> ast.stmt:
    """The first statement of a function that does something.

    Raises:
        StopIteration: If there is none.
    """
    return next(
        s for s in function.body
        if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
    )  # fmt: skip


def binds(statement: ast.AST, name: str) -> bool:
    """Whether a statement binds a name."""
    return any(
        isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, (ast.Store, ast.Del))
        for n in ast.walk(statement)
    )


def calls_in(text: CellText, place: Span, test: Callable[[ast.Call], bool]) -> list[ast.Call]:
    """The calls inside a place that pass a test, outer ones first."""
    if text.tree is None:
        return []
    found = [
        n for n in ast.walk(text.tree)
        if isinstance(n, ast.Call) and place[:2] <= span(n)[:2] and span(n)[2:] <= place[2:]
    ]  # fmt: skip
    return [n for n in found if test(n)]


def dotted(node: ast.AST) -> str:
    """``np.linalg.norm`` for such an expression, else ""."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def module_alias(text: CellText, module: str, default: str) -> str:
    """The name under which a cell imports a module."""
    if text.tree is not None:
        for node in ast.walk(text.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name == module:
                        return alias.asname or alias.name
    return default
