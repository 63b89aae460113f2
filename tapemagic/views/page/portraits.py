"""Gradients as pictures: one in each row of the table, and plots below it."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

from tapemagic.diagram.gradient.flow import ELEMENTWISE
from tapemagic.diagram.graph import READS, index
from tapemagic.views.page import charts
from tapemagic.views.page.tags import tag
from tapemagic.wording.escape import html_prose, one_line
from tapemagic.wording.numbers import number, shape

if TYPE_CHECKING:
    from tapemagic.report.model import Call, Report, Source
    from tapemagic.traces.model import Portrait

PLOTS = 4  # plots of one call
FEW = 2  # fewer elements are told by their numbers alone


def spark(source: Source) -> str:
    """Return the picture of a gradient for its row in the table, or nothing."""
    gradient = source.gradient
    if gradient is None or gradient.zero or source.status in ("none", "masked"):
        return ""
    name = one_line(source.name, 40)
    values = flat(gradient.value)
    if len(values) > FEW:
        return _image(charts.bars(values), f"the {len(values)} elements of the gradient of {name}")
    sample = floats(gradient.portrait.sample) if gradient.portrait is not None else []
    if len(sample) <= FEW:
        return ""
    said = f"how the elements of the gradient of {name} are spread: "
    said += f"{number(min(sample), 3)} to {number(max(sample), 3)}"
    return _image(charts.histogram(sample), said)


def _image(svg: str, alt: str) -> str:
    return charts.image(svg, alt, charts.WIDE, charts.HIGH)


def plots(report: Report, call: Call) -> str:
    """Return the plots of one call: a derivative over its source, a Jacobian as a heat map."""
    found: list[str] = []
    for source in call.sources:
        portrait = source.gradient.portrait if source.gradient is not None else None
        if portrait is None or len(found) >= PLOTS:
            continue
        if portrait.heat:
            found.append(_heat(call, source, portrait))
        elif portrait.axis and elementwise(report, call, source):
            found.append(_curve(call, source, portrait))
    return tag("div", "".join(found), "plots") if found else ""


def _curve(call: Call, source: Source, portrait: Portrait) -> str:
    target, name = one_line(call.targets[0].name, 24), one_line(source.name, 24)
    three = zip(*map(_plain, (portrait.axis, portrait.curve, portrait.sample)), strict=False)
    rows = sorted(row for row in three if all(map(math.isfinite, row)))
    if len(rows) < 4:
        return ""
    xs, ys, slopes = zip(*rows, strict=True)
    lines = [(target, ys), (f"d {target} / d {name}", slopes)]
    svg, width, height = charts.curves(xs, lines, name)
    alt = (
        f"{target}, and its derivative, over {name} from {number(xs[0], 3)} to {number(xs[-1], 3)}"
    )
    return tag("div", charts.image(svg, alt, width, height), "plot")


def _heat(call: Call, source: Source, portrait: Portrait) -> str:
    target, name = one_line(call.targets[0].name, 24), one_line(source.name, 24)
    svg, width, height = charts.heat(portrait.heat, target, name)
    size = f"{portrait.rows:,} by {portrait.columns:,}"
    alt = f"the Jacobian of {target} by {name}, {size}, as a heat map"
    said = f"{size}: a row for each element of `{target}`, a column for each of `{name}`."
    if call.method == "batch_jacobian":
        said += " The first example is shown."
    said += f" {structure(portrait, call, source)}"
    return tag("div", charts.image(svg, alt, width, height) + tag("p", html_prose(said)), "plot")


def structure(portrait: Portrait, call: Call, source: Source) -> str:
    """Say in words what the zeros of a Jacobian tell."""
    target = one_line(call.targets[0].name, 24)
    dims = call.targets[0].shape
    if portrait.structure == "blocks" and dims and dims[0] is not None:
        return (
            f"It is block-diagonal over the first axis: each of the {dims[0]} examples depends on"
            f" itself alone. `batch_jacobian` computes only those blocks, for {target} of shape"
            f" {shape(dims)} by {one_line(source.name, 24)} of shape {shape(source.shape)}."
        )
    if portrait.structure == "diagonal":
        return (
            "It is diagonal: each element depends on its own element alone, so `tape.gradient` gives"
            " the same numbers at a fraction of the work."
        )
    return ""


def elementwise(report: Report, call: Call, source: Source) -> bool:
    """Tell whether each element of the target was computed from its own element of the source."""
    target = call.targets[0].tensor if len(call.targets) == 1 else None
    if report.trace is None or target is None or source.tensor is None:
        return False
    graph = index(report.trace)
    start, end = graph.same(source.tensor), graph.same(target)
    above = graph.ancestors([end])
    reached = {start}
    for op in graph.ops:
        inputs = graph.inputs(op)
        if reached.isdisjoint(inputs) or above.isdisjoint(op.outputs) or op.type in READS:
            continue
        if op.type not in ELEMENTWISE:
            return False
        reached.update(op.outputs)
    return end in reached


def floats(data: bytes) -> list[float]:
    """Return the finite numbers of an array that was kept as bytes."""
    return [value for value in _plain(data) if math.isfinite(value)]


def _plain(data: bytes) -> tuple[float, ...]:
    return struct.unpack(f"={len(data) // 4}f", data)


def flat(value: Any) -> list[float]:
    """Return the finite numbers of a small value, in one row."""
    if isinstance(value, list):
        return [number for part in value for number in flat(part)]
    return [value] if isinstance(value, float) and math.isfinite(value) else []
