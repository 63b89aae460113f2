"""Two calls that compute the same twice, of a model and of a part of it, become one with two outputs."""

from __future__ import annotations

import ast

from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import dotted, with_of_tape
from tapemagic.diagnosis.repairs.outputs import bound, last_output
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical
from tapemagic.traces.model import Site


@mechanical
def one_call(case: Case, source: Site | None) -> str | None:
    """``f = part(x)`` and then ``model(x)``: one call of a model with both outputs gives both.

    Args:
        case: A source that a model of a layer's output gave, in a forward pass of its own.
        source: The statement that made it.
    """
    enter = case.with_statement()
    block = with_of_tape(case.here, enter.line) if enter is not None and enter.here else None
    first = case.here.statement_at(source.line) if source is not None and source.here else None
    if block is None or first not in block.body or not isinstance(first, ast.Assign):
        return None
    rw = Rewriter(case.here)
    call = _plain_call(first.value)
    made = bound(rw, call.func)
    if not isinstance(made, ast.Call) or not dotted(made.func).endswith("Model"):
        raise NoRepair
    named = {k.arg: k.value for k in made.keywords}
    inputs, outputs = (
        made.args[i] if len(made.args) > i else named[name]
        for i, name in enumerate(("inputs", "outputs"))
    )
    tree = case.here.tree
    assert tree is not None
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and n is not call]
    if any(ast.unparse(n.func) == ast.unparse(call.func) for n in calls):
        raise NoRepair  # what it gives is used elsewhere as well
    known = {ast.unparse(n) for part in (inputs, outputs) for n in ast.walk(part)}
    taken = _given(call)
    whole = [
        n for s in block.body[block.body.index(first) + 1 :] for n in ast.walk(s)
        if isinstance(n, ast.Call) and ast.unparse(n.func) in known and _given(n) == taken
    ]  # fmt: skip
    if len(whole) != 1:
        raise NoRepair
    _joined(rw, first, outputs, whole[0])
    return rw.source()


def _joined(rw: Rewriter, first: ast.Assign, outputs: ast.expr, whole: ast.Call) -> None:
    """The first call gives what the second gave as well."""
    model = rw.inside(whole.func)
    rw.put(outputs, lambda: f"[{rw.inside(outputs)}, {model}.{last_output(rw, model)}]")
    target, after = first.targets[0], rw.parents[id(whole)]
    name = "prediction"
    if isinstance(after, ast.Assign) and isinstance(after.targets[0], ast.Name):
        name = after.targets[0].id
        rw.edits.delete_lines(after.lineno, after.end_lineno or after.lineno)
    else:
        rw.put(whole, lambda: name)
    rw.put(target, lambda: f"{rw.inside(target)}, {name}")


def _plain_call(node: ast.expr) -> ast.Call:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
        raise NoRepair
    return node


def _given(call: ast.Call) -> list[str]:
    return [ast.unparse(a) for a in (*call.args, *call.keywords)]
