"""A value that was overwritten before its use: the next statement takes it in place of the older one."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import Edits
from tapemagic.traces.model import Site


@dataclass(frozen=True, slots=True)
class Onward:
    """A change that may have been meant: what it takes the place of, and the changed cell."""

    was: str
    fixed: str | None


def onward(case: Case, name: str, first: Site, second: Site) -> Onward | None:
    """``h = f(x)`` and then ``h = g(x)``, where ``h = g(h)`` would use the first.

    Args:
        case: The source and the question.
        name: The name that both statements bind.
        first: The statement whose value nothing uses.
        second: The statement that overwrites it.
    """
    if not (first.here and second.here):
        return None
    one, other = (case.here.statement_at(site.line) for site in (first, second))
    if not (isinstance(one, ast.Assign) and isinstance(other, ast.Assign)):
        return None
    if not (_binds(one, name) and _binds(other, name)):
        return None
    given, taken = (_arguments(node) for node in (one, other))
    common = {n.id for n in given} & {n.id for n in taken}
    places = [n for n in taken if n.id in common]
    if len(places) != 1 or any(n.id == name for n in taken):
        return None  # which of them was meant is for the person to say
    return Onward(places[0].id, Edits(case.here).replace(span(places[0]), name).source())


def _binds(node: ast.Assign, name: str) -> bool:
    return len(node.targets) == 1 and isinstance(node.targets[0], ast.Name) and (
        node.targets[0].id == name
    )  # fmt: skip


def _arguments(statement: ast.Assign) -> list[ast.Name]:
    """The bare names in an expression, without those that are called or looked into."""
    owners = {
        id(part) for n in ast.walk(statement.value)
        for part in ([n.func] if isinstance(n, ast.Call) else [n.value] if isinstance(n, ast.Attribute) else [])
    }  # fmt: skip
    return [n for n in ast.walk(statement.value) if isinstance(n, ast.Name) and id(n) not in owners]
