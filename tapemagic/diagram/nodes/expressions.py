"""Which ops can be called by the person's own code: ``x * w`` says more than ``Mul``."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

from tapemagic.wording.escape import one_line

if TYPE_CHECKING:
    from tapemagic.diagram.graph import Graph
    from tapemagic.traces.model import Op

LETTERS = 24  # of an expression that stands in a box
_ASSIGNS = ("assign", "assign_add", "assign_sub")
Span = tuple[int, int, int, int]


def expressions(graph: Graph) -> dict[int, str]:
    """Return for the index of an op the expression that ran it, where it is short and ran it alone.

    An expression in which another one ran an op, as in ``tf.sin(x * w)``, is left out: its box
    would say twice what the other box says. One that ran in each turn of a loop is taken where it
    is an operator, which runs one op each time.
    """
    places: dict[Span, list[Op]] = {}
    for op in graph.ops:
        if op.at is not None and op.at.here and op.at.expr is not None and graph.drawn(op):
            places.setdefault(op.at.expr, []).append(op)
    found: dict[int, str] = {}
    lines = graph.trace.source.splitlines()
    for place, ops in places.items():
        text = _text(lines, place)
        if not text or len(text) > LETTERS or any(op.scope for op in ops):
            continue
        if len(ops) > 1 and not (_operator(text) and len({op.type for op in ops}) == 1):
            continue
        if not any(other != place and _within(other, place) for other in places):
            found.update((op.index, text) for op in ops)
    return found


def assign_method(op: Op, source: str) -> str | None:
    """Return the method by which the person's code wrote to a variable, as ``assign_sub``.

    A Keras variable works out the difference first and then assigns it.
    """
    if op.at is None or not op.at.here or op.at.expr is None:
        return None
    node = _parsed(_text(source.splitlines(), op.at.expr))
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    return node.func.attr if node.func.attr in _ASSIGNS else None


def _text(lines: list[str], place: Span) -> str:
    first, start, last, end = place
    if first != last or not 1 <= first <= len(lines):
        return ""
    # The syntax tree counts columns in bytes.
    return one_line(lines[first - 1].encode()[start:end].decode("utf-8", "ignore"))


def _within(inner: Span, outer: Span) -> bool:
    return outer[:2] <= inner[:2] and inner[2:] <= outer[2:]


def _operator(text: str) -> bool:
    return isinstance(_parsed(text), (ast.BinOp, ast.UnaryOp, ast.Compare))


@lru_cache(maxsize=256)
def _parsed(text: str) -> ast.expr | None:
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return None
