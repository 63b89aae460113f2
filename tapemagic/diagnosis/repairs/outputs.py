"""A layer's symbolic output: a model with two outputs gives the tensor that was meant."""

from __future__ import annotations

import ast

from tapemagic.cell.text import CellText
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import body_lines, dotted, with_of_tape
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical
from tapemagic.traces.model import Site


@mechanical
def two_outputs(case: Case) -> str | None:
    """The cell with the layer's output and the model's computed in one call under the tape."""
    enter = case.with_statement()
    if enter is None or not enter.here:
        return None
    block = with_of_tape(case.here, enter.line)
    return None if block is None else _changed(Rewriter(case.here), block, _asked(case))


@mechanical
def two_outputs_at(text: CellText, line: int) -> str | None:
    """The same where ``tape.watch`` on a line already refused the symbolic tensor."""
    blocks = [
        n for n in text.statements
        if isinstance(n, ast.With) and n.lineno <= line <= (n.end_lineno or 0)
    ]  # fmt: skip
    statement = text.statement_at(line)
    if (
        not blocks
        or not isinstance(statement, ast.Expr)
        or not isinstance(statement.value, ast.Call)
    ):
        return None
    return _changed(Rewriter(text), blocks[-1], statement.value.args[0])


@mechanical
def one_pass(case: Case, source: Site | None) -> str | None:
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
    made = _bound(rw, call.func)
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
    taken = ast.unparse(call.args[0])
    whole = [
        n for s in block.body[block.body.index(first) + 1 :] for n in ast.walk(s)
        if isinstance(n, ast.Call) and n.args and ast.unparse(n.args[0]) == taken
        and ast.unparse(n.func) in known
    ]  # fmt: skip
    if len(whole) != 1:
        raise NoRepair
    _joined(rw, first, outputs, whole[0])
    return rw.source()


def _joined(rw: Rewriter, first: ast.Assign, outputs: ast.expr, whole: ast.Call) -> None:
    """The first call gives what the second gave as well."""
    model = rw.inside(whole.func)
    last = "outputs[0]" if _is_sequential(rw, model) else "output"
    rw.put(outputs, lambda: f"[{rw.inside(outputs)}, {model}.{last}]")
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


def _asked(case: Case) -> ast.expr:
    node = case.node(case.view.query.at)
    if not isinstance(node, ast.Call) or len(node.args) < 2:
        raise NoRepair
    return node.args[1]


def _changed(rw: Rewriter, block: ast.With, symbolic: ast.expr) -> str | None:
    written = ast.unparse(symbolic)
    if not isinstance(symbolic, ast.Attribute):
        symbolic = _bound(rw, symbolic)
    if not isinstance(symbolic, ast.Attribute) or symbolic.attr not in ("output", "input"):
        raise NoRepair
    statement, call = _forward(block)
    tree = rw.text.tree
    assert tree is not None
    model = rw.inside(call.func)
    if symbolic.attr == "input":
        if ast.unparse(symbolic.value) != model or not isinstance(call.args[0], ast.Name):
            raise NoRepair
        new = call.args[0].id
    else:
        new = "layer_output"
        target = statement.targets[0]
        end = rw.inside(target)
        # A Sequential model knows its outputs before it is called, and its output only after.
        last = "outputs[0]" if _is_sequential(rw, model) else "output"
        pair = f"[{ast.unparse(symbolic)}, {model}.{last}]"
        rw.put(call.func, lambda: f"{_model(rw)}({model}.inputs, {pair})")
        rw.put(target, lambda: f"{new}, {end if isinstance(target, ast.Name) else f'({end})'}")
    watched = False
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and ast.unparse(node) == written and _is_question(rw, node):
            parent = rw.parents[id(node)]
            assert isinstance(parent, ast.Call)
            if ast.unparse(parent.func).endswith(".watch"):
                watched = True
                _watch(rw, block, parent, node, new, symbolic.attr)
            else:
                rw.put(node, lambda: new)
    if symbolic.attr == "input" and not watched:
        name = next(
            i.optional_vars.id for i in block.items if isinstance(i.optional_vars, ast.Name)
        )
        first = block.body[0]
        lead = " " * first.col_offset
        rw.edits.insert_line(body_lines(rw.text, first)[0], f"{lead}{name}.watch({new})")
    return rw.source()


def _watch(
    rw: Rewriter, block: ast.With, call: ast.Call, node: ast.expr, new: str, kind: str
) -> None:
    """A watch of the symbolic tensor is of no use; one of the input is."""
    if kind == "input":
        rw.put(node, lambda: new)
        return
    statement = rw.parents.get(id(call))
    if not isinstance(statement, ast.Expr):
        raise NoRepair
    if statement in block.body and len(block.body) > 1 and statement.lineno == statement.end_lineno:
        rw.edits.delete_lines(statement.lineno, statement.lineno)
    else:
        rw.statement(call, "pass")


def _is_question(rw: Rewriter, node: ast.expr) -> bool:
    parent = rw.parents.get(id(node))
    return (
        isinstance(parent, ast.Call)
        and isinstance(parent.func, ast.Attribute)
        and parent.func.attr in ("watch", "gradient", "jacobian")
        and any(node is a for a in parent.args)
    )


def _bound(rw: Rewriter, name: ast.expr) -> ast.expr:
    found = [
        n.value for n in rw.text.statements if isinstance(n, ast.Assign)
        and any(ast.unparse(t) == ast.unparse(name) for t in n.targets)
    ]  # fmt: skip
    if len(found) != 1:
        raise NoRepair
    return found[0]


def _forward(block: ast.With) -> tuple[ast.Assign, ast.Call]:
    """The one call of a model in the block whose result is bound."""
    found = [
        (s, s.value) for s in block.body if isinstance(s, ast.Assign)
        and isinstance(s.value, ast.Call) and isinstance(s.value.func, ast.Name) and s.value.args
        and len(s.targets) == 1
    ]  # fmt: skip
    if len(found) != 1:
        raise NoRepair
    return found[0]


def _is_sequential(rw: Rewriter, name: str) -> bool:
    return any(
        isinstance(n, ast.Assign) and isinstance(n.value, ast.Call)
        and dotted(n.value.func).endswith("Sequential")
        and any(ast.unparse(t) == name for t in n.targets)
        for n in rw.text.statements
    )  # fmt: skip


def _model(rw: Rewriter) -> str:
    """How the cell writes keras.Model."""
    source = rw.text.source
    for name in ("keras.models.Model(", "keras.Model("):
        if name in source and f".{name}" not in source:
            return name[:-1]
    if "from tensorflow import keras" in source or "import keras\n" in source:
        return "keras.Model"
    return f"{rw.tf}.keras.Model"
