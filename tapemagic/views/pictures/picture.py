"""The diagram of a report as a picture, with the words that stand in for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tapemagic.diagram.build import build
from tapemagic.diagram.dot.source import dot
from tapemagic.views.pictures import draw, svg
from tapemagic.wording import words
from tapemagic.wording.escape import one_line

if TYPE_CHECKING:
    from tapemagic.diagram.model import Diagram
    from tapemagic.report.model import Report


@dataclass(slots=True)
class Picture:
    """A drawn diagram; ``svg`` is None when no engine could draw it."""

    diagram: Diagram
    svg: str | None
    alt: str
    source: str
    width: float = 0.0
    height: float = 0.0


def picture(report: Report, level: str = "auto", call: int | None = None) -> Picture | None:
    """Draw the diagram of a report, or return None if there is nothing to draw."""
    diagram = build(report, level, call)
    if not diagram.nodes:
        return None
    source = dot(diagram).source
    described = describe(report, diagram)
    drawn = draw.draw(source)
    if drawn is None:
        return Picture(diagram, None, described, source)
    width, height = svg.size(drawn.decode("utf-8", "replace"))
    finished = svg.finish(drawn, diagram.title, described)
    return Picture(diagram, finished, described, source, width, height)


def describe(report: Report, diagram: Diagram) -> str:
    """Say in words what the picture shows: who can't see it learns the same."""
    said = [f"{one_line(diagram.title, 200)}."]
    for call in report.calls[:8]:
        for source in call.sources[:20]:
            name = one_line(source.name, 40)
            why = source.why
            if why is not None and words.attention(why):
                where = words.place(why.at)
                at = f" at {where}" if where else ""
                said.append(f"The gradient of {name} ends{at}: {words.cause(why)}.")
            elif source.status == "connected":
                said.append(f"A gradient reaches {name}.")
    kinds = len(diagram.nodes), len(diagram.edges)
    return " ".join(dict.fromkeys(said)) + f" {kinds[0]} boxes, {kinds[1]} arrows."
