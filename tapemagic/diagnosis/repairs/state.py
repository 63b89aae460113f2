"""A value that is written into state and read back: the value itself is used, the state kept."""

from __future__ import annotations

import ast

from tapemagic.cell.text import contains, span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import dotted, indent_of
from tapemagic.diagnosis.repairs.functional import functional
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical
from tapemagic.diagnosis.repairs.watching import watch_source
from tapemagic.traces.model import Op, Site

_SIGNS = {"assign_add": "+", "assign_sub": "-"}
_SCATTERS = {
    "scatter_nd_update": "tensor_scatter_nd_update", "scatter_nd_add": "tensor_scatter_nd_add",
    "scatter_nd_sub": "tensor_scatter_nd_sub",
}  # fmt: skip
_SPARSE = {
    "scatter_update": "tensor_scatter_nd_update", "scatter_add": "tensor_scatter_nd_add",
    "scatter_sub": "tensor_scatter_nd_sub", "scatter_max": "tensor_scatter_nd_max",
    "scatter_min": "tensor_scatter_nd_min",
}  # fmt: skip
"""Methods that take an ``IndexedSlices``."""
_WRITES = frozenset(["assign", *_SIGNS, *_SCATTERS, *_SPARSE])
_ASKS = _WRITES | {"gradient", "jacobian", "watch", "apply_gradients", "numpy"}


@mechanical
def by_value(case: Case, at: Site | None, write: Op | None, read: Op | None) -> str | None:
    """The cell with what was written handed on to where it was read.

    Args:
        case: The source and its way.
        at: The write.
        write: The op of it; None inside a ``tf.function``.
        read: The op that read it back; None inside a ``tf.function``.
    """
    if at is None or not at.here:
        return None
    call = case.node(at) or _call_on(case, at)
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        raise NoRepair
    rw = Rewriter(case.here)
    if call.func.attr == "insert" and read is not None:
        _table(case, rw, call, read)
    elif write is not None and read is not None and read.scope and not _is_named(case, call, read):
        functional(case, rw, call, write, read)
    else:
        _variable(case, rw, call, write, read)
    watch_source(case, rw.edits)
    return rw.source()


def _is_named(case: Case, call: ast.Call, read: Op) -> bool:
    """Whether the read names the variable that the write names, as in a layer's own ``call``."""
    statement = (
        case.here.statement_at(read.at.line) if read.at is not None and read.at.here else None
    )
    assert isinstance(call.func, ast.Attribute)
    owner = ast.unparse(call.func.value)
    return (
        statement is not None
        and call.func.attr in _WRITES
        and any(
            isinstance(n, (ast.Name, ast.Attribute)) and ast.unparse(n) == owner
            for n in ast.walk(statement)
        )
    )


def _call_on(case: Case, at: Site) -> ast.expr | None:
    """In a tf.function only the line is known."""
    statement = case.here.statement_at(at.line)
    calls = [
        n for n in ast.walk(statement) if isinstance(n, ast.Call)
        and isinstance(n.func, ast.Attribute) and n.func.attr in _WRITES
    ] if statement is not None else []  # fmt: skip
    return calls[0] if len(calls) == 1 else None


def _variable(case: Case, rw: Rewriter, call: ast.Call, write: Op | None, read: Op | None) -> None:
    assert isinstance(call.func, ast.Attribute)
    owner = call.func.value
    site = read.at if read is not None else None
    if site is not None:
        name = site.function.rsplit(".", 1)[-1] if site.function is not None else None
        if not site.here or name != _function(rw, call):
            raise NoRepair
    if isinstance(owner, ast.Subscript):
        owner = owner.value
    if not isinstance(owner, (ast.Name, ast.Attribute)):
        raise NoRepair
    name = ast.unparse(owner)
    statement = next(n for n in rw.above(call) if isinstance(n, ast.stmt))
    new = rw.free_name(f"new_{name.rsplit('.', 1)[-1].lstrip('_')}")
    indent = indent_of(rw.text, statement.lineno)
    loop = _loop(case, rw, statement)
    if loop is not None:
        # From turn to turn the value is handed on, and begins as the variable's own.
        lead = indent_of(rw.text, loop.lineno)
        rw.edits.insert_line(loop.lineno, f"{lead}{new} = {rw.tf}.convert_to_tensor({name})")
    begin = span(statement)[2:] if loop is None else span(loop)[:2]
    read_again = _readers(rw, name, new, statement, begin)
    new_value = _written(rw, call, new, loop is not None)
    more = _more_writes(rw, call, name, begin)
    _all_known(case, [call, *more], write, read)
    for other in more:
        lead = indent_of(rw.text, other.lineno)
        rw.statement(other, f"{new} = {_written(rw, other, new, True)}\n{lead}{name}.assign({new})")
    if isinstance(statement, ast.Expr) and statement.value is call:
        rw.statement(call, f"{new} = {new_value}\n{indent}{name}.assign({new})")
    else:
        if statement.lineno != statement.end_lineno or not isinstance(statement, ast.Assign):
            raise NoRepair
        rw.edits.insert_line(
            statement.lineno, f"{indent}{new} = {new_value}\n{indent}{name}.assign({new})"
        )
        rw.put(call, lambda: new)
    if not read_again and isinstance(statement, ast.Expr):
        raise NoRepair


def _more_writes(rw: Rewriter, call: ast.Call, name: str, begin: tuple[int, int]) -> list[ast.Call]:
    """The further writes of a variable in the same scope: the value goes through them as well.

    Raises:
        NoRepair: If one of them is part of another expression.
    """
    found = []
    for node in ast.walk(_scope(rw, call)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node is call or node.func.attr not in _WRITES or span(node)[:2] <= begin:
            continue
        owner = node.func.value
        if name not in (ast.unparse(owner), ast.unparse(getattr(owner, "value", owner))):
            continue
        if not isinstance(rw.parents[id(node)], ast.Expr) or _scope(rw, node) is not _scope(
            rw, call
        ):
            raise NoRepair
        found.append(node)
    return found


def _all_known(case: Case, calls: list[ast.Call], write: Op | None, read: Op | None) -> None:
    """Refuse when something else writes into the variable as well, before it is read."""
    if write is None or read is None:
        return
    graph, trace = case.view.graph, case.view.trace
    places = {span(call) for call in calls}
    for index in graph.writes.get(graph.root(write.inputs[0]), ()):
        at = trace.ops[index].at
        if write.index < index < read.index and (at is None or at.expr not in places):
            raise NoRepair


def _loop(case: Case, rw: Rewriter, statement: ast.stmt) -> ast.stmt | None:
    """The outermost loop or condition around a write that runs within the tape's block."""
    enter = case.with_statement()
    scope = _scope(rw, statement)
    inside = [n for n in rw.above(statement) if isinstance(n, (ast.For, ast.While, ast.If))]
    loops = [n for n in inside if _scope(rw, n) is scope]
    if enter is not None and enter.here:
        loops = [n for n in loops if not n.lineno < enter.line <= (n.end_lineno or 0)]
    return loops[-1] if loops else None


def _written(rw: Rewriter, call: ast.Call, new: str, again: bool) -> str:
    """The variable's new value; ``again`` where it is made from the turn's before."""
    assert isinstance(call.func, ast.Attribute)
    owner, method = call.func.value, call.func.attr
    plain = [a for a in call.args if not isinstance(a, ast.Starred)]
    if isinstance(owner, ast.Subscript) and method == "assign":
        index = owner.slice
        if not isinstance(index, (ast.Constant, ast.Name)) or len(plain) != 1:
            raise NoRepair
        base, value = new if again else rw.inside(owner.value), rw.inside(plain[0])
        return f"{rw.tf}.tensor_scatter_nd_update({base}, [[{rw.inside(index)}]], [{value}])"
    if method in _SCATTERS and len(plain) == 2:
        inner = ", ".join(rw.inside(a) for a in plain)
        return f"{rw.tf}.{_SCATTERS[method]}({new if again else rw.inside(owner)}, {inner})"
    if len(plain) != 1 or call.keywords:
        raise NoRepair
    if method in _SPARSE:
        slices = plain[0]
        if not isinstance(slices, ast.Call) or not dotted(slices.func).endswith("IndexedSlices"):
            raise NoRepair
        values, indices = (rw.inside(a) for a in _slices(slices))
        base = new if again else rw.inside(owner)
        return f"{rw.tf}.{_SPARSE[method]}({base}, {rw.tf}.expand_dims({indices}, -1), {values})"
    if method in _SIGNS:
        tight = isinstance(plain[0], ast.BinOp) and isinstance(
            plain[0].op, (ast.Mult, ast.Div, ast.Pow)
        )
        value = rw.inside(plain[0]) if tight else rw.operand(plain[0])
        return f"{new if again else rw.inside(owner)} {_SIGNS[method]} {value}"
    if method != "assign":
        raise NoRepair
    value = rw.inside(plain[0])
    return value if "\n" not in value else f"({value})"


def _slices(made: ast.Call) -> tuple[ast.expr, ast.expr]:
    """The values and the indices of an ``IndexedSlices``."""
    named = {k.arg: k.value for k in made.keywords}
    given = dict(zip(("values", "indices"), made.args, strict=False)) | named
    return given["values"], given["indices"]


def _readers(rw: Rewriter, name: str, new: str, write: ast.stmt, begin: tuple[int, int]) -> int:
    """Let reads of the variable in the same scope, from a place on, read the new value."""
    tree = rw.text.tree
    assert tree is not None
    scope = _scope(rw, write)
    found = 0
    for node in ast.walk(scope):
        if not isinstance(node, (ast.Name, ast.Attribute)) or not isinstance(node.ctx, ast.Load):
            continue
        if ast.unparse(node) != name or span(node)[:2] <= begin:
            continue
        if _scope(rw, node) is not scope:
            continue
        parents = rw.above(node)
        if isinstance(parents[0], ast.Attribute) and parents[0].attr in _ASKS:
            continue
        if any(
            isinstance(p, ast.Call) and dotted(p.func).rsplit(".", 1)[-1] in _ASKS
            and any(contains(span(a), span(node)) for a in p.args)
            for p in parents
        ):  # fmt: skip
            continue
        rw.put(node, lambda: new)
        found += 1
    return found


def _scope(rw: Rewriter, node: ast.AST) -> ast.AST:
    tree = rw.text.tree
    assert tree is not None
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    return next((n for n in rw.above(node) if isinstance(n, kinds)), tree)


def _function(rw: Rewriter, node: ast.AST) -> str | None:
    scope = _scope(rw, node)
    return scope.name if isinstance(scope, ast.FunctionDef) else None


def _table(case: Case, rw: Rewriter, call: ast.Call, read: Op) -> None:
    """What a table's lookup finds is a weighted sum over its keys: weight 1 where they match."""
    assert isinstance(call.func, ast.Attribute)
    found = case.node(read.at)
    if not isinstance(found, (ast.Call, ast.Subscript)) or len(call.args) != 2:
        raise NoRepair
    values = call.args[1]
    facts = case.view.trace.tensors.get(case.cut.source) if case.cut is not None else None
    if facts is None or facts.shape is None or len(facts.shape) != 1:
        raise NoRepair
    if _scope(rw, call) is not _scope(rw, found):
        raise NoRepair
    asked = found.slice if isinstance(found, ast.Subscript) else found.args[0]
    tf = rw.tf
    same = f"{tf}.equal({tf}.expand_dims({rw.out(asked)}, -1), {rw.out(call.args[0])})"
    weights = f"{tf}.cast({same}, {tf}.{facts.dtype})"
    rw.put(found, lambda: f"{tf}.reduce_sum({weights} * {rw.operand(values)}, -1)")
