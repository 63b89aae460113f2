"""A metric object in the place of a loss: the loss of the same name, or the plain mean."""

from __future__ import annotations

import ast

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import dotted
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical

_BOTH = frozenset(
    [
        "MeanSquaredError",
        "MeanAbsoluteError",
        "MeanSquaredLogarithmicError",
        "BinaryCrossentropy",
        "CategoricalCrossentropy",
        "SparseCategoricalCrossentropy",
        "KLDivergence",
        "Poisson",
        "Hinge",
        "SquaredHinge",
        "CategoricalHinge",
        "MeanAbsolutePercentageError",
    ]
)


@mechanical
def loss_instead(case: Case) -> str | None:
    """``keras.metrics.X(...)`` becomes ``keras.losses.X(...)``, asked where it was updated."""
    rw = Rewriter(case.here)
    tree = case.here.tree
    assert tree is not None
    made = [
        n for n in ast.walk(tree) if isinstance(n, ast.Call)
        and "metrics." in f"{dotted(n.func)}." and dotted(n.func).rsplit(".", 1)[-1] in _BOTH | {"Mean"}
    ]  # fmt: skip
    if len(made) != 1:
        return None
    call = made[0]
    bound = rw.parents.get(id(call))
    if not isinstance(bound, ast.Assign) or len(bound.targets) != 1:
        raise NoRepair
    name = ast.unparse(bound.targets[0])
    mean = dotted(call.func).endswith(".Mean")
    if mean and _kept_logging(case, rw, tree, name):
        return rw.source()
    if not mean:
        func = call.func
        rw.put(func, lambda: rw.inside(func).replace("metrics.", "losses."))
    _uses(rw, tree, name, mean)
    return rw.source()


def _kept_logging(case: Case, rw: Rewriter, tree: ast.Module, name: str) -> bool:
    """The mean metric goes on logging; only where its result was differentiated, the value stands."""
    cut = case.cut
    read = case.view.trace.ops[cut.op].at if cut is not None and cut.op is not None else None
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
    updates = [n for n in calls if ast.unparse(n.func) == f"{name}.update_state"]
    results = [
        n for n in calls if ast.unparse(n.func) == f"{name}.result"
        and read is not None and read.here and span(n) == read.expr
    ]  # fmt: skip
    if len(updates) != 1 or len(results) != 1 or len(updates[0].args) != 1 or updates[0].keywords:
        return False
    value = updates[0].args[0]
    if not isinstance(value, ast.Name):
        return False
    rw.put(results[0], lambda: f"{rw.tf}.reduce_mean({rw.inside(value)})")
    return True


def _uses(rw: Rewriter, tree: ast.Module, name: str, mean: bool) -> None:
    updates, results, direct = [], [], []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called == f"{name}.update_state":
            updates.append(node)
        elif called == f"{name}.result":
            results.append(node)
        elif called == name:
            direct.append(node)
        elif called == f"{name}.reset_state" and isinstance(rw.parents.get(id(node)), ast.Expr):
            rw.statement(node, "pass")
    for node in direct:
        if mean:
            rw.put(node.func, lambda: f"{rw.tf}.reduce_mean")
    if not updates:
        if results:
            raise NoRepair
        return
    if len(updates) != 1 or direct or not isinstance(rw.parents.get(id(updates[0])), ast.Expr):
        raise NoRepair
    update = updates[0]
    new = f"{name.rsplit('.', 1)[-1]}_value"
    function = f"{rw.tf}.reduce_mean" if mean else name
    inner = ", ".join(
        [
            *(rw.out(a) for a in update.args),
            *(f"{k.arg}={rw.out(k.value)}" for k in update.keywords),
        ]
    )
    rw.statement(update, f"{new} = {function}({inner})")
    for node in results:
        rw.put(node, lambda: new)
