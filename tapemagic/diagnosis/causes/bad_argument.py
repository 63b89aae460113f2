"""The call was given something that a tape can't take."""

from __future__ import annotations

import ast

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.edits import Edits
from tapemagic.diagnosis.plain import Plain, plain_number
from tapemagic.diagnosis.repairs.asking import without_none
from tapemagic.diagnosis.repairs.rewriter import Rewriter, mechanical
from tapemagic.diagnosis.repairs.targets import dependent

TEXT = """
A tape differentiates tensors. `None` (often a loss function without `return`), a NumPy array or a
float as the target, or an object that is no tensor as a source, raise an error that names an
attribute such as `_id` or `dtype` and not the reason.
"""
EXAMPLE = """import tensorflow as tf

w = tf.Variable([1.0, 2.0])

def loss_of(w):
    tf.reduce_sum(w * w)

with tf.GradientTape() as tape:
    loss = loss_of(w)
grad = tape.gradient(loss, w)
"""
MENDED = EXAMPLE.replace("    tf.reduce_sum", "    return tf.reduce_sum")


def recognise(case: Case) -> Found | None:
    """An error of a query one of whose arguments is no tensor."""
    query = case.view.query
    if query.error is None or query.error[0] == "LookupError":
        return None
    wrong = [a for a in query.targets if a.tensor is None]
    if wrong and wrong[0].mark is None:
        return _target(case, wrong[0].name, wrong[0].type)
    if not wrong and case.source.tensor is None and case.source.type == "NoneType":
        return _no_source(case)
    if not wrong and query.error[0] == "AttributeError" and "'list'" in query.error[1]:
        return _list(case)
    if not wrong and query.method == "batch_jacobian" and (found := _no_batch(case)) is not None:
        return found
    if not wrong and query.zero_for_none and "_type_enum" in query.error[1]:
        return _zeros(case)
    return None


def _no_source(case: Case) -> Found:
    """None among the sources, as the bias of a layer that was made without one."""
    name = case.name
    owner, _, last = name.rpartition(".")
    if not last.isidentifier():
        owner = ""  # no attribute: an item, or what a call gave
    reason = (
        f" (`{owner}` was made with use_bias=False, or never called)"
        if owner and "bias" in last
        else f" (`{owner}` has no {last} yet, or none at all)"
        if owner
        else ""
    )
    return Found(
        case.view.query.at,
        f"The source `{name}` is None{reason}: a tape can only be asked about tensors and variables.",
        f"Leave `{name}` out of the sources"
        + (", or make the layer with a bias." if "bias" in last else "."),
        without_none(case),
    )  # fmt: skip


def _zeros(case: Case) -> Found | None:
    """Zeros were asked for in place of None, which TensorFlow can't make for a Keras variable."""
    view = case.view
    arrives, _, unclear = view.predicted()
    facts = view.trace.tensors
    left = [
        a for a in view.query.sources
        if a.tensor is not None and a.tensor not in arrives | unclear
        and "/" in (facts[a.tensor].label or "")
    ]  # fmt: skip
    if not left:
        return None
    names = ", ".join(f"`{a.name}`" for a in left[:3]) + (", .." if len(left) > 3 else "")
    return Found(
        view.query.at,
        f"No gradient comes to {names} from `{case.target}`, and TensorFlow can't make the zeros "
        "that unconnected_gradients=ZERO asks for: the dtype of a Keras variable is a string to it.",
        "Ask about the variables inside, [v.value for v in variables]; or leave "
        "unconnected_gradients out, and the variables that are not used.",
        _values(case),
    )


@mechanical
def _values(case: Case) -> str | None:
    """``tape.gradient(loss, variables, ..)`` asked about ``[v.value for v in variables]``."""
    node = case.node(case.view.query.at)
    if not isinstance(node, ast.Call) or len(node.args) < 2:
        return None
    asked = node.args[1]
    if not isinstance(asked, (ast.Attribute, ast.Name)):
        return None
    rw = Rewriter(case.here)
    written = rw.inside(asked)
    names = {f"{written}[{number}]" for number in range(len(case.view.query.sources))}
    if names == {a.name for a in case.view.query.sources}:
        rw.put(asked, lambda: f"[v.value for v in {written}]")
    else:  # lists in a list, or a dict
        rw.put(asked, lambda: f"{rw.tf}.nest.map_structure(lambda v: v.value, {written})")
    return rw.source()


def _no_batch(case: Case) -> Found | None:
    """A batch Jacobian of something without the batch dimension."""
    query, target, source = case.view.query, case.view.query.targets[0], case.source
    lacking = [a for a in (target, source) if a.shape == ()]
    if not lacking:
        return None
    method = "gradient" if target.shape == () else "jacobian"
    return Found(
        query.at,
        "batch_jacobian takes a target and a source with the same batch dimension first; "
        f"`{lacking[0].name}` is a single number and has none.",
        f"Use {case.tape_name}.{method}"
        + (
            f", or ask about the outputs before they were made one number in `{target.name}`."
            if target.shape == ()
            else "."
        ),
        _by(case, method),
    )


def _by(case: Case, method: str) -> str | None:
    """The same question by another method."""
    node = case.node(case.view.query.at)
    at = case.view.query.at
    if at is None or not at.here or not isinstance(node, ast.Call) or node.keywords:
        return None
    if not isinstance(node.func, ast.Attribute) or node.func.attr != "batch_jacobian":
        return None
    line, column = span(node.func)[2:]
    place = (line, column - len(node.func.attr), line, column)
    return Edits(case.here).replace(place, method).source()


def _list(case: Case) -> Found | None:
    """A list where a Jacobian takes one tensor."""
    query = case.view.query
    if query.method == "gradient":
        return None
    takes = "one target and one source" if query.method == "batch_jacobian" else "one target"
    return Found(
        query.at,
        f"{case.tape_name}.{query.method} takes {takes}, each a tensor; it was given a list: "
        f"{case.written(query.at)}.",
        f"Call {query.method} once for each target"
        + (" and source" if query.method == "batch_jacobian" else "")
        + ", with a persistent tape.",
    )


def _target(case: Case, name: str, kind: str) -> Found:
    query = case.view.query
    if kind == "NoneType":
        function = _without_return(case, name)
        if function is not None:
            call_line, node, last = function
            place = span(last)
            text = case.here
            fixed = Edits(text).insert(last.lineno, last.col_offset, "return ").source()
            return Found(
                text.site(place, None, node.name),
                f"The target `{name}` is None: `{node.name}` ends on line {last.lineno} without a "
                f"return statement, so its call on line {call_line} gave None.",
                f"Return the value: put `return` in front of line {last.lineno}.",
                fixed,
            )
        return Found(
            _bound_at(case, name) or query.at,
            f"The target `{name}` is None, so there is nothing to differentiate.",
            "Check that the function that made it returns a tensor (a missing return gives None).",
        )
    plain = plain_number(case, name) if kind in ("float", "int") else None
    said = query.error[1] if query.error is not None else ""
    if plain is not None and repr(ast.literal_eval(plain.value)) in said:
        return _number(case, name, kind, plain)
    return Found(
        query.at,
        f"The target `{name}` is a {kind}, not a tensor.",
        "Compute the target with TensorFlow ops (no numpy, float() or .numpy()) and ask about that.",
    )


def _number(case: Case, name: str, kind: str, plain: Plain) -> Found:
    """A number that the code gave out where a tensor was wanted."""
    value, function = ast.unparse(plain.value), plain.function
    carrier = plain.carrier(case)
    if function is None:
        where = f"{case.line(plain.at)} gives it {value}, and nothing was added to it"
    else:
        where = (
            f"`{function.name}`, called on line {plain.called}, came to "
            f"`{case.written(plain.at)}` on {case.line(plain.at)}"
        )
    one = f"`{carrier}`" if carrier else "the model's output"
    zero = f"0.0 * tf.reduce_sum({carrier or 'output'})"
    return Found(
        plain.at,
        f"The target `{name}` is the {kind} {value}, not a tensor: {where}. (TensorFlow's "
        "message names it where it looked for a tensor's dtype.)",
        f"{'Return' if function else 'Begin with'} something that depends on {one}, such as {zero}, "
        "or ask for no gradient in this case. (tf.constant would be no help: its gradient is None.)",
        dependent(case, plain, carrier),
    )


def _bound_at(case: Case, name: str):  # type: ignore[no-untyped-def]
    tree = case.here.tree
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == name for t in node.targets
        ):
            return case.here.site(None, node.lineno)
    return None


def _without_return(case: Case, name: str) -> tuple[int, ast.FunctionDef, ast.Expr] | None:
    """The function of the cell whose call was bound to ``name`` and that never returns a value."""
    tree = case.here.tree
    if tree is None:
        return None
    functions = {n.name: n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        if not any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            continue
        func = node.value.func
        called = func.id if isinstance(func, ast.Name) else getattr(func, "attr", "")
        made = functions.get(called)
        if made is None:
            continue
        returns = [n for n in ast.walk(made) if isinstance(n, ast.Return) and n.value is not None]
        if not returns and isinstance(made.body[-1], ast.Expr):
            return node.lineno, made, made.body[-1]
    return None


CAUSE = Cause(
    "bad-argument", "The call was given something that a tape can't differentiate", "error",
    TEXT, EXAMPLE, MENDED, recognise,
)  # fmt: skip
