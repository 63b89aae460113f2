"""The variable was made with ``trainable=False``."""

from __future__ import annotations

import ast

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.edits import Edits, calls_in, dotted
from tapemagic.diagnosis.repairs.rewriter import enclosing
from tapemagic.traces.tracking import DIFFERENTIABLE

TEXT = """
A tape watches by itself only variables that were made trainable. One made with `trainable=False` has
to be given to `tape.watch`. (Setting `layer.trainable = False` afterwards freezes the layer for
optimizers, and does not cut its gradients.)
"""
EXAMPLE = """import tensorflow as tf

x = tf.Variable(2.0, trainable=False)
with tf.GradientTape() as tape:
    y = x * x
grad = tape.gradient(y, x)
"""
MENDED = EXAMPLE.replace("trainable=False", "trainable=True")


def recognise(case: Case) -> Found | None:
    """The first step from the source reads a variable that was made non-trainable."""
    if case.earlier:
        return None
    if is_kept_by_layer(case):
        return _statistics(case)
    tracking = case.view.tracking
    tensor = _untracked(case)
    facts = case.view.trace.tensors.get(tensor) if tensor is not None else None
    if facts is None or facts.kind != "variable" or facts.trainable is not False:
        return None
    if tracking is None or facts.id in tracking.watches:
        return None
    at = case.made_at(facts.id) or case.with_statement()
    made, asked = _fixed(case, at), _only_trainable(case)
    leave = "Ask about the trainable_variables alone; or make" if asked and not made else "Make"
    return Found(
        at,
        f"{case.call_it(facts.id)} was made with trainable=False on {case.line(at)}, so the tape "
        "does not watch it by itself.",
        f"{leave} it with trainable=True, or call {case.tape_name}.watch on it.",
        made or asked,
    )


def _untracked(case: Case) -> int | None:
    """What the tape did not track, at the cut or (in a Jacobian by itself) as the target."""
    if case.untracked_target:
        return case.source.tensor
    cut = case.cut
    return None if cut is None or case.op is None or case.fault != "untracked" else cut.source


def is_kept_by_layer(case: Case) -> bool:
    """Whether the source is a variable that a Keras layer updates by itself, as moving averages."""
    view, tensor = case.view, case.source.tensor
    facts = view.trace.tensors.get(tensor) if tensor is not None else None
    if facts is None or facts.kind != "variable" or facts.trainable is not False:
        return False
    assert tensor is not None
    if facts.dtype not in DIFFERENTIABLE and case.way is None and _among_used(case):
        return True  # a seed or a counter that was not used this time
    begin = view.tracking.begin if view.tracking is not None else 0
    writes = [view.trace.ops[i] for i in view.graph.writes.get(tensor, ())]
    return any(op.library and begin <= op.index < view.query.op for op in writes)


def _among_used(case: Case) -> bool:
    """Whether the question is about all variables of an object, and others of them were used."""
    if _only_trainable(case) is None:
        return False
    arrived = case.view.observed()
    return any(a.tensor in arrived for a in case.view.query.sources)


def _statistics(case: Case) -> Found:
    facts = case.view.trace.tensors[case.source.tensor]  # type: ignore[index]
    at = case.made_at(case.source.tensor) or case.view.query.at
    what = "statistics" if facts.dtype in DIFFERENTIABLE else f"a counter or a seed ({facts.dtype})"
    return Found(
        at,
        f"`{case.name}` ({facts.label}) is not trainable: its layer keeps {what} in it and "
        "updates it itself, and no gradient goes there.",
        "Ask about the model's trainable_variables.",
        _only_trainable(case),
        level="info",
    )


def _only_trainable(case: Case) -> str | None:
    """``model.weights`` and ``model.variables`` become trainable_variables, where they are asked about.

    So they do in the same function where they are paired with the gradients.
    """
    node = case.node(case.view.query.at)
    if not isinstance(node, ast.Call) or len(node.args) < 2:
        return None
    asked = node.args[1]
    if not isinstance(asked, ast.Attribute) or asked.attr not in ("weights", "variables"):
        return None
    edits, written = Edits(case.here), ast.unparse(asked)
    around = enclosing(case.here, node, (ast.FunctionDef,))
    function: ast.AST = around if around is not None else case.here.tree or ast.Module([], [])
    paired = [
        n for call in ast.walk(function) if isinstance(call, ast.Call)
        and dotted(call.func).rsplit(".", 1)[-1] in ("zip", "apply") for n in call.args
    ]  # fmt: skip
    for one in [asked, *paired]:
        if isinstance(one, ast.Attribute) and ast.unparse(one) == written:
            line, column = one.end_lineno or 0, one.end_col_offset or 0
            edits.replace((line, column - len(one.attr), line, column), "trainable_variables")
    return edits.source()


def _fixed(case: Case, at) -> str | None:  # type: ignore[no-untyped-def]
    if at is None or not at.here:
        return None
    text = case.here
    node = text.statement_at(at.line)
    if node is None:
        return None
    whole = at.expr or (
        node.lineno,
        node.col_offset,
        node.end_lineno or 0,
        node.end_col_offset or 0,
    )
    for call in calls_in(text, whole, lambda _: True):
        for keyword in call.keywords:
            if keyword.arg == "trainable":
                return Edits(text).replace(span(keyword.value), "True").source()
        given = call.args[1] if dotted(call.func).endswith("Variable") and call.args[1:] else None
        if isinstance(given, ast.Constant) and given.value is False:
            return Edits(text).replace(span(given), "True").source()
    return None


CAUSE = Cause(
    "non-trainable", "The variable was made with trainable=False", "warning", TEXT, EXAMPLE, MENDED,
    recognise,
)  # fmt: skip
