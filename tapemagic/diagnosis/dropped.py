"""Where a value that was made from the source was lost: overwritten, or left behind unused."""

from __future__ import annotations

import ast
import itertools
from dataclasses import dataclass

from tapemagic.cell.trees import own_nodes
from tapemagic.diagnosis.case import Case
from tapemagic.traces.model import Binding, Op, Site

_NEAR = 20.0
"""The price of a way from a value that the target was really computed from."""
_ASKED_OF = ("shape", "dtype", "ndim", "name")
"""What is read of a tensor without using its values."""


@dataclass(frozen=True, slots=True)
class Overwritten:
    """A name whose value was made from the source, and that was given another one.

    Attributes:
        name: The name.
        at: The statement that gave it the other value.
        first: The statement that gave it the value made from the source.
    """

    name: str
    at: Site
    first: Site

    @property
    def again(self) -> bool:
        """Whether it was one statement, in the turns of a loop."""
        return self.at == self.first


def descendants(case: Case) -> set[int | None]:
    """The tensors that were computed from the source, under this tape."""
    view, tracking = case.view, case.view.tracking
    found = {case.source.tensor}
    begin = tracking.begin if tracking is not None else 0
    for op in view.trace.ops[begin : view.query.op]:
        if op.query is None and any(t in found for t in op.inputs):
            found.update(op.outputs)
    return found


def last_use(case: Case) -> Op | None:
    """The op that made the last value which was computed from the source."""
    found = descendants(case)
    view = case.view
    for op in reversed(view.trace.ops[: view.query.op]):
        if op.query is None and op.outputs and any(t in found for t in op.outputs):
            if not any(view.is_float(t) for t in op.outputs):
                continue
            if op.type == "ReadVariableOp" or case.source.tensor in op.outputs:
                continue
            return op
    return None


def overwritten(case: Case) -> Overwritten | None:
    """The name of a value made from the source that now holds another value, used for the target.

    Of several names the one whose lost value went nowhere else: it carried what the others did.
    """
    found = descendants(case)
    view = case.view
    begin = view.tracking.begin if view.tracking is not None else 0
    used = {
        t for op in view.trace.ops[begin : view.query.op] if op.query is None for t in op.inputs
    }
    mine: dict[tuple[str, str | None, str | None], Binding] = {}
    lost: list[tuple[Overwritten, Binding]] = []
    for binding in view.trace.bindings:
        if not begin <= binding.index <= view.query.op:
            continue
        where = (binding.name, binding.at.function, binding.at.cell)
        if binding.tensor in found and binding.tensor != case.source.tensor:
            mine[where] = binding
        elif where in mine and view.price(binding.tensor) < _NEAR:
            first = mine.pop(where)
            lost.append((Overwritten(binding.name, binding.at, first.at), first))
    last = next((over for over, first in lost if first.tensor not in used), None)
    if last is not None:
        return last
    return next((over for over, _ in lost if not _is_turn(case, over.at)), None)


def _is_turn(case: Case, at: Site) -> bool:
    """Whether it is the loop itself that binds: each turn's own value, which nobody lost."""
    text = case.text(at)
    return isinstance(text.statement_at(at.line), ast.For) if text is not None else False


def left_behind(case: Case, tensor: int) -> Site | None:
    """The statement that went on to the target without a value which had a name there.

    Args:
        case: The source and the question.
        tensor: The value.

    Returns:
        Where what was unpacked beside it was used first, or where the function returned whose name
        for it was never read; None where neither was seen.
    """
    trace = case.view.trace
    bound = [
        b for b in trace.bindings if b.tensor == tensor and b.index <= case.view.query.op and not b.slot
    ]  # fmt: skip
    last = bound[-1:]
    found = (place for b in last for place in (_beside(case, b), _returned(case, b)) if place)
    return next(found, None) or _ignored(case, tensor, bound)


def _beside(case: Case, bound: Binding) -> Site | None:
    """``a, b = f(x)``: the first statement there that went on with the other one."""
    view, text = case.view, case.text(bound.at)
    statement = text.statement_at(bound.at.line) if text is not None else None
    if not isinstance(statement, ast.Assign):
        return None
    others = {
        b.tensor for b in view.trace.bindings
        if b.index == bound.index and b.at == bound.at and b.name != bound.name
        and view.price(b.tensor) < _NEAR
    }  # fmt: skip
    for op in view.trace.ops[bound.index : view.query.op]:
        if op.query is None and not others.isdisjoint(op.inputs) and _leads_on(case, op):
            site = _in_frame(op, bound.at)
            if site is not None and site.line != bound.at.line:
                return site
    return None


def _returned(case: Case, bound: Binding) -> Site | None:
    """Where a function that never read the name went on to the target: its next step, or ``return``."""
    home, enter = _home(case, bound.at), case.with_statement()
    if home is None or _is_read(home, bound.name):
        return None
    if enter is not None and _frame(enter) == _frame(bound.at):
        return None
    ops = case.view.trace.ops[: case.view.query.op]
    found = [(op.index, _in_frame(op, bound.at)) for op in ops if _leads_on(case, op)]
    inside = [
        (index, site) for index, site in found
        if site is not None and home.lineno <= site.line <= (home.end_lineno or 0)
    ]  # fmt: skip
    if not inside:
        return None
    after = (site for index, site in inside if index >= bound.index and site.line > bound.at.line)
    return next(after, None) or _end(case, home, bound.at)


def _ignored(case: Case, tensor: int, bound: list[Binding]) -> Site | None:
    """``f(x)``, where the parameter that took the value is not read: what ``f`` made without it."""
    makers = (case.view.graph.maker.get(t) for t in case.view.targets)
    op = next((case.view.trace.ops[m] for m in makers if m is not None), None)
    enter = case.with_statement()
    if op is None or enter is None:
        return None
    names = {b.name for b in bound if _frame(b.at) == _frame(enter)}
    if tensor == case.source.tensor:
        names.add(case.name)
    stack = [s for s in (*reversed(op.via), op.at) if s is not None]
    begin = next((i for i, s in enumerate(stack) if _frame(s) == _frame(enter)), len(stack))
    for outer, inner in itertools.pairwise(stack[begin:]):
        call, home = case.node(outer), _home(case, inner)
        if not isinstance(call, ast.Call) or home is None:
            return None
        names = _parameters(call, home, names)
        if not any(_is_read(home, name) for name in names):
            return inner if names else None
    return None


def _parameters(call: ast.Call, home: ast.FunctionDef, given: set[str]) -> set[str]:
    """The parameters of a function that take what some names hold in a call of it."""
    names = [a.arg for a in (*home.args.posonlyargs, *home.args.args)]
    if names[:1] in (["self"], ["cls"]):
        del names[0]
    pairs = [*zip(names, call.args, strict=False), *((k.arg, k.value) for k in call.keywords)]
    return {
        name for name, node in pairs if name and isinstance(node, ast.Name) and node.id in given
    }


def _home(case: Case, at: Site) -> ast.FunctionDef | None:
    """The definition of the function that a site stands in."""
    text = case.text(at)
    homes = [
        n for n in (ast.walk(text.tree) if text is not None and text.tree is not None else ())
        if isinstance(n, ast.FunctionDef) and n.name == at.function
        and n.lineno <= at.line <= (n.end_lineno or 0)
    ]  # fmt: skip
    return homes[-1] if homes else None


def _end(case: Case, home: ast.FunctionDef, at: Site) -> Site | None:
    """The one statement that returns a function's value."""
    ends = [n for n in own_nodes(home.body) if isinstance(n, ast.Return) and n.value is not None]
    text = case.text(at)
    return text.site(None, ends[0].lineno, home.name) if len(ends) == 1 and text else None


def _is_read(home: ast.FunctionDef, name: str) -> bool:
    """Whether a function uses a name for more than its tensor's shape."""
    asked = {
        id(n.value) for n in ast.walk(home) if isinstance(n, ast.Attribute) and n.attr in _ASKED_OF
    }
    return any(
        isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)
        and id(n) not in asked
        for n in ast.walk(home)
    )  # fmt: skip


def _leads_on(case: Case, op: Op) -> bool:
    return op.query is None and any(case.view.price(t) < _NEAR for t in op.outputs)


def _frame(site: Site) -> tuple[str | None, str | None, str | None]:
    return site.function, site.cell, site.file


def _in_frame(op: Op, frame: Site) -> Site | None:
    """The statement that led to an op, in the very function of a site."""
    stack = (s for s in (op.at, *op.via) if s is not None)
    return next((s for s in stack if _frame(s) == _frame(frame)), None)
