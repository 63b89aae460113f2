"""The value went through NumPy or plain Python."""

from __future__ import annotations

from dataclasses import replace

from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.deciding import deciding
from tapemagic.diagnosis.repairs.detour import kept
from tapemagic.diagnosis.sizes import size_at_cut
from tapemagic.traces.flow import Edge, node_mark
from tapemagic.traces.model import Entry, Mark

TEXT = """
A tape hears TensorFlow ops only. `np.mean(t)`, `t.numpy()`, `float(t)` or `model.predict(x)` give
an array or a number; what comes of it enters the next op as a constant, and the tape can't know
where it came from. Logging or plotting such a value is harmless as long as it doesn't come back.
"""
EXAMPLE = """import numpy as np
import tensorflow as tf

x = tf.Variable([1.0, 2.0])
with tf.GradientTape() as tape:
    y = np.mean(x * x)
    z = tf.multiply(y, 3.0)
grad = tape.gradient(z, x)
"""
MENDED = EXAMPLE.replace("np.mean", "tf.reduce_mean")


def recognise(case: Case) -> Found | None:
    """The cut is a step from a tensor to a marked Python value."""
    if case.view.query.error is not None:
        return _target(case)
    if case.source.tensor is not None and not case.followed:
        return _decided(case)
    if case.way is None:
        return None
    if case.fault not in ("leave", "python", "enter") and not _in_leaving_call(case):
        return None
    marks = marks_of(case)
    if not marks or size_at_cut(case) is not None:
        return None
    back = next((e for e in case.way.edges if e.kind == "enter"), None)
    passed = marks
    marks = _converted(case, marks, back)
    first = marks[0]
    cut = case.cut
    value = case.call_it(cut.source) if cut is not None else f"`{case.name}`"
    if cut is not None and cut.kind == "leave" and cut.source not in first.tensors:
        value = f"What was computed from {value}"  # inside the call, as by a generator
    entered = case.entered(back) if back is not None else None
    came = f", and came back as a constant on {case.line(entered)}" if entered else ""
    sure = (back is None or back.certain) and all(m.certain for m in marks)
    taken = _argument(case, back) if back is not None else None
    if taken is not None:
        sure = True
        came = (
            f", and `{_short(case.written(taken.at))}` on {case.line(taken.at)} took it as a number"
        )
    return Found(
        first.at,
        f"{value} left TensorFlow in `{_short(first.what)}` on {case.line(first.at)}{came}: the "
        f"tape can't follow it through {_kind(first)}.",
        _advice(first) + (_of_holder(passed[0]) if passed[0].holds else "") + _also(case, marks),
        kept(case, marks) if taken is None and not passed[0].holds else None,
        certain=sure,
    )


def _in_leaving_call(case: Case) -> bool:
    """Whether a call outside the block ran the op that is cut, and gave a value outside TensorFlow.

    Inside the block it would cut the way as well, as model.get_weights() does.
    """
    if case.fault not in ("untracked", "unrecorded") or case.op is None or case.way is None:
        return False
    left = next((e.mark for e in case.way.edges if e.kind == "leave"), None)
    ops = case.view.trace.marks[left].ops if left is not None else None
    return ops is not None and ops[0] <= case.op.index < ops[1]


def _of_holder(mark: Mark) -> str:
    return f" Give it the tensor that the {mark.type} holds, not the object."


def _converted(case: Case, marks: list[Mark], back: Edge | None) -> list[Mark]:
    """The marks from where a value was taken out of the objects that only kept it."""
    left = next((n for n, mark in enumerate(marks) if not mark.holds), None)
    if left is not None:
        return marks[left:]
    at = case.entered(back) if back is not None else None
    if at is None:
        return marks
    return [replace(marks[-1], at=at, what=case.written(at))]


def _decided(case: Case) -> Found | None:
    """The value left TensorFlow and did not come back, but decided what was computed."""
    decision = deciding(case)
    if decision is None or decision.mark is None or not case.view.targets:
        return None
    mark = decision.mark
    return Found(
        mark.at,
        f"`{case.name}` left TensorFlow in `{_short(mark.what)}` on {case.line(mark.at)}, and only "
        f"decides, in `{_short(decision.what)}` on {case.line(decision.at)}, what is computed for "
        f"`{case.target}`: a choice carries no gradient.",
        "Weight the alternatives with a smooth function of it, such as tf.sigmoid or tf.nn.softmax, "
        "instead of choosing one.",
    )


def _also(case: Case, marks: list[Mark]) -> str:
    """The further steps outside TensorFlow, which have to change as well."""
    more = []
    for mark in marks[1:]:
        name = mark.what.split("(")[0]
        other = NUMPY.get(name.removeprefix("numpy.").removeprefix("np."))
        if other and name.startswith(("np.", "numpy.")):
            more.append(f"{name} on {case.line(mark.at)} with tf.{other}")
    return f" Replace {' and '.join(dict.fromkeys(more))} as well." if more else ""


def _target(case: Case) -> Found | None:
    argument = next((a for a in case.view.query.targets if a.tensor is None), None)
    if argument is None or argument.mark is None:
        return None
    trace = case.view.trace
    mark = trace.marks[argument.mark]
    chain = [mark]
    while mark.marks and not mark.tensors:
        mark = trace.marks[mark.marks[0]]
        chain.insert(0, mark)
    return Found(
        mark.at,
        f"The target `{argument.name}` is a {argument.type}, not a tensor: it left TensorFlow in "
        f"`{_short(mark.what)}` on {case.line(mark.at)}.",
        _advice(mark),
        kept(case, chain),
        level="error",
    )


def marks_of(case: Case) -> list[Mark]:
    """The marked values on the way, nearest to the source first."""
    trace = case.view.trace
    found: list[Mark] = []
    for edge in case.way.edges if case.way is not None else ():
        number = node_mark(edge.target)
        if number is not None:
            found.append(trace.marks[number])
        elif found and edge.kind == "op":
            break
    return found


def _argument(case: Case, back: Edge) -> Entry | None:
    """The entry by which a value was an argument of a call, as a size is, and no constant."""
    return next(
        (
            e for e in case.view.trace.entries
            if e.argument and e.tensor == back.target and back.mark in e.marks
        ),
        None,
    )  # fmt: skip


def _short(text: str) -> str:
    return text if len(text) < 60 else text[:59] + "…"


def _kind(mark: Mark) -> str:
    return "NumPy" if mark.type in ("ndarray", "float32", "float64") else f"a Python {mark.type}"


def _advice(mark: Mark) -> str:
    name = mark.what.split("(")[0]
    last = name.rsplit(".", 1)[-1]
    if last in ("predict", "predict_on_batch"):
        return f"Call the model itself, {name.rsplit('.', 1)[0]}(...), instead of {last}()."
    if last in ("train_on_batch", "test_on_batch", "evaluate", "fit"):
        return (
            f"{last}() runs by itself and returns numbers: call the model, "
            f"{name.rsplit('.', 1)[0]}(...), and a loss function under the tape."
        )
    if name.startswith(("np.random.", "numpy.random.")):
        return (
            "Draw the noise by itself and compute with tensors: mu + sigma * "
            "tf.random.normal(tf.shape(mu)), the reparameterisation."
        )
    if last == "numpy":
        return "Leave out .numpy() and go on with the tensor and TensorFlow ops."
    if name in ("float", "int"):
        return f"Leave out {name}() and go on with the tensor."
    if last in _FLOATS and name.startswith(("np.", "numpy.")):
        return f"Use tf.cast(.., tf.{last}) instead of {name}."
    if name in NUMPY or name.startswith(("np.", "numpy.")):
        other = NUMPY.get(name.removeprefix("numpy.").removeprefix("np."))
        if other:
            return f"Use tf.{other} instead of the NumPy function {name}."
    return "Compute this step with TensorFlow ops instead of NumPy or plain Python."


_FLOATS = ("float16", "float32", "float64")
NUMPY = {
    "mean": "reduce_mean", "sum": "reduce_sum", "max": "reduce_max", "min": "reduce_min",
    "amax": "reduce_max", "amin": "reduce_min", "prod": "reduce_prod", "std": "math.reduce_std",
    "var": "math.reduce_variance", "square": "square", "sqrt": "sqrt", "exp": "exp",
    "log": "math.log", "log1p": "math.log1p", "expm1": "math.expm1", "abs": "abs",
    "absolute": "abs", "tanh": "tanh", "sin": "sin", "cos": "cos", "tan": "tan",
    "maximum": "maximum", "minimum": "minimum", "clip": "clip_by_value", "power": "pow",
    "multiply": "multiply", "add": "add", "subtract": "subtract", "divide": "divide",
    "concatenate": "concat", "stack": "stack", "reshape": "reshape", "transpose": "transpose",
    "where": "where", "matmul": "matmul", "linalg.norm": "norm", "outer": "tensordot",
    "expand_dims": "expand_dims", "squeeze": "squeeze", "cumsum": "cumsum", "negative": "negative",
    "tile": "tile", "array": "stack", "asarray": "convert_to_tensor",
    "cosh": "cosh", "sinh": "sinh", "arctan": "atan", "sign": "sign", "einsum": "einsum",
    "float32": "identity", "ascontiguousarray": "identity", "copy": "identity",
}  # fmt: skip
"""NumPy functions and the TensorFlow functions that take the same leading arguments."""


CAUSE = Cause(
    "left-tensorflow", "The value went through NumPy or plain Python", "warning",
    TEXT, EXAMPLE, MENDED, recognise,
)  # fmt: skip
