"""What there is to know of one box, as rows of a word and a text: for whoever asks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tapemagic.diagram.gradient.flow import local_derivative
from tapemagic.diagram.nodes import labels
from tapemagic.wording import numbers, words
from tapemagic.wording.escape import one_line

if TYPE_CHECKING:
    from tapemagic.diagram.gradient.flow import Flow
    from tapemagic.diagram.sketch import Sketch
    from tapemagic.traces.model import Op, Site, Tensor

LONG = 90  # letters of a value that are told
GIVEN = 4  # inputs whose gradient is told

Rows = tuple[tuple[str, str], ...]


def op_rows(sketch: Sketch, op: Op) -> Rows:
    """Return the facts of an op: what it made, what it was given on the way back, where."""
    graph = sketch.graph
    first = graph.tensors.get(op.outputs[0]) if op.outputs else None
    home = graph.opened.homes.get(op.index)
    recorded = "recorded" if op.recorded else "not recorded"
    found = [("op", op.type if home is not None else f"{op.type}, {recorded}")]
    found += [("in", group.label) for group in graph.opened.groups if group.id == home]
    found += _result(first)
    if op.outputs:
        found += _upstream(sketch, op.outputs[0])
    found += _handed_on(sketch, op)
    if op.scope:
        found.append(("layer", one_line(" / ".join(op.scope), LONG)))
    return (*found, *_where(sketch, op.at))


def tensor_rows(sketch: Sketch, tensor: int, gradients: tuple[str, ...]) -> Rows:
    """Return the facts of a source, a variable or a constant."""
    known = sketch.graph.tensors.get(tensor)
    if known is None:
        return ()
    kind = known.kind
    if kind == "variable" and known.trainable is False:
        kind = "variable, not trainable"
    found = [("kind", kind), *_result(known, sketch.graph.value(tensor))]
    found += [("gradient", text.removeprefix("grad ")) for text in gradients]
    return (*found, *_where(sketch, known.made_at or known.named_at))


def _result(known: Tensor | None, read: Any = None) -> list[tuple[str, str]]:
    if known is None:
        return []
    size = numbers.nbytes(known.nbytes) if known.nbytes else ""
    shape = f"{known.dtype} {numbers.shape(known.shape)}".strip()
    found = [("tensor", ", ".join(x for x in (shape, size) if x))]
    value = numbers.small(known.value if read is None else read, LONG)
    if value is not None:
        found.append(("value", value))
    return found


def _upstream(sketch: Sketch, tensor: int) -> list[tuple[str, str]]:
    found = []
    for flow in sketch.flows:
        value = numbers.small(flow.gradients.get(tensor), LONG)
        if value is not None:
            found.append(("gradient", value))
        elif tensor in flow.reached:
            found.append(("gradient", "arrives here; too large to be kept"))
    return list(dict.fromkeys(found))


def _handed_on(sketch: Sketch, op: Op) -> list[tuple[str, str]]:
    """Say what the backward op gave to each input, and what it multiplied by."""
    found = []
    for flow in sketch.flows:
        for position, tensor in enumerate(sketch.graph.inputs(op)[:GIVEN]):
            text = _given(flow, op, position)
            if text:
                found.append(("hands on", f"{_name(sketch, tensor)}: {text}"))
    return list(dict.fromkeys(found))


def _given(flow: Flow, op: Op, position: int) -> str:
    slot = (op.index, position)
    value = numbers.small(flow.values.get(slot), LONG)
    if slot not in flow.live or value is None:
        return ""
    shown = numbers.small(local_derivative(flow, op, position), LONG)
    return f"{value} (upstream {numbers.TIMES} {shown})" if shown else value


def _name(sketch: Sketch, tensor: int) -> str:
    asked = sketch.asked.get(tensor)
    known = sketch.graph.tensors.get(tensor)
    name = asked[0][1].name if asked else known.name if known is not None else None
    if name:
        return one_line(name, labels.NAME)
    op = sketch.graph.producer.get(tensor)
    return labels.op_type(op, sketch.graph.trace) if op is not None else "constant"


def _where(sketch: Sketch, site: Site | None) -> Rows:
    if site is None:
        return ()
    lines = sketch.graph.trace.source.splitlines()
    found = [("where", words.inside(site))]
    if site.here and 1 <= site.line <= len(lines):
        found.append(("code", one_line(lines[site.line - 1], LONG)))
    return tuple(found)
