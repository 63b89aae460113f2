"""The derivative that a ``tf.custom_gradient`` left out, where the forward formula says it."""

from __future__ import annotations

import ast

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import dotted, indent_of
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical

_FLAT = frozenset(
    [
        "round",
        "floor",
        "ceil",
        "rint",
        "sign",
        "argmax",
        "argmin",
        "cast",
        "stop_gradient",
        "numpy",
        "where",
        "greater",
        "less",
        "equal",
        "one_hot",
        "numpy_function",
        "py_function",
        "quantize",
    ]
)


@mechanical
def completed(case: Case, name: str | None, position: int | None) -> str | None:
    """The cell with the rule returning a derivative for one more input.

    Args:
        case: The source and its way.
        name: The function under ``tf.custom_gradient``.
        position: The input that got None, where it is known.
    """
    tree = case.here.tree
    if tree is None:
        return None
    functions = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef))
    outer = next((n for n in functions if n.name == name), None)
    if outer is None:
        return None  # it stands in an earlier cell
    rules = [n for n in outer.body if isinstance(n, ast.FunctionDef)]
    if len(rules) != 1:
        return None
    rule = rules[0]
    given = [a.arg for a in outer.args.args if a.arg != "self"]
    end, forward = rule.body[-1], outer.body[-1]
    if not isinstance(end, ast.Return) or end.value is None:
        return None
    parts = end.value.elts if isinstance(end.value, ast.Tuple) else [end.value]
    if not isinstance(forward, ast.Return) or not isinstance(forward.value, ast.Tuple):
        return None
    rw = Rewriter(case.here)
    if position is not None and position >= len(given) and len(parts) == len(given) + 1:
        _of_variables(rw, outer, rule, parts[-1], forward.value.elts[0])
        return rw.source()
    nones = [i for i, p in enumerate(parts) if isinstance(p, ast.Constant) and p.value is None]
    position = nones[0] if len(nones) == 1 else position
    if position is None or position >= min(len(given), len(parts)):
        return None
    none = parts[position]
    if not (isinstance(none, ast.Constant) and none.value is None):
        return None
    _derivative(rw, outer, rule, none, forward.value.elts[0], given[position])
    return rw.source()


def _derivative(
    rw: Rewriter, outer: ast.FunctionDef, rule: ast.FunctionDef, none: ast.expr, value: ast.expr,
    name: str,
) -> None:  # fmt: skip
    needed = _smooth(outer, value)
    read = {n.id for part in [*needed, value] for n in ast.walk(part) if isinstance(n, ast.Name)}
    if name not in read:
        raise NoRepair  # only the person knows what derivative is meant
    upstream = rule.args.args[0].arg
    _again(rw, rule, needed, value, [f"inner.watch({name})"])
    rw.put(none, lambda: f"inner.gradient(value, {name}, {upstream})")


def _of_variables(
    rw: Rewriter, outer: ast.FunctionDef, rule: ast.FunctionDef, none: ast.expr, value: ast.expr
) -> None:
    """The gradients of the variables that the function uses, which its rule is given as a list."""
    names = [a.arg for a in (*rule.args.args, *rule.args.kwonlyargs)]
    if "variables" not in names[1:]:
        raise NoRepair
    _again(rw, rule, _smooth(outer, value), value, [])
    rw.put(none, lambda: f"inner.gradient(value, variables, {names[0]})")


def _again(
    rw: Rewriter, rule: ast.FunctionDef, needed: list[ast.Assign], value: ast.expr, watch: list[str]
) -> None:
    """The value is computed once more in the rule, under a tape of its own."""
    end = rule.body[-1]
    indent = indent_of(rw.text, end.lineno)
    texts = [rw.edits.raw(span(node)) for node in (*needed, value)]
    rows = [" ".join(text.split()) for text in texts]
    rows[-1] = f"value = {rows[-1]}"
    block = [f"with {rw.tf}.GradientTape() as inner:", *(f"    {row}" for row in (*watch, *rows))]
    rw.edits.insert_line(end.lineno, "\n".join(indent + row for row in block))


def _smooth(outer: ast.FunctionDef, value: ast.expr) -> list[ast.Assign]:
    """The assignments that a value is made from, if each of its steps has a derivative."""
    needed = _needed([n for n in outer.body if isinstance(n, ast.Assign)], value)
    for part in [*needed, value]:
        for call in ast.walk(part):
            if isinstance(call, ast.Call) and dotted(call.func).rsplit(".", 1)[-1] in _FLAT:
                raise NoRepair
    return needed


def _needed(made: list[ast.Assign], value: ast.expr) -> list[ast.Assign]:
    """The assignments that the value was made from, in their order."""
    names = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
    found: list[ast.Assign] = []
    for node in reversed(made):
        bound = {t.id for t in node.targets if isinstance(t, ast.Name)}
        if bound & names:
            found.insert(0, node)
            names |= {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
    return found
