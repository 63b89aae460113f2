"""What was computed once and kept, to be found again in later turns, is computed in every turn."""

from __future__ import annotations

import ast

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import (
    Edits,
    body_lines,
    dotted,
    indent_of,
    shifted,
    siblings,
)
from tapemagic.diagnosis.repairs.rewriter import mechanical
from tapemagic.traces.model import Site

_CACHES = ("lru_cache", "cache")


@mechanical
def without_cache(case: Case) -> str | None:
    """The cell without the question whether the value is there already."""
    op = case.op
    if op is None:
        return None
    for site in (op.at, *op.via):
        if site is None or not site.here:
            continue
        statement = case.here.statement_at(site.line)
        found = _asked_first(case, statement) or _returned_early(case, statement)
        found = found or _decorated(case, site)
        if found is not None:
            return found
    return None


def _asked_first(case: Case, statement: ast.AST | None) -> str | None:
    """``if key not in cache: cache[key] = f(key)`` without the condition."""
    text = case.here
    around = next(
        (
            n
            for n in text.statements
            if isinstance(n, ast.If) and any(s is statement for s in n.body)
        ),
        None,
    )
    if around is None or around.orelse or not isinstance(statement, ast.Assign):
        return None
    if _missing(around.test) not in {ast.unparse(t) for t in statement.targets}:
        return None
    edits = Edits(text)
    if not edits.raw(span(around)).startswith("if"):
        return None  # an ``elif``
    first, last = around.body[0], around.body[-1]
    if first.lineno == around.lineno:
        (line, column), (bottom, right) = span(first)[:2], span(last)[2:]
        body = edits.raw((line, column, bottom, right))
        return edits.replace(span(around), body).source()
    end = last.end_lineno or last.lineno
    new = shifted(text, body_lines(text, first)[0], end, indent_of(text, around.lineno))
    edits.delete_lines(around.lineno, end)
    return edits.insert_line(end + 1, new).source()


def _returned_early(case: Case, statement: ast.AST | None) -> str | None:
    """``if key in cache: return cache[key]`` taken out, before ``cache[key] = f(key)``."""
    text = case.here
    row = siblings(text, statement) if isinstance(statement, ast.stmt) else None
    if row is None or not isinstance(statement, ast.stmt):
        return None
    written = {
        ast.unparse(t) for s in row[row.index(statement) :] if isinstance(s, ast.Assign)
        for t in s.targets
    }  # fmt: skip
    for one in row[: row.index(statement)]:
        if not isinstance(one, ast.If) or one.orelse or not isinstance(one.body[-1], ast.Return):
            continue
        kept = one.body[-1].value
        there = _missing(ast.UnaryOp(ast.Not(), one.test))
        if kept is not None and there in written and there == ast.unparse(kept):
            return Edits(text).delete_lines(one.lineno, one.end_lineno or one.lineno).source()
    return None


def _missing(test: ast.expr) -> str | None:
    """The place that a condition finds empty: ``cache[key]``, ``self.value``."""
    turned = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    inner = test.operand if isinstance(test, ast.UnaryOp) and turned else test
    if isinstance(inner, ast.UnaryOp) and isinstance(inner.op, ast.Not):
        return _missing(inner.operand)
    if isinstance(inner, ast.Compare) and len(inner.ops) == 1:
        other, op = inner.comparators[0], inner.ops[0]
        if isinstance(op, ast.In if turned else ast.NotIn):
            return f"{ast.unparse(other)}[{ast.unparse(inner.left)}]"
        if isinstance(op, ast.IsNot if turned else ast.Is) and ast.unparse(other) == "None":
            return ast.unparse(inner.left)
    if turned and isinstance(inner, ast.Call) and dotted(inner.func) == "hasattr":
        owner, name = inner.args
        return f"{ast.unparse(owner)}.{ast.literal_eval(name)}"
    return ast.unparse(inner) if turned and isinstance(inner, (ast.Name, ast.Attribute)) else None


def _decorated(case: Case, site: Site) -> str | None:
    """A function without its ``lru_cache``; a ``cached_property`` as a plain one."""
    text = case.here
    functions = [
        n for n in text.statements
        if isinstance(n, ast.FunctionDef) and n.lineno <= site.line <= (n.end_lineno or 0)
    ]  # fmt: skip
    for function in reversed(functions):
        for decorator in function.decorator_list:
            plain = decorator.func if isinstance(decorator, ast.Call) else decorator
            name = dotted(plain).rsplit(".", 1)[-1]
            if name in _CACHES:
                end = decorator.end_lineno or decorator.lineno
                return Edits(text).delete_lines(decorator.lineno, end).source()
            if name == "cached_property":
                return Edits(text).replace(span(decorator), "property").source()
    return None
