"""The path's story: the way of a value from the source to the target, in the person's words."""

from __future__ import annotations

from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.why import Step
from tapemagic.traces.flow import node_mark

MOST = 14


def story(case: Case) -> tuple[Step, ...]:
    """The stops of the way; steps of one statement are one stop."""
    way = case.way
    trace = case.view.trace
    start = Step("source", case.name, case.made_at(case.source.tensor), case.source.tensor)
    if way is None:
        return (start,)
    steps = [start]
    cut = way.cut
    for position, edge in enumerate(way.edges):
        if edge.kind == "op" and edge.op is not None and position != cut:
            if trace.ops[edge.op].type in ("ReadVariableOp", "captured_value"):
                continue  # a read only hands the variable on
        at = case.made_at(edge.target)
        mark = node_mark(edge.target)
        if edge.kind == "leave":
            step = Step("left", trace.marks[mark].what if mark is not None else "", at)
        elif edge.kind == "python":
            step = Step("python", case.call_it(edge.target).strip("`"), at)
        elif edge.kind == "enter":
            step = Step("back", "a constant", case.entered(edge) or at, edge.target)
        elif edge.kind == "state" and edge.write is not None:
            write = trace.ops[edge.write]
            first = case.view.graph.is_first_write(
                case.view.graph.root(write.inputs[0]), edge.write
            )
            name = case.call_it(edge.target).strip("`")
            new = f"a new variable {name}" if first else case.written(write.at, 40)
            steps.append(Step("write", new, write.at, write.inputs[0]))
            step = Step("read", case.call_it(edge.target).strip("`"), at, edge.target)
        else:
            kind = "cut" if position == cut else "op"
            name = case.call_it(edge.target).strip("`")
            if kind == "cut" and name == case.name:
                name = case.written(at, 40) or name  # the read itself: what it was read for
            step = Step(kind, name, at, edge.target)
        last = steps[-1]
        if (
            step.kind == "op"
            and last.kind == "op"
            and last.at is not None
            and at is not None
            and last.at.line == at.line
        ):
            steps[-1] = step
        else:
            steps.append(step)
    end = case.view.query.targets[0] if case.view.query.targets else None
    if end is not None and steps[-1].tensor == end.tensor and steps[-1].kind == "op":
        steps[-1] = Step("target", case.target, steps[-1].at, end.tensor)
    elif end is not None:
        steps.append(Step("target", case.target, case.made_at(end.tensor), end.tensor))
    if len(steps) > MOST:
        keep = [s for s in steps if s.kind != "op"]
        room = MOST - len(keep)
        ops = [s for s in steps if s.kind == "op"]
        chosen = {
            id(s) for s in [*keep, *ops[: max(0, room // 2)], *ops[len(ops) - max(0, room // 2) :]]
        }
        steps = [s for s in steps if id(s) in chosen]
    return tuple(steps)


def lines(case: Case, steps: tuple[Step, ...]) -> tuple[int, ...]:
    """The lines of the traced cell that the story passes, in its order, each once."""
    found: list[int] = []
    for step in steps:
        if step.at is not None and step.at.here and step.at.line not in found:
            found.append(step.at.line)
    del case
    return tuple(found)
