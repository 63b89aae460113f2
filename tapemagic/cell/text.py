"""A cell's text and syntax tree: which statement holds a place, and how a value was written."""

from __future__ import annotations

import ast
import warnings
from functools import cached_property

from tapemagic.traces.model import Site

Span = tuple[int, int, int, int]  # line, column, end line, end column, as in ast (byte columns)


def span(node: ast.AST) -> Span:
    """The place of a node in its text."""
    return (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]


def contains(outer: Span, inner: Span) -> bool:
    """Whether one place lies inside (or is) another."""
    return outer[:2] <= inner[:2] and inner[2:] <= outer[2:]


class CellText:
    """The text of one cell (or module) with its syntax tree.

    Args:
        source: Text whose line numbers are those of the code compiled from it.
        filename: The ``co_filename`` of that code.
        label: How another cell names this one; None for the traced cell itself.
        file: The path of a module; None for a cell.
    """

    def __init__(
        self, source: str, filename: str, *, label: str | None = None, file: str | None = None
    ) -> None:
        self.source = source
        self.filename = filename
        self.label = label
        self.file = file

    @cached_property
    def tree(self) -> ast.Module | None:
        """The syntax tree, or None when the text does not parse."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(self.source)
        except (SyntaxError, ValueError):
            return None

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the text, without their ends."""
        return self.source.splitlines()

    @cached_property
    def statements(self) -> list[ast.stmt | ast.ExceptHandler]:
        """Every statement, outer ones before those inside them."""
        if self.tree is None:
            return []
        kinds = (ast.stmt, ast.ExceptHandler)
        return [node for node in ast.walk(self.tree) if isinstance(node, kinds)]

    @cached_property
    def _reaches(self) -> list[tuple[Span, ast.stmt | ast.ExceptHandler]]:
        return [(_reach(node), node) for node in self.statements]

    @cached_property
    def _calls(self) -> list[ast.Call]:
        nodes = ast.walk(self.tree) if self.tree is not None else ()
        return [node for node in nodes if isinstance(node, ast.Call)]

    def statement(self, place: Span) -> ast.stmt | ast.ExceptHandler | None:
        """The innermost statement that holds a place."""
        best = None
        for reach, node in self._reaches:
            if reach[:2] <= place[:2] and place[2:] <= reach[2:]:
                best = node
        return best

    def statement_at(self, line: int) -> ast.stmt | ast.ExceptHandler | None:
        """The innermost statement that covers a line."""
        best = None
        for reach, node in self._reaches:
            if reach[0] <= line <= reach[2]:
                best = node
        return best

    def site(
        self, place: Span | None, line: int | None = None, function: str | None = None
    ) -> Site:
        """The :class:`Site` of a place, or of a line where the place is not known."""
        if place is not None and None not in place:
            node = self.statement(place) or self.statement_at(place[0])
            found = place[0]
            if isinstance(node, _HEADED) and span(node) == place:
                place = _heading(node)
        else:
            place, found = None, line or 1
            node = self.statement_at(found)
        if function in ("<module>", None):
            function = None
        return Site(
            line=node.lineno if node is not None else found,
            cell=self.label,
            file=self.file,
            expr=place,
            function=function,
        )

    def segment(self, place: Span) -> str:
        """The text at a place, joined to one line."""
        line, column, last, end = place
        rows = self.lines[line - 1 : last]
        if not rows:
            return ""
        raw = [row.encode() for row in rows]
        raw[-1] = raw[-1][:end]
        raw[0] = raw[0][column:]
        return " ".join(part.decode(errors="replace").strip() for part in raw)

    def call(self, place: Span | None) -> ast.Call | None:
        """The call expression at exactly this place."""
        return next((node for node in self._calls if span(node) == place), None)

    def calls_on_line(self, line: int, method: str) -> list[ast.Call]:
        """The calls of ``.method`` in the statement that covers a line, in the order of the text."""
        node = self.statement_at(line)
        if node is None:
            return []
        fits = [
            call
            for call in self._calls
            if contains(span(node), span(call))
            and isinstance(call.func, ast.Attribute)
            and call.func.attr == method
        ]
        return sorted(fits, key=span)


def _reach(node: ast.stmt | ast.ExceptHandler) -> Span:
    """A statement's place, with the decorators of a definition."""
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
    column = 0 if first < node.lineno else node.col_offset
    return (first, column, node.end_lineno, node.end_col_offset)  # type: ignore[return-value]


_HEADED = (ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.AsyncWith)


def _heading(node: ast.stmt) -> Span:
    """Where a statement with a body stands, without the body: Python says the whole of it."""
    parts = (n for n in ast.iter_child_nodes(node) if not isinstance(n, ast.stmt))
    ends = [span(n)[2:] for part in parts for n in ast.walk(part) if isinstance(n, ast.expr)]
    return (*span(node)[:2], *max(ends))
