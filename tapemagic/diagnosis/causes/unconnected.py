"""The source was not used for the target at all."""

from __future__ import annotations

import ast

from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.causes.non_trainable import is_kept_by_layer
from tapemagic.diagnosis.deciding import Decision, deciding
from tapemagic.diagnosis.dropped import Overwritten, last_use, left_behind, overwritten
from tapemagic.diagnosis.inside import unreached
from tapemagic.diagnosis.latebound import LateBound, bound_early, late_bound
from tapemagic.diagnosis.repairs.onward import onward, summed
from tapemagic.diagnosis.view import SHAPES
from tapemagic.traces.model import Site

TEXT = """
No value of the source took part in the target, in any way: not through an op, not through NumPy,
not through state. Often a layer's output, a term of the loss or an argument was computed and then
dropped or overwritten.
"""
EXAMPLE = """import tensorflow as tf

x = tf.Variable(2.0)
y = tf.Variable(3.0)
with tf.GradientTape() as tape:
    z = y * y
grad = tape.gradient(z, x)
"""
MENDED = EXAMPLE.replace("z = y * y", "z = y * x")


def recognise(case: Case) -> Found | None:
    """The source is no ancestor of the target."""
    view, source = case.view, case.source
    if source.tensor is None or view.query.error is not None or not view.targets:
        return None
    if is_kept_by_layer(case):
        return None
    if case.followed:
        return _in_function(case)
    if not view.trace.whole or _is_async(case):
        return _unseen(case)
    if source.tensor in view.trace.aside:
        return None  # another thread computed with it: see outside-tape
    shape = _shape(case)
    if shape is not None:
        return shape
    late = late_bound(case)
    if late is not None:
        return _late(case, late)
    decision = deciding(case)
    if decision is not None:
        return None if decision.mark is not None else _decides(case, decision)
    over = overwritten(case)
    if over is not None:
        return _overwritten(case, over)
    used = last_use(case)
    if used is None:
        return _unused(case)
    last, end = case.call_it(used.outputs[0]), case.line(used.at)
    said = (
        f"`{case.name}` was not used for `{case.target}`: what was computed from it ends in {last}"
    )
    if used.at is not None and "add_loss" in _row(case, used.at):
        at = _made(case)
        return Found(
            at,
            f"{said} on {end}, which does not reach the target.",
            "Its only use is a term given to add_loss: add sum(model.losses) to the loss of a "
            "custom loop.",
            _with_losses(case, at),
        )
    without = left_behind(case, used.outputs[0])
    return Found(
        without or _made(case),
        f"{said} on {end}, which does not reach the target."
        if without is None
        else f"{said} on {end}, and {case.line(without)} goes on to the target without it.",
        f"Let {last} enter `{case.target}`, or leave `{case.name}` out of the sources.",
    )


def _unused(case: Case) -> Found:
    """Nothing was computed from the source at all."""
    tensor = case.source.tensor
    at = (left_behind(case, tensor) if tensor is not None else None) or _made(case)
    return Found(
        at,
        f"`{case.name}` was not used for `{case.target}` at all: the target, made on "
        f"{case.line(at)}, does not depend on it.",
        f"Use `{case.name}` (or what was computed from it) in the target, or leave it out of the "
        "sources.",
    )


def _overwritten(case: Case, over: Overwritten) -> Found:
    """The value made from the source lost its name to another value."""
    name, at = over.name, over.at
    said = f"`{case.name}` was not used for `{case.target}`: "
    if over.again:
        said += (
            f"{case.line(at)} gives the name `{name}` another value in each turn of the loop, and "
            "only the last one was used."
        )
        kept = f"the values of all turns (`{name} = 0.0` before, `{name} += ...` in it)"
    else:
        said += (
            f"{case.line(over.first)} gives `{name}` a value from `{case.name}`, and "
            f"{case.line(at)} overwrites it before any of it enters `{case.target}`."
        )
        kept = f"the first value of `{name}`"
    out = f"or leave `{case.name}` out of the sources."
    meant = onward(case, over)
    if meant is None:
        fixed = summed(case, over) if over.again else None
        return Found(at, said, f"Let {kept} enter `{case.target}`, {out}", fixed)
    return Found(
        at,
        said,
        f"Did you mean `{name}` in place of `{meant.was}` on {case.line(at)}? Else let {kept} enter "
        f"`{case.target}` by another name, {out}",
        meant.fixed,
    )


def _late(case: Case, late: LateBound) -> Found:
    """The functions that a loop made all use its last item."""
    names = " and ".join(f"`{name}`" for name in late.names)
    given = ", ".join(f"{name}={name}" for name in late.names)
    return Found(
        late.at,
        f"`{case.name}` was not used for `{case.target}`: `{late.written}` on {case.line(late.at)} looks "
        f"{names} up when it is called, after the loop, and finds the last turn's in every call.",
        f"Keep {names} of each turn in the function: give it `{given}` as "
        + ("a parameter." if len(late.names) == 1 else "parameters."),
        bound_early(case, late),
    )


def _shape(case: Case) -> Found | None:
    """Nothing of the source but its shape enters the target."""
    for edge in case.way.edges if case.way is not None else ():
        op = case.view.trace.ops[edge.op] if edge.kind == "op" and edge.op is not None else None
        if op is not None and op.type in SHAPES:
            counts = edge.source in case.view.graph.counted
            return Found(
                op.at,
                f"No value of `{case.name}` enters `{case.target}`: only a shape does, in "
                f"`{case.written(op.at)}` on {case.line(op.at)}, "
                + ("and a count of elements" if counts else "and a shape")
                + " has no gradient.",
                f"Use `{case.name}` itself in the target, or leave it out of the sources.",
            )
    return None


def _decides(case: Case, decision: Decision) -> Found:
    """The source only chooses what is computed."""
    at = _made(case)
    return Found(
        at if decision.itself else decision.at,
        f"No value of `{case.name}` enters `{case.target}` (made on {case.line(at)}): it only decides, in "
        f"`{decision.what}` on {case.line(decision.at)}, what is computed, and a choice carries no "
        "gradient.",
        "Weight the alternatives with a smooth function of it, such as tf.sigmoid or tf.nn.softmax, "
        f"instead of choosing one; or leave `{case.name}` out of the sources.",
    )


def _unseen(case: Case) -> Found:
    """The code ran unwatched: a value may have gone through Python without being seen."""
    at = _made(case)
    return Found(
        at,
        f"No TensorFlow op joins `{case.name}` with `{case.target}` (made on {case.line(at)}). The "
        "Python code in between was not watched, so whether the value left TensorFlow on the way "
        "or was not used at all was not seen.",
        "Write it as a plain function, without async, to see which."
        if _is_async(case)
        else "Give the function to trace(), or run the code under %%tape, to see which.",
        certain=False,
    )


def _is_async(case: Case) -> bool:
    """Whether the question stands in an ``async`` function: the Python code in it is not watched."""
    at, text = case.view.query.at, case.text(case.view.query.at)
    if at is None or text is None or text.tree is None:
        return False
    return any(
        isinstance(n, ast.AsyncFunctionDef) and n.lineno <= at.line <= (n.end_lineno or 0)
        for n in ast.walk(text.tree)
    )


def _in_function(case: Case) -> Found | None:
    """A tf.function took the source in and did not use it for what it returned."""
    cut, op = case.cut, case.op
    if cut is None or op is None or op.rule != "function" or case.fault != "no-gradient":
        return None
    body = unreached(case.view, op, cut.position)
    if body is None:
        return None
    made = {t: inner for inner in body.ops for t in inner.outputs}
    at = op.at
    number = op.outputs.index(cut.target) if cut.target in op.outputs else 0
    for tensor in body.outputs[number : number + 1]:
        inner = made.get(tensor)
        while inner is not None and inner.type in ("Identity", "IdentityN") and inner.inputs:
            inner = made.get(inner.inputs[0])
        if inner is not None and inner.at is not None:
            at = inner.at
    return Found(
        at,
        f"`{case.name}` was not used for `{case.target}`: the function called on "
        f"{case.line(op.at)} takes it in, and what it returns (made on {case.line(at)}) does not "
        "depend on it.",
        f"Use `{case.name}` in what the function returns, or leave it out of the sources.",
    )


def _made(case: Case) -> Site | None:
    """The statement that made the target without the source."""
    view = case.view
    for tensor in view.targets:
        maker = view.graph.maker.get(tensor)
        bound = view.trace.tensors.get(tensor)
        if maker is None and bound is not None and bound.named_at is not None:
            return bound.named_at  # a constant: no op made it
        if maker is None:
            continue
        op = view.trace.ops[maker]
        if bound is not None and bound.named_at is not None and bound.named_at.here:
            return bound.named_at
        enter = case.with_statement()
        return case.statement_in_frame(op, enter)
    return view.query.at


def _row(case: Case, at: Site) -> str:
    text = case.text(at)
    node = text.statement_at(at.line) if text is not None else None
    if text is None or node is None:
        return ""
    return " ".join(text.lines[node.lineno - 1 : node.end_lineno])


def _with_losses(case: Case, at: Site | None) -> str | None:
    """``loss = ...`` becomes ``loss = ... + sum(model.losses)``, where one call names the model."""
    from tapemagic.diagnosis.edits import Edits

    if at is None or not at.here:
        return None
    node = case.here.statement_at(at.line)
    if not isinstance(node, ast.Assign):
        return None
    calls = [
        n.func.id for n in ast.walk(node.value)
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
    ]  # fmt: skip
    if len(calls) != 1:
        return None
    end = (node.value.end_lineno or 0, node.value.end_col_offset or 0)
    return Edits(case.here).insert(*end, f" + sum({calls[0]}.losses)").source()


CAUSE = Cause(
    "unconnected", "The source was not used for the target", "warning", TEXT, EXAMPLE, MENDED,
    recognise,
)  # fmt: skip
