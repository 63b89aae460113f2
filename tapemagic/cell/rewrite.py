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
from typing import Any

from tapemagic.cell.spots import Rewritten
from tapemagic.cell.statements import Statements
from tapemagic.cell.trees import (
    YIELDS,
    clone,
    modules_of,
    watchable,
)

_used = [0, 0]
"""Spots and branches so far: no two rewritten trees share a number, so that one that was rewritten
for an earlier run can be used again in any other."""


def rewrite(
    text: Any,
    tree: ast.Module,
    *,
    keep_last: bool = False,
    modules: frozenset[str] = frozenset(),
) -> Rewritten:
    """Rewrite a module's tree; the tree given is left as it was.

    Args:
        text: The :class:`~tapemagic.cell.text.CellText` that the tree belongs to.
        tree: The tree of the cell.
        keep_last: Let the value of the last expression pass a hook too.
        modules: Names that hold a module before the code runs.
    """
    first_spot, first_branch = _used
    writer = Statements(text, first_spot, first_branch)
    new = clone(tree)
    writer.modules = modules_of(new, modules)
    writer.watchable = watchable(new)
    writer.yields = any(isinstance(n, YIELDS) for n in ast.walk(new))
    new.body = writer.block(new.body, top=True)
    if keep_last and new.body and isinstance(new.body[-1], ast.Expr):
        end = new.body[-1]
        end.value = writer.hook("z", end.value, end.value)
    ast.fix_missing_locations(new)
    _used[:] = first_spot + len(writer.spots), writer.branches
    return Rewritten(new, writer.spots, first_branch, writer.branches)
