"""Higher order: the first derivative does not depend on the source."""

from __future__ import annotations

from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.repairs.asking import as_zeros

TEXT = """
The derivative of a linear function is a constant, and the derivative of a sum of separate parts
does not know the other parts. Asking for its derivative again gives `None`: mathematically zero,
and right.
"""
EXAMPLE = """import tensorflow as tf

x = tf.Variable(2.0)
with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        y = 3.0 * x + 1.0
    dy = inner.gradient(y, x)
d2y = outer.gradient(dy, x)
"""
MENDED = EXAMPLE.replace("3.0 * x + 1.0", "3.0 * x * x + 1.0")


def recognise(case: Case) -> Found | None:
    """The target is an inner gradient, taken under this tape, and no value of the source is in it."""
    view = case.view
    inner = inner_query(case)
    if inner is None or view.query.error is not None:
        return None
    if case.source.tensor is None or view.price(case.source.tensor) < 500:
        return None
    tracking = view.tracking
    if tracking is None or not tracking.recording_at(inner.op):
        return None
    at = None
    for argument in inner.targets:
        if argument.tensor is not None:
            maker = view.graph.maker.get(argument.tensor)
            # A target that is a derivative itself was not written down: then the question is.
            if maker is not None and view.trace.ops[maker].query is None:
                at = view.trace.ops[maker].at
    mine = [a for a, t in zip(inner.sources, inner.results, strict=False) if t in view.targets]
    inner_name = ", ".join(f"`{a.name}`" for a in (mine or inner.sources)[:2])
    derivative = next((t for t in inner.results if t is not None), None)
    what, came = f"`{case.target}`", ""
    if not mine and derivative is not None:
        what, came = case.call_it(derivative), f", of which `{case.target}` was made,"
    return Found(
        at or inner.at,
        f"{what}{came} is the derivative of {', '.join(f'`{a.name}`' for a in inner.targets)} "
        f"with respect to {inner_name}, and it does not depend on `{case.name}`: it is constant "
        "there, so the next derivative is zero and the tape says None.",
        "Nothing to mend if the function is linear or separable in it; use "
        'unconnected_gradients="zero" to get zeros.',
        as_zeros(case),
        level="info",
    )


def inner_query(case: Case):  # type: ignore[no-untyped-def]
    """The query whose result the target is, or was made from."""
    view = case.view
    results = {
        t: q for q in view.trace.queries[: view.query.index] for t in q.results if t is not None
    }
    for tensor in view.targets:
        if tensor in results:
            return results[tensor]
    nearest = [t for t in view.ancestors if t in results and view.price(t) < 100]
    return results[min(nearest, key=view.price)] if nearest else None


CAUSE = Cause(
    "constant-gradient", "The first derivative does not depend on the source", "info",
    TEXT, EXAMPLE, MENDED, recognise,
)  # fmt: skip
