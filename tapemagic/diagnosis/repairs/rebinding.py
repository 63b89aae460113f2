"""A name that was rebound to a tensor: assign to the variable instead, or watch the tensor."""

from __future__ import annotations

import ast

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import Edits, dotted, indent_of
from tapemagic.diagnosis.repairs.rewriter import Rewriter, mechanical
from tapemagic.diagnosis.repairs.watching import insert_watch
from tapemagic.diagnosis.view import QueryView
from tapemagic.traces.model import Argument, Binding

_METHODS = {ast.Add: "assign_add", ast.Sub: "assign_sub"}


def rebinding(view: QueryView, source: Argument) -> tuple[Binding, Binding] | None:
    """Where the source, a tensor, took the place of a variable.

    Returns:
        The binding of the variable, and the first one of the tensor to the same name or to the
        same place in the same object.
    """
    for now in view.trace.bindings:
        if now.tensor != source.tensor:
            continue
        before = [b for b in view.trace.bindings if b.index <= now.index and _was(view, b, now)]
        if before:
            return before[-1], now
    return None


def _was(view: QueryView, before: Binding, now: Binding) -> bool:
    if before.kind != "variable":
        return False
    if now.slot is not None and before.slot == now.slot:
        return True
    if before.name != now.name:
        return False
    if (before.at.cell, before.at.file) == (now.at.cell, now.at.file):
        return True
    notebook = before.at.function is None and now.at.function is None
    # Two cells may use one name for two things: the tensor has to come from that variable.
    return notebook and _came_from(view, now.tensor, before.tensor)


def _came_from(view: QueryView, tensor: int, variable: int) -> bool:
    todo, seen = [tensor], {tensor}
    while todo and len(seen) < 2000:
        for edge in view.graph.incoming(todo.pop(), 0, len(view.trace.ops)):
            if edge.source == variable:
                return True
            if edge.source not in seen:
                seen.add(edge.source)
                todo.append(edge.source)
    return False


@mechanical
def in_place(case: Case, binding: Binding) -> str | None:
    """The cell with the variables changed in place; else with the new tensors watched."""
    if not binding.at.here:
        return None
    node = case.here.statement_at(binding.at.line)
    edits = Edits(case.here)
    if _whole(node, binding):
        return _mapped(case, node) or _each(case, node) or _watched(case)
    if _assigned(edits, node):
        for other in _others(case, binding):
            _assigned(edits, other)
        return edits.source()
    return _each(case, node) or _watched(case)


@mechanical
def new_variable(case: Case, binding: Binding) -> str | None:
    """``w = tf.cast(w, ..)`` becomes ``w = tf.Variable(tf.cast(w, ..))``, where it runs once."""
    if not binding.at.here:
        return None
    node = case.here.statement_at(binding.at.line)
    tree, rw = case.here.tree, Rewriter(case.here)
    if tree is None or node not in tree.body or not isinstance(node, ast.Assign):
        return None
    rw.put(node.value, lambda: f"{rw.tf}.Variable({rw.inside(node.value)})")
    return rw.source()


def _whole(node: ast.AST | None, binding: Binding) -> bool:
    """Whether a statement rebinds a list or dict as a whole, that holds the variable."""
    target = node.targets[0] if isinstance(node, ast.Assign) else None
    return isinstance(target, ast.Name) and target.id != binding.name


def _mapped(case: Case, node: ast.AST | None) -> str | None:
    """``ps = map_structure(lambda p, g: p - r * g, ps, gs)`` becomes one with ``assign_sub``.

    A dict comprehension ``{k: ps[k] - r * gs[k] for k in ps}`` becomes a loop.
    """
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return None
    value, name = node.value, ast.unparse(node.targets[0])
    edits = Edits(case.here)
    if isinstance(value, ast.DictComp):
        turn = value.generators[0]
        if len(value.generators) != 1 or turn.ifs:
            return None
        item = f"{name}[{ast.unparse(value.key)}]"
        names = {item} | ({turn.target.elts[1].id} if _items_of(turn, name) else set())  # type: ignore[attr-defined]
        method, step = _step(value.value, names)
        indent = indent_of(case.here, node.lineno)
        key = edits.raw(span(value.key))
        head = f"for {edits.raw(span(turn.target))} in {edits.raw(span(turn.iter))}:"
        body = f"{indent}    {name}[{key}].{method}({edits.raw(span(step))})"
        return edits.replace(span(node), f"{head}\n{body}").source()
    if not isinstance(value, ast.Call) or not dotted(value.func).endswith(
        ("map_structure", "tree_map")
    ):
        return None
    function = value.args[0] if value.args else None
    order = [ast.unparse(a) for a in value.args[1:]]
    if not isinstance(function, ast.Lambda) or name not in order:
        return None
    item = function.args.args[order.index(name)].arg
    method, step = _step(function.body, {item})
    edits.replace(span(function.body), f"{item}.{method}({edits.raw(span(step))})")
    start = (*span(node)[:2], *span(value)[:2])
    return edits.replace(start, "").source()


def _items_of(turn: ast.comprehension, name: str) -> bool:
    """Whether a loop is over the items of a dict, ``for k, v in ps.items()``."""
    pair = isinstance(turn.target, ast.Tuple) and len(turn.target.elts) == 2
    return pair and ast.unparse(turn.iter) == f"{name}.items()"


def _step(value: ast.expr, names: set[str]) -> tuple[str, ast.expr]:
    """How a variable of one of these names is changed in place to a value."""
    if isinstance(value, ast.BinOp) and ast.unparse(value.left) in names:
        if type(value.op) in _METHODS:
            return _METHODS[type(value.op)], value.right
    return "assign", value


@mechanical
def assigned_instead(case: Case, binding: Binding) -> str | None:
    """``w = tf.Variable(w - step)`` becomes ``w.assign(w - step)``, for every such statement."""
    if not binding.at.here:
        return None
    edits = Edits(case.here)
    first = case.here.statement_at(binding.at.line)
    done = False
    for node in case.here.statements:
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            continue
        value, name = node.value, ast.unparse(node.targets[0])
        if not isinstance(value, ast.Call) or not dotted(value.func).endswith("Variable"):
            continue
        if not value.args or name not in {ast.unparse(n) for n in ast.walk(value.args[0])}:
            continue
        edits.replace(span(node), f"{name}.assign({edits.raw(span(value.args[0]))})")
        done = done or node is first
    return edits.source() if done else None


def _others(case: Case, binding: Binding) -> list[ast.AST]:
    """The statements that rebound the other sources: without them the next turn fails again."""
    lines = {binding.at.line}
    found: list[ast.AST] = []
    for source in case.view.query.sources:
        pair = rebinding(case.view, source)
        if pair is None or source.kind != "tensor" or not pair[1].at.here:
            continue
        node = case.here.statement_at(pair[1].at.line)
        if node is not None and pair[1].at.line not in lines:
            lines.add(pair[1].at.line)
            found.append(node)
    return found


def _assigned(edits: Edits, node: ast.AST | None) -> bool:
    """``w = w - step`` becomes ``w.assign_sub(step)``."""
    if isinstance(node, ast.AugAssign):
        return _changed(edits, node, node.target, type(node.op), node.value)
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return False
    target, value = node.targets[0], node.value
    if not isinstance(target, (ast.Name, ast.Attribute, ast.Subscript)):
        return False
    name = edits.raw(span(target))
    if isinstance(value, ast.BinOp) and ast.unparse(value.left) == ast.unparse(target):
        if type(value.op) in _METHODS:
            return _changed(edits, node, target, type(value.op), value.right)
    if isinstance(value, (ast.ListComp, ast.List, ast.Tuple, ast.Dict)):
        return False
    edits.replace(span(node), f"{name}.assign({edits.raw(span(value))})")
    return True


def _changed(
    edits: Edits, node: ast.AST, target: ast.expr, kind: type[ast.operator], value: ast.expr
) -> bool:
    method = _METHODS.get(kind)
    name, written = edits.raw(span(target)), edits.raw(span(value))
    if method is not None:
        edits.replace(span(node), f"{name}.{method}({written})")
        return True
    sign = {ast.Mult: "*", ast.Div: "/"}.get(kind)
    if sign is None:
        return False
    edits.replace(span(node), f"{name}.assign({name} {sign} ({written}))")
    return True


def _each(case: Case, node: ast.AST | None) -> str | None:
    """``ws = [w - r * g for w, g in zip(ws, gs)]`` becomes a loop of ``assign_sub``."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.ListComp):
        return None
    made = node.value
    if len(made.generators) != 1 or made.generators[0].ifs or len(node.targets) != 1:
        return None
    turn, target = made.generators[0], node.targets[0]
    name = _item(turn, ast.unparse(target))
    if name is None:
        return None
    edits = Edits(case.here)
    each = made.elt
    method = "assign"
    value: ast.expr = each
    if isinstance(each, ast.BinOp) and ast.unparse(each.left) == name and type(each.op) in _METHODS:
        method, value = _METHODS[type(each.op)], each.right
    indent = indent_of(case.here, node.lineno)
    head = f"for {edits.raw(span(turn.target))} in {edits.raw(span(turn.iter))}:"
    body = f"{indent}    {name}.{method}({edits.raw(span(value))})"
    return edits.replace(span(node), f"{head}\n{body}").source()


def _item(turn: ast.comprehension, name: str) -> str | None:
    """The loop's name for an item of the list that is rebound."""
    if ast.unparse(turn.iter) == name and isinstance(turn.target, ast.Name):
        return turn.target.id
    if not isinstance(turn.iter, ast.Call) or not isinstance(turn.target, ast.Tuple):
        return None
    if ast.unparse(turn.iter.func) != "zip":
        return None
    for given, bound in zip(turn.iter.args, turn.target.elts, strict=False):
        if ast.unparse(given) == name and isinstance(bound, ast.Name):
            return bound.id
    return None


def _watched(case: Case) -> str | None:
    """Tensors of the next turn are watched, as variables are by themselves."""
    enter, at = case.with_statement(), case.view.query.at
    query = case.node(at)
    if enter is None or not enter.here or at is None or not at.here:
        return None
    if not isinstance(query, ast.Call) or len(query.args) < 2:
        return None
    written = ast.unparse(query.args[1])
    edits = Edits(case.here)
    done = insert_watch(case.here, edits, enter.line, case.tape_name, written)
    return edits.source() if done else None
