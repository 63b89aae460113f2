"""A layer's symbolic output: a model with two outputs gives the tensor that was meant."""

from __future__ import annotations

import ast

from tapemagic.cell.text import CellText
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import body_lines, dotted, with_of_tape
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical


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


def _asked(case: Case) -> ast.expr:
    node = case.node(case.view.query.at)
    if not isinstance(node, ast.Call) or len(node.args) < 2:
        raise NoRepair
    return node.args[1]


def _changed(rw: Rewriter, block: ast.With, symbolic: ast.expr) -> str | None:
    written = ast.unparse(symbolic)
    if not isinstance(symbolic, ast.Attribute):
        symbolic = bound(rw, symbolic)
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
        pair = f"[{ast.unparse(symbolic)}, {model}.{last_output(rw, model)}]"
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


def bound(rw: Rewriter, name: ast.expr) -> ast.expr:
    """What the one assignment of a name in the cell gives it.

    Raises:
        NoRepair: If there is none, or more than one.
    """
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


def last_output(rw: Rewriter, name: str) -> str:
    """How a model's output is asked for.

    A Sequential model knows its outputs before it is called, and its output only after.
    """
    sequential = any(
        isinstance(n, ast.Assign) and isinstance(n.value, ast.Call)
        and dotted(n.value.func).endswith("Sequential")
        and any(ast.unparse(t) == name for t in n.targets)
        for n in rw.text.statements
    )  # fmt: skip
    return "outputs[0]" if sequential else "output"


def _model(rw: Rewriter) -> str:
    """How the cell writes keras.Model."""
    source = rw.text.source
    for name in ("keras.models.Model(", "keras.Model("):
        if name in source and f".{name}" not in source:
            return name[:-1]
    if "from tensorflow import keras" in source or "import keras\n" in source:
        return "keras.Model"
    return f"{rw.tf}.keras.Model"
