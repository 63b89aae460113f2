"""The op has no derivative by registration: argmax, round, floor, comparisons, sampling."""

from __future__ import annotations

from tapemagic.diagnosis.case import Case, Found
from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.repairs.soft import softened
from tapemagic.diagnosis.repairs.streams import as_list
from tapemagic.diagnosis.repairs.targets import values_instead
from tapemagic.diagnosis.sizes import size_at_cut
from tapemagic.traces.model import Mark, Site

TEXT = """
Rounding, comparing, counting, sorting into ranks and taking an argmax are steps: their derivative
is zero almost everywhere and undefined elsewhere, and TensorFlow answers "none". A smooth stand-in
(sigmoid for a threshold, softmax for an argmax) or a straight-through estimator has a gradient.
"""
EXAMPLE = """import tensorflow as tf

x = tf.Variable([0.4, 1.6])
with tf.GradientTape() as tape:
    y = tf.reduce_sum(tf.round(x) * 2.0)
grad = tape.gradient(y, x)
"""
MENDED = EXAMPLE.replace("tf.round(x)", "(x + tf.stop_gradient(tf.round(x) - x))")
ROUNDING = {"Round": "round", "Floor": "floor", "Ceil": "ceil", "Rint": "rint"}
COMPARISONS = frozenset(
    [
        "Greater",
        "GreaterEqual",
        "Less",
        "LessEqual",
        "Equal",
        "NotEqual",
        "ApproximateEqual",
        "LogicalAnd",
        "LogicalOr",
    ]
)
STEPS = frozenset([*ROUNDING, *COMPARISONS, "ArgMax", "ArgMin", "Where", "Sign"])
INSTEAD = {
    "ArgMax": "the values (tf.reduce_max) or a softmax instead of the argmax",
    "ArgMin": "the values (tf.reduce_min) or a softmax of the negative instead of the argmin",
    "RandomShuffle": "shuffled indices and tf.gather, which has a gradient, instead of tf.random.shuffle",
    "TopKV2": "the values of top_k instead of its indices",
    "HistogramFixedWidth": "a soft histogram (a sum of smooth bumps) instead of integer counts",
    "Bincount": "a soft count instead of integer counts",
    "DenseBincount": "a soft count instead of integer counts",
    "HSVToRGB": "the formula in RGB instead, where it has a gradient (for the saturation, a mix of the "
    "image and tf.image.rgb_to_grayscale of it)",
    "Range": "a fixed number of points and scale them: T * tf.linspace(0.0, 1.0, n)",
    "LinSpace": "a fixed number of points and scale them: T * tf.linspace(0.0, 1.0, n)",
    "Bitcast": "the formula itself (such as tf.math.rsqrt) instead of the bits of a number, or "
    "tf.cast between floats",
    "AudioSpectrogram": "tf.signal.stft, which has a gradient",
    "CTCGreedyDecoder": "tf.nn.ctc_loss on the logits instead of the decoded labels",
    "CTCBeamSearchDecoder": "tf.nn.ctc_loss on the logits instead of the decoded labels",
    "EditDistance": "tf.nn.ctc_loss, or a cross-entropy, instead of the edit distance",
    "QuantizeV2": "tf.quantization.fake_quant_with_min_max_vars, which has a gradient",
    "Where": "the values themselves with a soft weight instead of the positions at which they are",
}
FAMILIES = (
    (
        ("Serialize", "Parse", "Encode", "Decode", "String", "AsString", "Print", "Regex"),
        "Hand the tensor itself on instead of a string or bytes made of it: those have no gradient.",
    ),
    (
        ("Bitwise", "RightShift", "LeftShift", "Invert", "PopulationCount"),
        "Compute with the float values instead of their bits.",
    ),
    (
        ("InTopK",),
        "Use a loss of the logits (a cross-entropy) instead of counting hits.",
    ),
    (
        ("NonMaxSuppression", "CombinedNonMaxSuppression"),
        "Gather the boxes and scores with the indices that it gives: only the choice has no gradient.",
    ),
    (
        ("UpperBound", "LowerBound", "SearchSorted", "Bucketize", "Digitize"),
        "Use a soft count, a sum of tf.sigmoid(k * (value - edge)), instead of the number of a bin.",
    ),
    (
        ("LookupTable", "HashTable", "MutableHashTable"),
        "Keep what is learned in a tf.Variable and look it up with tf.gather.",
    ),
    (
        ("RandomUniform", "RandomStandardNormal", "StatelessRandom", "RandomNormal"),
        "Draw fixed noise and compute with it: mu + sigma * noise (the reparameterisation).",
    ),
    (
        ("IsNan", "IsInf", "IsFinite", "Any", "All", "LogicalNot", "LogicalXor"),
        "Use a soft condition such as tf.sigmoid(k * x) where its result is computed with.",
    ),
)  # fmt: skip
"""Advice by how the types of a family begin."""


def recognise(case: Case) -> Found | None:
    """The op at the cut has no gradient for its only floating point input."""
    found = case.culprit
    target = _integer_target(case)
    if target is not None:
        return target
    size = size_at_cut(case)
    if size is not None:
        return _size(case, size)
    if found is None or case.fault not in ("no-gradient", "unrecorded", "untracked"):
        return None
    op = found.op
    if op.rule is not None and found.function is None:
        return None
    if case.fault != "no-gradient" and not _to_integer(found):
        return None
    if not found.is_float(op.inputs[found.position]) and not _to_integer(found):
        return None
    answer = found.answer
    floats = [i for i, t in enumerate(op.inputs) if found.is_float(t)]
    if case.fault == "no-gradient" and isinstance(answer, tuple) and any(answer):
        if len(floats) > 1:
            return None  # a gradient exists, for another input
    at = op.at
    where = f"`{case.written(at)}` on {case.line(at)}"
    partly = _only_integers(found)
    if at is None and found.function is not None and found.function.at is not None:
        at = found.function.at
        where = (
            f"The function that `{case.written(at)}` on {case.line(at)} calls has no Python lines (it "
            "was loaded, as a SavedModel is). It"
        )
    return Found(
        at,
        f"{where} runs {op.type}, "
        + (
            "whose indices have no gradient; only its values have one"
            if partly
            else "which has no gradient"
        )
        + (": its result only steps." if op.type in ROUNDING else ".")
        + (" A comparison (threshold) gives a yes or no." if op.type in COMPARISONS else ""),
        _advice(op.type, steps=_to_integer(found)) + _further(case, at),
        softened(case) or as_list(case, op.at),
    )


def _further(case: Case, at: Site | None) -> str:
    """The next step of the way that only steps as well: it has to change too."""
    way = case.way
    if way is None or way.cut is None or case.cut is None or case.cut.kind != "op":
        return ""
    for edge, fault in zip(way.edges[way.cut + 1 :], way.faults[way.cut + 1 :], strict=True):
        trace = case.view.trace
        op = trace.ops[edge.op] if edge.kind == "op" and edge.op is not None else None
        if fault == "leave" and edge.mark is not None:
            where = trace.marks[edge.mark].at
        elif op is not None and op.type in STEPS and op.at != at:
            where = op.at
        else:
            continue
        if where is not None and where != at:
            what = "the comparison " if op is not None and op.type in COMPARISONS else ""
            return f" After it, {what}`{case.written(where)}` on {case.line(where)} cuts the way as well."
    return ""


def _size(case: Case, size: Mark) -> Found:
    """How many elements there are was asked for."""
    value = case.call_it(case.cut.source) if case.cut is not None else f"`{case.name}`"
    return Found(
        size.at,
        f"`{case.written(size.at)}` on {case.line(size.at)} is the size of {value}. How many elements a "
        "tensor has is a count: it only steps, and has no gradient.",
        "Count softly: sum a smooth function of the values, such as tf.sigmoid(sharpness * (x - "
        "threshold)), instead of counting those that were picked out.",
    )


def _to_integer(found) -> bool:  # type: ignore[no-untyped-def]
    outputs = found.op.outputs
    return bool(outputs) and not any(found.is_float(t) for t in outputs) and found.op.type != "Cast"


def _only_integers(found) -> bool:  # type: ignore[no-untyped-def]
    """Whether the way goes through the integer result of an op that has a float result too."""
    floats = [found.is_float(t) for t in found.op.outputs]
    answer = found.answer
    own = isinstance(answer, tuple) and found.position < len(answer) and answer[found.position]
    return any(floats) and not all(floats) and bool(own)


def _advice(kind: str, *, steps: bool = True) -> str:
    if kind in ROUNDING or kind == "FloorDiv":
        return (
            "Use a straight-through estimator, x + tf.stop_gradient(round(x) - x), or leave the "
            "rounding out of the loss."
        )
    if kind in COMPARISONS:
        return (
            "Use a soft threshold such as tf.sigmoid(k * (x - threshold)) instead of the "
            "comparison (a soft dice, a soft count)."
        )
    if kind in INSTEAD:
        return f"Use {INSTEAD[kind]}."
    if "Multinomial" in kind or "Categorical" in kind:
        return (
            "Sample softly: tf.nn.softmax((logits + gumbel noise) / temperature), the Gumbel-softmax; "
            "or weight the log-probability of the sample (the score function)."
        )
    if kind.endswith("Dataset"):
        return (
            "Keep what is to be differentiated out of tf.data: slice or tf.split the tensor itself "
            "under the tape."
        )
    for begins, advice in FAMILIES:
        if kind.startswith(begins):
            return advice
    if steps:  # its result is whole numbers: a rank, a count, an index
        return "Use a smooth stand-in (a soft rank, softmax or sigmoid) for this step, or leave it out."
    return f"Use ops that have a gradient in place of {kind}, or leave it out of the loss."


def _integer_target(case: Case) -> Found | None:
    """The target itself is an op's integer output, such as the indices of top_k."""
    view = case.view
    if (
        view.query.error is not None
        or len(view.targets) != 1
        or case.status not in ("none", "zero")
    ):
        return None
    tensor = view.targets[0]
    facts = view.trace.tensors.get(tensor)
    maker = view.graph.maker.get(tensor)
    if facts is None or maker is None or view.is_float(tensor):
        return None
    op = view.trace.ops[maker]
    if op.type == "Cast" or not any(view.is_float(t) for t in op.inputs):
        return None
    name = case.target
    return Found(
        op.at,
        f"The target `{name}` is an integer output of {op.type} ({facts.dtype}, made by "
        f"`{case.written(op.at)}` on {case.line(op.at)}): indices and counts only step and have no "
        "gradient.",
        _advice(op.type),
        values_instead(case, op),
    )


CAUSE = Cause(
    "no-gradient-op", "The op has no derivative", "warning", TEXT, EXAMPLE, MENDED, recognise
)
