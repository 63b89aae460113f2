"""A value that left TensorFlow is kept in it: each step of its way outside, rewritten."""

from __future__ import annotations

import ast

from tapemagic.cell.text import Span, span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import dotted
from tapemagic.diagnosis.repairs.arrays import Arrays
from tapemagic.diagnosis.repairs.counterparts import METHODS
from tapemagic.diagnosis.repairs.once import once_per_cut
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical
from tapemagic.diagnosis.repairs.watching import watch_source
from tapemagic.diagnosis.view import MISSING, QueryView
from tapemagic.traces.flow import mark_node, node_mark
from tapemagic.traces.model import Mark, Site

_LOOKS = frozenset(
    ["any", "all", "argmax", "argmin", "argsort", "round", "nonzero", "tobytes", "fill", "sort"]
)
_CARRIES = 50.0  # the price above which a value only chooses or shapes what is computed


@once_per_cut
@mechanical
def kept(case: Case, marks: list[Mark]) -> str | None:
    """The cell with a detour's steps as TensorFlow ops.

    Args:
        case: The source and its way.
        marks: The values outside TensorFlow that led to the target, nearest to the source first.
    """
    rw = Rewriter(case.here)
    _open(case)
    trace = case.view.trace
    on_way, beside, ids = _affected(case, marks)
    spans = {site.expr for site in (*on_way, *beside) if site.expr is not None}
    arrays = Arrays(rw, lambda node: span(node) in spans)
    nodes = {span(n): n for n in _expressions(case)}
    # Before 3.12 what stands in an f-string has the place of the whole.
    texts = {span(n) for n in _expressions(case) if isinstance(n, ast.JoinedStr)}
    updates = {span(n) for n in case.here.statements if isinstance(n, ast.AugAssign)}
    for site in on_way:
        if not site.here or site.expr is None or site.expr in texts:
            raise NoRepair  # a text has no counterpart among tensors
        if site.expr in updates:
            continue  # its value has marks of its own
        if site.expr not in nodes:
            raise NoRepair
        _change(arrays, nodes[site.expr])
    for site in beside:
        if site.here and site.expr in nodes:
            _beside(rw, nodes[site.expr], spans)
    _item_writes(rw, on_way)
    _entered(case, rw, arrays, nodes, ids)
    _loops(rw)
    _attributes(rw, {(trace.marks[i].name, site_function(trace.marks[i])) for i in ids})
    watch_source(case, rw.edits)
    return rw.source()


def _open(case: Case) -> None:
    """Refuse when an op on the way stops the gradient as well, such as a rounding."""
    view = case.view
    for edge in case.way.edges if case.way is not None else ():
        if edge.kind != "op" or edge.op is None:
            continue
        op = view.trace.ops[edge.op]
        answer = view.differentiable(op)
        flat = answer == MISSING or (isinstance(answer, tuple) and not answer[edge.position])
        if op.rule is None and flat:
            raise NoRepair


def _change(arrays: Arrays, node: ast.expr) -> None:
    arrays.change(node)
    for inner in ast.walk(node):
        # Reading an attribute is no call, and so has no mark of its own.
        if isinstance(inner, ast.Attribute) and inner.attr == "T":
            arrays.change(inner)


def _affected(case: Case, marks: list[Mark]) -> tuple[list[Site], list[Site], set[int]]:
    """Where values become tensors: on a way to the target, and beside it."""
    trace, view = case.view.trace, case.view
    reached = {m.id for m in marks} | _from_source(case)
    wanted = set(reached)
    for number, mark in sorted(trace.marks.items()):
        if reached.intersection(mark.marks):
            reached.add(number)
    target = next((a.mark for a in view.query.targets if a.mark is not None), None)
    on_way: dict[Site, None] = {}
    beside: dict[Site, None] = {}
    for number in sorted(reached):
        mark = trace.marks[number]
        if mark.at is None or mark.index > view.query.op:
            continue
        near = number in wanted or view.ancestor(mark_node(number)) or number == target
        (on_way if near else beside)[mark.at] = None
    return list(on_way), [site for site in beside if site not in on_way], reached


def _uses(view: QueryView) -> dict[int, list[int]]:
    """What each value of a question went into; made once for all of its sources."""
    found: dict[int, list[int]] | None = vars(view).get("_uses")
    if found is None:
        since = view.tracking.begin if view.tracking is not None else 0
        found = vars(view)["_uses"] = {}
        for node in view.ancestors:
            for edge in view.graph.incoming(node, since, view.query.op):
                found.setdefault(edge.source, []).append(node)
    return found


def _from_source(case: Case) -> set[int]:
    """The marked values that carry the source's value into the target, on any way."""
    view = case.view
    uses = _uses(view)
    todo = [case.source.tensor] if case.source.tensor is not None else []
    seen: set[int] = set()
    while todo:
        reached = todo.pop()
        if reached not in seen:
            seen.add(reached)
            todo += uses.get(reached, ())
    found = (node_mark(node) for node in seen if view.price(node) < _CARRIES)
    return {mark for mark in found if mark is not None}


def _expressions(case: Case) -> list[ast.expr]:
    tree = case.here.tree
    nodes = list(ast.walk(tree)) if tree is not None else []
    # Where several expressions share a place (a lone name as a statement), the innermost is last.
    return [n for n in nodes if isinstance(n, ast.expr)]


def _beside(rw: Rewriter, node: ast.expr, spans: set[Span]) -> None:
    """What only looks at a value that is a tensor now: methods of arrays get an array."""
    if rw.changed(node) or rw.inside_fstring(node):
        return
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        value = node.func.value
        looks = span(value) in spans or isinstance(value, ast.Name)
        module = dotted(node.func).split(".", maxsplit=1)[0] in ("np", "plt", "tf", "math", "keras")
        known = node.func.attr in METHODS | _LOOKS and node.func.attr != "numpy"
        if looks and known and not module and not node.args:
            rw.put(value, lambda: f"{rw.operand(value)}.numpy()")


def site_function(mark: Mark) -> str | None:
    """The function in whose body a marked value was made."""
    return mark.at.function if mark.at is not None else None


def _entered(
    case: Case, rw: Rewriter, arrays: Arrays, nodes: dict[Span, ast.expr], ids: set[int]
) -> None:
    """Where values came back: ``tf.constant`` and ``tf.Variable`` would copy the tensor."""
    trace = case.view.trace
    steps = case.way.edges if case.way is not None else ()
    sites = [trace.ops[e.write].at for e in steps if e.kind == "state" and e.write is not None]
    sites += [entry.at for entry in trace.entries if ids.intersection(entry.marks)]
    for site in sites:
        node = nodes.get(site.expr) if site is not None and site.here and site.expr else None
        if isinstance(node, ast.Call) and not rw.changed(node):
            name = dotted(node.func).rsplit(".", 1)[-1]
            if "ragged" in dotted(node.func):
                raise NoRepair  # it takes nested lists of numbers, and no tensors
            if name in ("constant", "convert_to_tensor", "Variable"):
                arrays.change(node)


def _loops(rw: Rewriter) -> None:
    """A variable can't be iterated over; its parts can."""
    assert rw.text.tree is not None
    for node in ast.walk(rw.text.tree):
        if isinstance(node, (ast.For, ast.comprehension)) and rw.changed(node.iter):
            made = rw.out(node.iter)
            if made.isidentifier() or dotted(node.iter).endswith("tolist"):
                rw.put_over(node.iter, f"{rw.tf}.unstack({made})")


def _attributes(rw: Rewriter, names: set[tuple[str | None, str | None]]) -> None:
    """What else is asked of a name that holds a tensor now: methods that only arrays have."""
    assert rw.text.tree is not None
    for node in ast.walk(rw.text.tree):
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            continue
        parent = rw.parents.get(id(node))
        if node.attr not in METHODS or rw.changed(node) or parent is None or rw.changed(parent):
            continue
        scope = next((n.name for n in rw.above(node) if isinstance(n, ast.FunctionDef)), None)
        if (node.value.id, scope) in names and node.attr != "numpy":
            value = node.value
            rw.put(value, lambda value=value: f"{rw.inside(value)}.numpy()")  # type: ignore[misc]


def _item_writes(rw: Rewriter, sites: list[Site]) -> None:
    """Arrays that are filled item by item become lists, stacked where they are used whole."""
    tree = rw.text.tree
    assert tree is not None
    lines = {site.line for site in sites}
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Assign, ast.AugAssign)) or node.lineno not in lines:
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if not isinstance(target, ast.Subscript):
            continue
        if not isinstance(target.value, ast.Name):
            raise NoRepair
        _listed(rw, target.value.id, node)


def _listed(rw: Rewriter, name: str, write: ast.stmt) -> None:
    tree = rw.text.tree
    assert tree is not None
    scope = next((n for n in rw.above(write) if isinstance(n, ast.FunctionDef)), tree)
    made = [
        n for n in ast.walk(scope) if isinstance(n, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == name for t in n.targets)
    ]  # fmt: skip
    if len(made) != 1:
        raise NoRepair
    value = made[0].value
    if isinstance(value, (ast.List, ast.Dict, ast.ListComp)):
        return
    if isinstance(value, ast.BinOp) and isinstance(value.left, ast.List):
        return
    last = dotted(value.func).rsplit(".", 1)[-1] if isinstance(value, ast.Call) else ""
    if last not in ("zeros", "empty", "ones") or not isinstance(value, ast.Call) or not value.args:
        raise NoRepair
    size = value.args[0]
    if isinstance(size, ast.Tuple):
        if len(size.elts) != 1:
            raise NoRepair
        size = size.elts[0]
    if isinstance(size, (ast.List, ast.Attribute)):
        raise NoRepair
    fill = "1.0" if last == "ones" else "0.0"
    kept_size = size
    rw.put(value, lambda: f"[{fill}] * {rw.operand(kept_size)}")
    for use in ast.walk(scope):
        if isinstance(use, ast.Name) and use.id == name and isinstance(use.ctx, ast.Load):
            parent = rw.parents.get(id(use))
            if isinstance(parent, ast.Subscript) and parent.value is use:
                continue
            rw.put(use, lambda: f"{rw.tf}.stack({name})")
