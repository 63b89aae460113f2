"""A Keras model called with other values for its weights: ``stateless_call``."""

from __future__ import annotations

import ast
import re

from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import indent_of
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter
from tapemagic.traces.model import Op

_LISTS = ("trainable_variables", "trainable_weights", "weights", "variables")


def functional(case: Case, rw: Rewriter, call: ast.Call, write: Op, read: Op) -> None:
    """Hand the values that are assigned to weights to the call that reads them.

    Raises:
        NoRepair: If the call or the weight can't be told.
    """
    site = case.statement_in_frame(read, write.at)
    used = case.node(site)
    if not isinstance(used, ast.Call) or not isinstance(used.func, (ast.Name, ast.Attribute)):
        raise NoRepair
    if _function(rw, used) is not _function(rw, call):
        raise NoRepair  # the values have names only where they are assigned
    model = rw.inside(used.func)
    given = [*(rw.out(a) for a in used.args)]
    given += [f"{k.arg}={rw.out(k.value)}" for k in used.keywords]
    handle = case.view.trace.tensors.get(write.inputs[0])
    if handle is not None and handle.trainable is False:
        raise NoRepair
    loop = next((n for n in rw.above(call) if isinstance(n, ast.For)), None)
    if isinstance(call.func, ast.Attribute) and call.func.attr == "set_weights":
        values = _whole(rw, call, model)
    elif loop is not None:
        values = _from_loop(rw, loop, call, model)
    else:
        values = _one(rw, call, model)
    rest = f"{model}.non_trainable_variables, {', '.join(given)}"
    rw.put(used, lambda: f"{model}.stateless_call({values}, {rest})[0]")


def _function(rw: Rewriter, node: ast.AST) -> ast.FunctionDef | None:
    return next((n for n in rw.above(node) if isinstance(n, ast.FunctionDef)), None)


def _one(rw: Rewriter, call: ast.Call, model: str) -> str:
    """One weight gets a value of its own, the others keep theirs."""
    assert isinstance(call.func, ast.Attribute)
    statement = rw.parents.get(id(call))
    if call.func.attr != "assign" or len(call.args) != 1 or not isinstance(statement, ast.Expr):
        raise NoRepair
    weight, value = rw.inside(call.func.value), rw.inside(call.args[0])
    new = f"new_{re.sub(r'[^a-zA-Z0-9]', '', weight.rsplit('.', 1)[-1])}"
    indent = indent_of(rw.text, statement.lineno)
    rw.edits.insert_line(statement.lineno, f"{indent}{new} = {value}")
    rw.put(call.args[0], lambda: new)
    return f"[{new} if v is {weight} else v for v in {model}.trainable_variables]"


def _from_loop(rw: Rewriter, loop: ast.For, call: ast.Call, model: str) -> str:
    """``for v, w in zip(model.trainable_variables, ws): v.assign(w)``."""
    turn, target = loop.iter, loop.target
    if not isinstance(turn, ast.Call) or ast.unparse(turn.func) != "zip" or len(loop.body) != 1:
        raise NoRepair
    if not isinstance(target, ast.Tuple) or len(call.args) != 1:
        raise NoRepair
    assert isinstance(call.func, ast.Attribute)
    if ast.unparse(turn.args[0]) not in [f"{model}.{name}" for name in _LISTS]:
        raise NoRepair
    if ast.unparse(call.func.value) != ast.unparse(target.elts[0]):
        raise NoRepair
    value, names = rw.inside(call.args[0]), rw.inside(target)
    if call.func.attr == "assign" and isinstance(call.args[0], ast.Name) and len(turn.args) == 2:
        if ast.unparse(target.elts[1]) == value:
            return f"list({rw.inside(turn.args[1])})"
    if call.func.attr != "assign":
        sign = {"assign_add": "+", "assign_sub": "-"}[call.func.attr]
        first = rw.inside(target.elts[0])
        new = f"{first} {sign} {rw.operand(call.args[0])}"
        # The weights have changed by the time they are read: the new values are made before.
        indent = indent_of(rw.text, loop.lineno)
        rw.edits.insert_line(
            loop.lineno, f"{indent}new_weights = [{new} for {names} in {rw.inside(turn)}]"
        )
        return "new_weights"
    return f"[{value} for {names} in {rw.inside(turn)}]"


def _whole(rw: Rewriter, call: ast.Call, model: str) -> str:
    """``model.set_weights(values)``: those of them that are trained."""
    assert isinstance(call.func, ast.Attribute)
    statement = rw.parents.get(id(call))
    if rw.inside(call.func.value) != model or not isinstance(statement, ast.Expr):
        raise NoRepair
    for inner in ast.walk(call.args[0]):
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
            if inner.func.attr == "get_weights":
                owner = inner.func.value
                rw.put(inner, lambda owner=owner: f"{rw.operand(owner)}.weights")  # type: ignore[misc]
    indent = indent_of(rw.text, statement.lineno)
    rw.edits.insert_line(statement.lineno, f"{indent}new_weights = {rw.out(call.args[0])}")
    rw.put(call.args[0], lambda: "new_weights")
    return f"[w for w, v in zip(new_weights, {model}.weights) if v.trainable]"
