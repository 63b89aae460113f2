"""Ask about the object that was used, and do to its gradient what was done to the object."""

from __future__ import annotations

import ast

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import dotted
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical
from tapemagic.diagnosis.repairs.watching import insert_watch

_COPIES = frozenset(
    [
        "identity",
        "convert_to_tensor",
        "constant",
        "Variable",
        "value",
        "read_value",
        "numpy",
        "copy",
        "asarray",
        "array",
    ]
)
_SHAPERS = frozenset(["reshape", "transpose", "squeeze", "expand_dims", "slice", "gather", "cast"])


@mechanical
def about_the_used(case: Case, shared: int) -> str | None:
    """The cell with the question about what the target was computed from.

    Args:
        case: A source that is a copy, a slice or another form of what was used.
        shared: The tensor that both were made from.
    """
    rw = Rewriter(case.here)
    query = _query(case)
    source = query.args[1]
    made = _made(rw, case, source)
    if isinstance(source, ast.Name) and _is_list(case, source) and _copies(case, made, shared):
        assert isinstance(made, ast.ListComp)
        rw.put(made.elt, lambda: ast.unparse(made.generators[0].target))
        return rw.source()
    if isinstance(source, ast.Name) and _is_list(case, source):
        item = _iterated(made)
        if item is None:
            raise NoRepair
        _known(case, shared, item)
        rw.put(source, lambda: item)
        rw.put(query, lambda: f"{rw.tf}.unstack({rw.inside(query)})")
        _watch(case, rw, shared, item)
        return rw.source()
    if isinstance(source, (ast.List, ast.Tuple)):
        raise NoRepair
    root, form = _form(rw, made)
    if isinstance(root, (ast.Name, ast.Attribute)):
        _known(case, shared, ast.unparse(root))
    else:
        raise NoRepair
    name = ast.unparse(root)
    rw.put(source, lambda: name)
    if form is not None:
        begin, end = form
        rw.put(query, lambda: f"{begin}{rw.inside(query)}{end}")
    _watch(case, rw, shared, name)
    return rw.source()


def _copies(case: Case, made: ast.expr, shared: int) -> bool:
    """Whether a list holds a copy of each variable of another: ``[v.value() for v in variables]``."""
    if not isinstance(made, ast.ListComp) or len(made.generators) > 1:
        return False
    facts, maker = case.view.trace.tensors.get(shared), case.view.graph.maker.get(shared)
    read = maker is not None and case.view.trace.ops[maker].type == "ReadVariableOp"
    if not read and (facts is None or facts.kind != "variable"):
        return False
    item, elt = ast.unparse(made.generators[0].target), made.elt
    if not isinstance(elt, ast.Call):
        return False
    if isinstance(elt.func, ast.Attribute) and not elt.args:
        return elt.func.attr in ("value", "read_value") and ast.unparse(elt.func.value) == item
    known = dotted(elt.func).rsplit(".", 1)[-1] in ("identity", "convert_to_tensor")
    return known and [ast.unparse(a) for a in (*elt.args, *elt.keywords)] == [item]


@mechanical
def about_the_parts(case: Case) -> str | None:
    """``flat = flatten(variables)``: the same is done to the gradients of the variables."""
    rw, query = Rewriter(case.here), _query(case)
    source = query.args[1]
    if not isinstance(source, ast.Name) or source.id != case.name:
        raise NoRepair
    made = _made(rw, case, source)
    lists = [
        n for n in ast.walk(made) if isinstance(n, ast.Attribute)
        and n.attr in ("trainable_variables", "trainable_weights", "variables", "weights")
    ]  # fmt: skip
    if len(lists) != 1 or isinstance(made, ast.Attribute):
        raise NoRepair
    name, whole = rw.inside(lists[0]), rw.inside(made)
    lead, tail = whole.split(name, 1)
    rw.put(source, lambda: name)
    rw.put(query, lambda: f"{lead}{rw.inside(query)}{tail}")
    return rw.source()


@mechanical
def about_the_variables(case: Case) -> str | None:
    """The cell with the question about the variables of a layer, a model or a module."""
    rw = Rewriter(case.here)
    for name in (a.name for a in case.view.query.sources if a.owner):
        source = _written(case, name)
        parent = rw.parents.get(id(source))
        star = "*" if isinstance(parent, (ast.List, ast.Tuple)) else ""
        rw.edits.replace(span(source), f"{star}{rw.operand(source)}.trainable_variables")
    return rw.source()


@mechanical
def about_object(case: Case, name: str) -> str | None:
    """The cell with the question about the variables of the object that was used."""
    rw = Rewriter(case.here)
    source = _query(case).args[1]
    if not isinstance(source, (ast.Name, ast.Attribute)):
        raise NoRepair
    rw.put(source, lambda: f"{name}.trainable_variables")
    return rw.source()


@mechanical
def by_jacobian(case: Case) -> str | None:
    """``[tape.gradient(y[i], x) for i in range(n)]`` becomes ``tf.unstack(tape.jacobian(y, x))``."""
    rw = Rewriter(case.here)
    query = _query(case)
    comp = rw.parents.get(id(query))
    target, source = query.args[:2]
    if not isinstance(comp, ast.ListComp) or comp.elt is not query or len(query.args) != 2:
        raise NoRepair
    turn = comp.generators[0]
    row = target.slice if isinstance(target, ast.Subscript) else None
    if len(comp.generators) != 1 or turn.ifs or not isinstance(target, ast.Subscript):
        raise NoRepair
    if not isinstance(row, ast.Name) or ast.unparse(turn.target) != row.id:
        raise NoRepair
    if not isinstance(source, (ast.Name, ast.Attribute)) or len(case.view.query.sources) != 1:
        raise NoRepair
    if not isinstance(turn.iter, ast.Call) or dotted(turn.iter.func) != "range":
        raise NoRepair
    if len(turn.iter.args) != 1:
        raise NoRepair
    rw.put(comp, lambda: f"{rw.tf}.unstack({case.tape_name}.jacobian({rw.out(target.value)}, "
                         f"{rw.out(source)}))")  # fmt: skip
    return rw.source()


@mechanical
def as_zeros(case: Case) -> str | None:
    """The cell with the question asked for zeros where nothing depends on the source."""
    node, at = case.node(case.view.query.at), case.view.query.at
    if at is None or not at.here or not isinstance(node, ast.Call) or len(node.args) != 2:
        raise NoRepair
    if any(k.arg == "unconnected_gradients" for k in node.keywords):
        raise NoRepair
    rw = Rewriter(case.here)
    last = max([*node.args, *(k.value for k in node.keywords)], key=lambda n: span(n)[2:])
    return rw.edits.insert(*span(last)[2:], ', unconnected_gradients="zero"').source()


@mechanical
def without_none(case: Case) -> str | None:
    """The cell with the question without a source that is None."""
    rw = Rewriter(case.here)
    source = _written(case, case.name)
    parent = rw.parents.get(id(source))
    if not isinstance(parent, (ast.List, ast.Tuple)) or len(parent.elts) < 2:
        raise NoRepair
    number = next(i for i, one in enumerate(parent.elts) if one is source)
    ends = [span(one) for one in parent.elts]
    last = number == len(ends) - 1
    place = (*ends[number - 1][2:], *ends[number][2:]) if last else (
        *ends[number][:2], *ends[number + 1][:2]
    )  # fmt: skip
    return rw.edits.replace(place, "").source()


def _written(case: Case, name: str) -> ast.expr:
    """The expression of a source, where the question names it."""
    query = _query(case)
    fits = [
        node for node in ast.walk(query.args[1])
        if isinstance(node, ast.expr) and case.here.segment(span(node)) == name
    ]  # fmt: skip
    if len(fits) != 1:
        raise NoRepair
    return fits[0]


def _query(case: Case) -> ast.Call:
    at = case.view.query.at
    node = case.node(at)
    if at is None or not at.here or not isinstance(node, ast.Call) or len(node.args) < 2:
        raise NoRepair
    if case.view.query.method != "gradient":
        raise NoRepair
    return node


def _is_list(case: Case, source: ast.Name) -> bool:
    return case.name.startswith(f"{source.id}[")


def _made(rw: Rewriter, case: Case, source: ast.expr) -> ast.expr:
    """The expression that made the source, in the question or where its name was bound."""
    if not isinstance(source, ast.Name):
        return source
    bound: list[ast.expr] = []
    for statement in case.here.statements:
        for target in statement.targets if isinstance(statement, ast.Assign) else ():
            value = statement.value  # type: ignore[union-attr]
            if isinstance(target, ast.Name) and target.id == source.id:
                bound.append(value)
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                bound += [
                    v for t, v in zip(target.elts, value.elts, strict=False)
                    if isinstance(t, ast.Name) and t.id == source.id
                ]  # fmt: skip
    del rw
    if len(bound) != 1:
        raise NoRepair
    return bound[0]


def _form(rw: Rewriter, made: ast.expr) -> tuple[ast.expr, tuple[str, str] | None]:
    """The object in an expression, and what is done to it: the text before and after it."""
    whole = rw.inside(made)
    if isinstance(made, ast.Subscript):
        inner = rw.inside(made.value)
        return made.value, ("", whole[len(inner) :])
    if not isinstance(made, ast.Call):
        raise NoRepair
    last = dotted(made.func).rsplit(".", 1)[-1]
    if not made.args and isinstance(made.func, ast.Attribute) and made.func.attr in _COPIES:
        return made.func.value, None
    if last in _COPIES and made.args:
        return made.args[0], None
    if last in _SHAPERS and made.args and dotted(made.func).startswith(f"{rw.tf}."):
        first = rw.inside(made.args[0])
        begin = whole.index(first, len(rw.inside(made.func)))
        return made.args[0], (whole[:begin], whole[begin + len(first) :])
    raise NoRepair


def _iterated(made: ast.expr) -> str | None:
    """``x`` of ``[x[i] for i in range(n)]`` or ``tf.unstack(x)``."""
    if isinstance(made, ast.ListComp) and isinstance(made.elt, ast.Subscript):
        turn = made.generators[0]
        item = made.elt
        if len(made.generators) == 1 and not turn.ifs and isinstance(item.value, ast.Name):
            if isinstance(turn.target, ast.Name) and ast.unparse(item.slice) == turn.target.id:
                return item.value.id
    if isinstance(made, ast.Call) and dotted(made.func).endswith("unstack") and len(made.args) == 1:
        return made.args[0].id if isinstance(made.args[0], ast.Name) else None
    return None


def _known(case: Case, shared: int, name: str) -> None:
    """Refuse unless the name is the shared object's, or that of a variable it was read from."""
    trace = case.view.trace
    tensors = {shared}
    maker = case.view.graph.maker.get(shared)
    if maker is not None:
        tensors.update(trace.ops[maker].inputs)
    names: set[str | None] = {b.name for b in trace.bindings if b.tensor in tensors}
    names |= {
        trace.tensors[t].name for t in tensors if t in trace.tensors and trace.tensors[t].name
    }
    if name not in names:
        raise NoRepair


def _watch(case: Case, rw: Rewriter, shared: int, name: str) -> None:
    """A plain tensor that was used has to be watched."""
    facts, tracking = case.view.trace.tensors.get(shared), case.view.tracking
    enter = case.with_statement()
    if facts is None or tracking is None or enter is None or not enter.here:
        raise NoRepair
    maker = case.view.graph.maker.get(shared)
    read = maker is not None and case.view.trace.ops[maker].type == "ReadVariableOp"
    if facts.kind == "variable" or read or shared in tracking.tracked:
        return
    if not insert_watch(case.here, rw.edits, enter.line, case.tape_name, name):
        raise NoRepair


@mechanical
def as_tensor(case: Case) -> str | None:
    """A source that left TensorFlow is asked about as it was before."""
    rw = Rewriter(case.here)
    query = _query(case)
    source = query.args[1]
    mark = case.view.trace.marks.get(case.source.mark) if case.source.mark is not None else None
    left = case.node(mark.at) if mark is not None and mark.at is not None and mark.at.here else None
    value = _before(rw, left) if left is not None else None
    if left is not None and value is not None and isinstance(rw.parents.get(id(left)), ast.Return):
        rw.put(left, lambda value=value: value)  # type: ignore[misc]
        return rw.source()
    for node in (source, _made(rw, case, source)):
        value = _before(rw, node)
        if value is not None:
            rw.put(source, lambda value=value: value)  # type: ignore[misc]
            return rw.source()
    return None


def _before(rw: Rewriter, node: ast.expr) -> str | None:
    """What a value was before it left TensorFlow, where the call that took it out is written here."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.args:
        return None
    if node.func.attr == "numpy":
        return rw.inside(node.func.value)
    if node.func.attr == "get_weights":
        return f"{rw.operand(node.func.value)}.trainable_variables"
    return None
