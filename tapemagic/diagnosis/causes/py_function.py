"""It went through ``tf.numpy_function``, or a ``tf.py_function`` that left TensorFlow."""

from __future__ import annotations

from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.causes.zero_gradient import killer
from tapemagic.diagnosis.edits import calls_in, dotted
from tapemagic.diagnosis.repairs.pybody import called_directly, with_tensors

TEXT = """
`tf.numpy_function` runs NumPy code, which has no gradient: the result is `None`. A `tf.py_function`
keeps gradients as long as its body uses TensorFlow ops; with a NumPy body it gives a zero that
stands for nothing.
"""
EXAMPLE = """import numpy as np
import tensorflow as tf

x = tf.Variable([1.0, 2.0])
with tf.GradientTape() as tape:
    y = tf.reduce_sum(tf.numpy_function(np.square, [x], tf.float32))
grad = tape.gradient(y, x)
"""
MENDED = EXAMPLE.replace(
    "tf.numpy_function(np.square, [x], tf.float32)", "tf.py_function(tf.square, [x], tf.float32)"
)


def recognise(case: Case) -> Found | None:
    """The cut is a py_function, or the value left inside tf.numpy_function."""
    found = case.culprit
    if found is not None and found.op.type in ("EagerPyFunc", "PyFunc", "PyFuncStateless"):
        return _said(case, found.op.at, found.op.type == "EagerPyFunc")
    if case.status == "zero":
        op = killer(case)
        if op is not None and op.type == "EagerPyFunc":
            return _said(case, op.at, True)
    raised = _raised(case)
    if raised is not None:
        return raised
    way = case.way
    if way is None:
        return None
    for edge in way.edges:
        mark = case.view.trace.marks.get(edge.mark) if edge.mark is not None else None
        if mark is not None and mark.what.split("(")[0].endswith("numpy_function"):
            said = _said(case, mark.at, False)
            if not mark.certain:  # the function reads it by itself: no argument brought it
                said.fix = "Call the function itself, and let it return tensors instead of arrays."
                said.fixed_source = called_directly(case, mark)
            return said
    return None


def _raised(case: Case) -> Found | None:
    """The backward pass broke on the scalar zero that a NumPy body hands back as its gradient."""
    query, ops = case.view.query, case.view.trace.ops
    if query.error is None or query.failed is None:
        return None
    reached = set(ops[query.failed].outputs)
    for op in ops[query.failed + 1 : query.op]:
        if not reached.isdisjoint(op.inputs):
            if op.type == "EagerPyFunc":
                found = _said(case, op.at, True)
                found.message = (
                    f"The way back from `{case.target}` goes through tf.py_function "
                    f"(`{case.written(op.at)}` on {case.line(op.at)}), whose body computes with "
                    "NumPy: it handed a scalar zero back instead of a gradient, and the backward "
                    f"pass of {ops[query.failed].type} raised {query.error[0]} on it."
                )
                return found
            if op.type in ("Identity", "Reshape", "Cast", "EnsureShape"):
                reached.update(op.outputs)
    return None


def _said(case: Case, at, eager: bool) -> Found:  # type: ignore[no-untyped-def]
    written = case.written(at)
    name = "tf.py_function" if eager else "tf.numpy_function"
    return Found(
        at,
        f"The way from `{case.name}` to `{case.target}` goes through {name} "
        f"(`{written}` on {case.line(at)}), whose body computes with NumPy: no gradient passes it.",
        "Write the body with TensorFlow ops (then tf.py_function keeps the gradient), or give it "
        "a rule with tf.custom_gradient.",
        with_tensors(case, at),
    )


def is_numpy_function(case: Case, at) -> bool:  # type: ignore[no-untyped-def]
    """Whether a site is a call of tf.numpy_function."""
    if at is None or at.expr is None:
        return False
    text = case.text(at)
    return text is not None and bool(
        calls_in(text, at.expr, lambda c: dotted(c.func).endswith("numpy_function"))
    )


CAUSE = Cause(
    "py-function", "It went through a Python function without gradient", "warning",
    TEXT, EXAMPLE, MENDED, recognise,
)  # fmt: skip
