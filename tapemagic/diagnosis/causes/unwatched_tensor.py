"""A tensor or constant that no tape watched."""

from __future__ import annotations

from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.edits import Edits
from tapemagic.diagnosis.repairs.rewriter import mechanical
from tapemagic.diagnosis.repairs.watching import watch_source
from tapemagic.diagnosis.repairs.whole import with_the_way

TEXT = """
A tape watches trainable variables by itself, and nothing else. For a constant, an input batch or any
other plain tensor call `tape.watch(x)` at the start of the block. Each tape needs a watch of its own:
of two nested tapes, the outer one does not see what the inner one watches.
"""
EXAMPLE = """import tensorflow as tf

x = tf.constant(2.0)
with tf.GradientTape() as tape:
    y = x * x
grad = tape.gradient(y, x)
"""
MENDED = EXAMPLE.replace("    y = ", "    tape.watch(x)\n    y = ")


def recognise(case: Case) -> Found | None:
    """The first step from the source, a plain tensor, was untracked: it was never watched."""
    if case.untracked_target:
        return _by_itself(case)
    if case.earlier:
        return None
    cut, op, tracking = case.cut, case.op, case.view.tracking
    if cut is None or op is None or tracking is None or case.fault != "untracked":
        return None
    if cut.source in tracking.watches or cut.source in tracking.lost or not case.at_source:
        return None
    facts = case.view.trace.tensors.get(cut.source)
    if facts is None or facts.kind == "variable":
        return None
    maker = case.view.graph.maker.get(cut.source)
    if maker is not None and tracking.recording_at(maker) and not tracking.recording_at(op.index):
        return None
    at = case.with_statement()
    tape = case.view.tape
    if tape is not None and tape.ours:
        return Found(
            op.at,
            f"`{case.name}` is a plain tensor, and the tape that %%tape opened around the cell did "
            "not watch it: a tape watches only trainable variables by itself.",
            f"Name it to be watched: %%tape --watch {case.name}",
        )
    return Found(
        at,
        f"`{case.name}` is a plain tensor, and `{case.tape_name}` (opened on {case.line(at)}) never "
        "watched it: a tape watches only trainable variables by itself.",
        f"Call {case.tape_name}.watch({case.name}) at the start of the block.",
        _fixed(case),
    )


def _by_itself(case: Case) -> Found | None:
    """A Jacobian of a tensor by itself: even that is taken through ops on the tape."""
    view, tensor, at = case.view, case.source.tensor, case.with_statement()
    tracking = view.tracking
    facts = view.trace.tensors.get(tensor) if tensor is not None else None
    if facts is None or facts.kind == "variable" or tracking is None or facts.id in tracking.lost:
        return None
    name, tape = case.name, case.tape_name
    maker = view.graph.maker.get(facts.id)
    begin = tracking.spans[0][0] if tracking.spans else view.query.op
    if maker is None or maker < begin:
        fix = f"Call {tape}.watch({name}) at the start of the block."
    elif tracking.recording_at(maker):
        fix = f"Call {tape}.watch({name}) inside the block, once `{name}` is made."
    elif maker < tracking.spans[-1][1]:
        return None  # recording was stopped
    else:
        return Found(
            at,
            f"{_EVEN_ITSELF.format(name)} `{name}` was made after the block of `{tape}` (opened on "
            f"{case.line(at)}).",
            f"Compute `{name}` inside the `with` block, and call {tape}.watch({name}) there.",
        )
    return Found(
        at,
        f"{_EVEN_ITSELF.format(name)} `{tape}` (opened on {case.line(at)}) never watched `{name}`, and "
        "recorded no op that made it of something it tracks.",
        fix,
        _fixed(case),
    )


_EVEN_ITSELF = "A Jacobian comes back only for what the tape tracks, also that of `{}` by itself:"


@mechanical
def _fixed(case: Case) -> str | None:
    def watched() -> str | None:
        edits = Edits(case.here)
        watch_source(case, edits)
        return edits.source()

    return with_the_way(case, watched)


CAUSE = Cause(
    "unwatched-tensor", "A tensor that no tape watched", "warning", TEXT, EXAMPLE, MENDED, recognise
)
