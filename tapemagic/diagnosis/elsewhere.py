"""What was asked about stands beside what was used: the array a tensor was made from, an older list."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tapemagic.cell.text import contains, span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import body_lines, dotted, indent_of, shifted, siblings
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical
from tapemagic.traces.model import Op, Site

_CONVERTS = ("convert_to_tensor", "constant", "Variable", "cast")
_LISTS = ("trainable_variables", "trainable_weights", "variables", "weights")


@dataclass(frozen=True, slots=True)
class Original:
    """The array that the source was made from, where it went into the target itself."""

    made: Site
    used: Site
    name: ast.Name


def original(case: Case) -> Original | None:
    """``x = tf.constant(array)``, and then the target was computed from ``array``."""
    tensor = case.source.tensor
    made, facts = case.made_at(tensor), case.view.trace.tensors.get(tensor or -1)
    call = case.node(made)
    if made is None or facts is None or not isinstance(call, ast.Call) or not call.args:
        return None
    value = call.args[0]
    if not isinstance(value, ast.Name) or dotted(call.func).rsplit(".", 1)[-1] not in _CONVERTS:
        return None
    for op in case.view.makers:
        if not any(_is_given(case, t, facts.shape) for t in op.inputs):
            continue
        for site in (op.at, *op.via):
            node = case.node(site)
            if site is None or not site.here or node is None or contains(span(node), span(call)):
                continue
            names = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == value.id]
            if len(names) == 1:
                return Original(
                    made, case.statement_in_frame(op, case.with_statement()) or site, names[0]
                )
    return None


def _is_given(case: Case, tensor: int, shape: object) -> bool:
    """Whether a tensor is a constant of some shape, that no op made."""
    facts = case.view.trace.tensors.get(tensor)
    if facts is None or facts.kind == "variable" or tensor in case.view.graph.maker:
        return False
    return facts.shape == shape and tensor != case.source.tensor


@mechanical
def with_the_tensor(case: Case, found: Original) -> str | None:
    """The cell with the tensor in the place of the array it was made from."""
    rw = Rewriter(case.here)
    if not case.name.isidentifier():
        raise NoRepair
    rw.put(found.name, lambda: case.name)
    return rw.source()


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of an object's variables, and what gave the object new ones afterwards."""

    at: Site
    owner: str
    newer: Site


def listed_early(case: Case) -> Listed | None:
    """``params = model.trainable_variables``, before the model got the variables that were used."""
    try:
        asked = ast.parse(case.name, mode="eval").body
    except SyntaxError:
        return None
    if not isinstance(asked, ast.Subscript) or not isinstance(asked.value, ast.Name):
        return None
    statement = _listing(case, asked.value.id)
    if statement is None:
        return None
    view, graph = case.view, case.view.graph
    sources = {a.tensor for a in view.query.sources}
    at = case.here.site(span(statement.value))
    listed = [b.index for b in view.trace.bindings if b.at.line == at.line and b.at.here]
    first = min(listed, default=None)
    for op in view.makers:
        for tensor in op.inputs:
            made = graph.created.get(tensor)
            if first is None or made is None or made < first or tensor in sources:
                continue
            owner = ast.unparse(statement.value.value)  # type: ignore[attr-defined]
            newer = _changes(case, view.trace.ops[made], owner)
            if newer is not None:
                return Listed(at, owner, newer)
    return None


def _changes(case: Case, making: Op, owner: str) -> Site | None:
    """Where an object was told to make a variable: it, or a method of it, was called."""
    for site in (making.at, *making.via):
        call = case.node(site)
        if isinstance(call, ast.Call):
            func = call.func
            if owner in (ast.unparse(func), ast.unparse(getattr(func, "value", func))):
                return site
    return None


def _listing(case: Case, name: str) -> ast.Assign | None:
    """The one statement that binds a name to an object's list of variables."""
    found = [
        s for s in case.here.statements
        if isinstance(s, ast.Assign) and [ast.unparse(t) for t in s.targets] == [name]
    ]  # fmt: skip
    if len(found) != 1 or not isinstance(found[0].value, ast.Attribute):
        return None
    return found[0] if found[0].value.attr in _LISTS else None


@mechanical
def listed_late(case: Case, found: Listed) -> str | None:
    """The cell with the list taken just before the tape is used."""
    enter, rw = case.with_statement(), Rewriter(case.here)
    statement = case.here.statement_at(found.at.line)
    row = siblings(case.here, statement) if statement is not None else None
    if enter is None or not enter.here or row is None or not isinstance(statement, ast.Assign):
        return None
    name, first = ast.unparse(statement.targets[0]), row.index(statement)
    later = row[first + 1 :]
    holder = next(s for s in later if s.lineno <= enter.line <= (s.end_lineno or 0))
    between = later[: later.index(holder)]
    if any(isinstance(n, ast.Name) and n.id == name for s in between for n in ast.walk(s)):
        raise NoRepair
    if isinstance(holder, (ast.FunctionDef, ast.ClassDef)):
        raise NoRepair
    lines = body_lines(case.here, statement)
    moved = shifted(case.here, *lines, indent_of(case.here, holder.lineno))
    rw.edits.delete_lines(*lines)
    rw.edits.insert_line(body_lines(case.here, holder)[0], moved)
    return rw.source()
