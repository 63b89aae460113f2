"""Asked about a copy, slice, value or symbolic tensor, not the object that was used."""

from __future__ import annotations

import ast
from collections import Counter

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import FAR, Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.edits import Edits
from tapemagic.diagnosis.elsewhere import listed_early, listed_late, original, with_the_tensor
from tapemagic.diagnosis.latebound import late_bound
from tapemagic.diagnosis.repairs.asking import (
    about_object,
    about_the_parts,
    about_the_used,
    about_the_variables,
    as_tensor,
)
from tapemagic.diagnosis.repairs.onecall import one_call
from tapemagic.diagnosis.repairs.outputs import two_outputs
from tapemagic.traces.model import Site

TEXT = """
A tape knows tensors by identity. `x[:, 0:1]`, `tf.identity(x)` or `variable.value()` make a new
tensor each time; a clone of a model has variables of its own; `layer.output` of a Keras model is
symbolic and never holds a value. Asking about one of these asks about an object that took no part
in the target, however equal its values are.
"""
EXAMPLE = """import tensorflow as tf

x = tf.Variable([1.0, 2.0, 3.0])
with tf.GradientTape() as tape:
    y = tf.reduce_sum(x * x)
grad = tape.gradient(y, x[0:2])
"""
MENDED = EXAMPLE.replace("tape.gradient(y, x[0:2])", "tape.gradient(y, x)[0:2]")


def recognise(case: Case) -> Found | None:
    """The source is no ancestor of the target, but something it was made from is."""
    source, view = case.source, case.view
    if source.type.startswith("KerasTensor") or ("Keras" in source.type and source.tensor is None):
        return _symbolic(case)
    if source.type == "SymbolicTensor" and view.query.graph is None and source.tensor is not None:
        return _of_a_graph(case, source.tensor)
    if view.query.error is not None and view.query.error[0] != "ValueError":
        if source.tensor is None and all(a.tensor is not None for a in view.query.targets):
            return _not_a_tensor(case)
        return None
    if source.tensor is None or (not case.followed and late_bound(case) is not None):
        return None
    if not case.followed:
        found = _original(case) or _older_list(case)
        if found is not None:
            return found
    price = view.price(source.tensor)
    if source.kind == "variable":
        return _twin(case, price) or _copied(case, price)
    if price < FAR:
        return None
    shared = _shared_ancestor(case)
    if shared is None:
        return None
    inner = case.made_at(source.tensor)
    at = _made_for(case, source.tensor) or view.query.at
    written = case.written(at)
    by = f" (in `{case.written(inner)}` on {case.line(inner)})" if inner != at and inner else ""
    same = at is not None and view.query.at is not None and at.line == view.query.at.line
    if not same and written and not _only_copied(case, shared):
        return _beside(case, shared, at)
    parts = about_the_parts(case)
    advice = (
        "Ask about the variables it is made of, and do the same to their gradients"
        if parts is not None
        else f"Ask about {case.call_it(shared)} and slice the gradient"
    )
    return Found(
        at,
        f"`{case.name}` is a tensor of its own, made by `{written}` on {case.line(at)}{by}; "
        f"`{case.target}` was computed from {case.call_it(shared)}, not from it."
        if written and not same
        else f"`{case.name}` makes a new, different tensor (a slice or copy) at the question itself; "
        f"`{case.target}` was computed from {case.call_it(shared)}.",
        f"{advice}; or make `{case.name}` first, watch it, and compute the target from it.",
        about_the_used(case, shared) or parts,
        lines=(inner.line,) if by and inner is not None and inner.here else (),
    )


def _original(case: Case) -> Found | None:
    """A tensor was made from an array, and the target from the array."""
    found = original(case)
    if found is None:
        return None
    array = found.name.id
    return Found(
        found.used,
        f"`{case.name}` is a tensor of its own, made from `{array}` on {case.line(found.made)}; "
        f"`{case.written(found.used)}` on {case.line(found.used)} was given `{array}` itself, so "
        f"`{case.target}` does not depend on `{case.name}`.",
        f"Compute the target from `{case.name}`, in the place of `{array}`.",
        with_the_tensor(case, found),
    )


def _older_list(case: Case) -> Found | None:
    """A variable of a list that was taken before the object got other ones."""
    found = listed_early(case)
    if found is None:
        return None
    return Found(
        found.at,
        f"`{case.name}` was not used for `{case.target}`: the list was taken from "
        f"`{case.written(found.at)}` on {case.line(found.at)}, and `{case.written(found.newer)}` on "
        f"{case.line(found.newer)} made new variables after that, which are used instead.",
        f"Take the list from `{found.owner}` after it is complete.",
        listed_late(case, found),
    )


def _made_for(case: Case, tensor: int) -> Site | None:
    """The statement that made a tensor, where the question was asked if it was made there."""
    maker = case.view.graph.maker.get(tensor)
    if maker is None:
        return case.made_at(tensor)
    return case.statement_in_frame(case.view.trace.ops[maker], case.view.query.at)


_COPYING = frozenset(
    [
        "Identity", "IdentityN", "ReadVariableOp", "captured_value", "Cast", "StridedSlice", "Slice",
        "Reshape", "ExpandDims", "Squeeze", "Transpose", "GatherV2", "ResourceGather", "Pack",
        "Unpack", "Split", "SplitV", "ConcatV2",
    ]
)  # fmt: skip


def _only_copied(case: Case, shared: int) -> bool:
    """Whether the source holds values of what was used, in another object or form."""
    node, seen = case.source.tensor, 0
    while node is not None and node != shared and seen < 64:
        seen += 1
        maker = case.view.graph.maker.get(node)
        op = case.view.trace.ops[maker] if maker is not None else None
        if op is None or op.type not in _COPYING or op.scope:
            return False
        node = next((t for t in op.inputs if case.view.is_float(t)), None)
    return node == shared


def _beside(case: Case, shared: int, at: Site | None) -> Found:
    """Something that was computed from the same as the target was, and not used for it."""
    maker = case.view.graph.maker.get(case.source.tensor if case.source.tensor is not None else -1)
    layers = maker is not None and bool(case.view.trace.ops[maker].scope)
    model = (
        " Of a model made from an Input, keras.Model(inputs, [layer.output, model.output]) gives "
        "both from one call."
        if layers
        else ""
    )
    return Found(
        at,
        f"`{case.name}`, made by `{case.written(at)}` on {case.line(at)}, was not used for "
        f"`{case.target}`: both were computed from {case.call_it(shared)}, in two separate "
        "computations.",
        f"Compute `{case.target}` from `{case.name}`"
        + (f", with the rest of the layers.{model}" if layers else "."),
        one_call(case, at) if layers else None,
    )


def _copied(case: Case, price: float) -> Found | None:
    """A variable that was made as a copy of what was used."""
    view, source = case.view, case.source
    if source.tensor is None or price < FAR:
        return None
    writes = view.graph.writes.get(source.tensor, ())
    if not writes or not view.graph.is_first_write(source.tensor, writes[0]):
        return None
    first = view.trace.ops[writes[0]]
    shared = _shared_ancestor(case, [t for t in first.inputs if t != source.tensor])
    if shared is None:
        return None
    at = view.trace.ops[view.graph.created[source.tensor]].at or first.at
    return Found(
        at,
        f"`{case.name}` is a variable of its own, made on {case.line(at)} as a copy of the value of "
        f"{case.call_it(shared)}; `{case.target}` was computed from {case.call_it(shared)}, not "
        "from the copy.",
        f"Ask about {case.call_it(shared)}, or compute the target from `{case.name}`.",
        about_the_used(case, shared),
    )


def _shared_ancestor(case: Case, begin: list[int] | None = None) -> int | None:
    """The nearest tensor that both the source and the target were made from."""
    view = case.view
    todo: list[int | None] = list(begin) if begin is not None else [case.source.tensor]
    for first in begin or ():
        if view.price(first) < FAR:
            return first
    seen: set[int] = set()
    while todo:
        node = todo.pop(0)
        if node is None or node in seen or len(seen) > 2000:
            continue
        seen.add(node)
        for edge in view.graph.incoming(node, 0, len(view.trace.ops)):
            if edge.kind == "op" and view.is_float(edge.source):
                if view.price(edge.source) < FAR:
                    return edge.source
                todo.append(edge.source)
    return None


def _twin(case: Case, price: float) -> Found | None:
    """A variable that takes no part, beside unasked ones of the same shapes that do."""
    view, query, tracking = case.view, case.view.query, case.view.tracking
    if tracking is None or query.method not in ("gradient", "jacobian", "batch_jacobian"):
        return None
    asked = {a.tensor for a in query.sources}
    facts = view.trace.tensors
    arrived = view.observed()
    if asked & arrived:
        return None
    joined = [
        t for t in tracking.tracked
        if t in arrived and t not in asked and facts[t].kind == "variable"
    ]  # fmt: skip
    if len(query.sources) < 2:
        return None
    if price >= FAR and any(
        query_tape_read(case, a.tensor) for a in query.sources if a.tensor is not None
    ):
        return None  # it took part and was dropped: that is another story
    kinds = Counter((facts[t].dtype, facts[t].shape) for t in joined)
    mine = Counter((a.dtype, a.shape) for a in query.sources if a.kind == "variable")
    if not mine or len(mine) < min(2, len(query.sources)) or mine - kinds:
        return None
    if price < FAR and not _only_stopped(case):
        return None
    others = [case.call_it(t) for t in joined[:2]]
    memo = case.view.memo
    if "called" not in memo:  # the same for all sources of the question
        memo["called"] = _called(case, joined)
    model = memo["called"]
    used = f"the variables of `{model}`" if model else ", ".join(others)
    anew = _made_anew(case, joined)
    if anew is not None:
        return Found(
            anew,
            f"`{case.written(anew)}` on {case.line(anew)} makes new variables under the tape, in every "
            f"call, and `{case.target}` was computed from those; `{case.name}` takes no part in it.",
            "Use the object that was made once instead of making another one there.",
        )
    return Found(
        query.at,
        f"`{case.name}` belongs to another set of variables than the one that made "
        f"`{case.target}`: the target depends on {used}, which have the same shapes "
        "and were not asked about; the asked ones "
        + ("are not used for it." if price >= FAR else "carry no gradient to it."),
        f"Ask about the variables that were used ("
        f"{f'`{model}.trainable_variables`' if model else f'{others[0]}, ..'}), or compute the target "
        "with the object whose variables you ask about.",
        _renamed(case, joined) or (about_object(case, model) if model else None),
    )


def _called(case: Case, joined: list[int]) -> str | None:
    """The object whose call read the variables that were used, as the person wrote it."""
    view, left, names = case.view, set(joined), set()
    for op in view.trace.ops[: view.query.op]:
        if op.type not in ("ReadVariableOp", "ResourceGather") or left.isdisjoint(op.inputs):
            continue
        calls = [case.node(site) for site in (op.at, *op.via)]
        funcs = [
            n.func for n in calls
            if isinstance(n, ast.Call) and isinstance(n.func, (ast.Name, ast.Attribute))
        ]  # fmt: skip
        if not op.scope or not funcs:
            return None
        names.add(ast.unparse(funcs[0]))
        left -= set(op.inputs)
    return names.pop() if len(names) == 1 and not left else None


def _made_anew(case: Case, joined: list[int]) -> Site | None:
    """Where the variables that were used were made, if that was while the tape recorded."""
    tracking = case.view.tracking
    made = [case.view.graph.created.get(t) for t in joined]
    if tracking is None or not made or any(m is None or m < tracking.begin for m in made):
        return None
    return case.made_at(joined[0])


def query_tape_read(case: Case, tensor: int) -> bool:
    """Whether the tape recorded an op that read a variable."""
    tracking = case.view.tracking
    return tracking is not None and tensor in tracking.tracked


def _only_stopped(case: Case) -> bool:
    """Whether the only way from here is cut by a deliberate stop_gradient."""
    way = case.view.way(case.source.tensor) if case.source.tensor is not None else None
    if way is None or way.cut is None:
        return False
    edge = way.edges[way.cut]
    return edge.op is not None and case.view.trace.ops[edge.op].type == "StopGradient"


def _renamed(case: Case, joined: list[int]) -> str | None:
    """Ask about the other object, where one name in the question tells the two apart."""
    at = case.view.query.at
    node = case.node(at)
    if at is None or not at.here or not isinstance(node, ast.Call) or len(node.args) < 2:
        return None
    root = node.args[1]
    while isinstance(root, (ast.Attribute, ast.Subscript)):
        root = root.value
    if not isinstance(root, ast.Name):
        return None
    labels = {case.view.trace.tensors[t].op for t in joined}
    sites = {
        case.view.trace.ops[i].at for i in labels if i is not None
    }  # fmt: skip
    names = set()
    for site in sites:
        near = site is not None and site.here and site.function == at.function
        statement = case.here.statement_at(site.line) if near and site is not None else None
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            names.add(statement.targets[0].id)
    if len(names) != 1:
        return None
    return Edits(case.here).replace(span(root), names.pop()).source()


def _symbolic(case: Case) -> Found:
    at: Site | None = case.view.query.at
    return Found(
        at,
        f"`{case.name}` is a symbolic Keras tensor (KerasTensor): it describes the layer's output "
        "and never holds a value, so no tape can watch or differentiate it.",
        "Build a model with two outputs, keras.Model(inputs, [layer.output, model.output]), call "
        "it under the tape, and ask about the tensor that it returns.",
        two_outputs(case),
    )


def _of_a_graph(case: Case, tensor: int) -> Found:
    """A tensor that a traced function left behind, asked about where values are computed."""
    view, at = case.view, case.made_at(tensor)
    maker = view.graph.maker.get(tensor)
    graph = view.trace.ops[maker].graph if maker is not None else None
    function = f" of `{graph.split('#')[0]}`" if graph is not None else " of a tf.function"
    return Found(
        at or view.query.at,
        f"`{case.name}` is a tensor of the traced graph{function}"
        + (f" ({case.line(at)})" if at is not None else "")
        + ", not the value of this run: it holds no value outside of that graph.",
        f"Return it from the function, compute `{case.target}` from what the call returns, and ask "
        "about that.",
    )


def _not_a_tensor(case: Case) -> Found:
    if case.source.owner:
        return Found(
            case.view.query.at,
            f"The source `{case.name}` is a {case.source.type}, an object that holds variables, and "
            "no tensor or variable itself.",
            f"Ask about the variables inside it: `{case.name}.trainable_variables`.",
            about_the_variables(case),
        )
    mark = case.view.trace.marks.get(case.source.mark) if case.source.mark is not None else None
    left = f" It left TensorFlow in `{mark.what}` on {case.line(mark.at)}." if mark else ""
    return Found(
        mark.at if mark is not None else case.view.query.at,
        f"The source `{case.name}` is a {case.source.type}, not a tensor or variable: a tape can "
        f"only be asked about the object that was used.{left}",
        "Ask about the variables themselves (model.trainable_variables), not about arrays of them."
        if mark is not None and "get_weights" in mark.what
        else "Ask about the tensor or variable itself, not about a value of it.",
        as_tensor(case),
    )


CAUSE = Cause(
    "different-object", "Asked about another object than the one that was used", "warning",
    TEXT, EXAMPLE, MENDED, recognise,
)  # fmt: skip
