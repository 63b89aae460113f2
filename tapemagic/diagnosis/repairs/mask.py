"""Masks with -inf become masks with a large finite number."""

from __future__ import annotations

import ast

from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import dotted
from tapemagic.diagnosis.repairs.rewriter import Rewriter, mechanical
from tapemagic.traces.model import Op

LARGE = {"float16": "-6e4"}
_MODULES = ("np", "numpy", "math", "tf.experimental.numpy")


@mechanical
def unmasked(case: Case, mask: Op) -> str | None:
    """The cell with the mask's -inf written as a finite number; else every -inf of the cell."""
    at = mask.at
    if at is None or not at.here:
        return None
    rw = Rewriter(case.here)
    statement = case.here.statement_at(at.line)
    facts = case.view.trace.tensors.get(mask.outputs[0])
    number = LARGE.get(facts.dtype if facts is not None else "", "-1e9")
    for place in (case.node(at) or statement, statement, rw.text.tree):
        found = [n for n in ast.walk(place) if _is_infinite(n)] if place is not None else []
        for node in found:
            rw.put(node, lambda: number)  # type: ignore[arg-type]
        if found:
            return rw.source()
    return None


def _is_infinite(node: ast.AST) -> bool:
    """Whether an expression is minus infinity: ``float("-inf")``, ``-np.inf``, ``-float("inf")``."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _is_inf(node.operand, ("inf", "infinity"))
    return _is_inf(node, ("-inf", "-infinity")) or dotted(node) in ("np.NINF", "numpy.NINF")


def _is_inf(node: ast.AST, words: tuple[str, ...]) -> bool:
    if isinstance(node, ast.Call) and dotted(node.func) == "float" and len(node.args) == 1:
        given = node.args[0]
        said = given.value if isinstance(given, ast.Constant) else None
        return isinstance(said, str) and said.lower() in words
    module, _, name = dotted(node).rpartition(".")
    return "inf" in words and module in _MODULES and name in ("inf", "Inf", "infty")
