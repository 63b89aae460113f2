"""What an object computed once, in ``__init__`` or ``build``, is computed in every call."""

from __future__ import annotations

import ast

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import after_docstring, body_lines, indent_of, with_of_tape
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical
from tapemagic.traces.model import Site


@mechanical
def in_call(case: Case, at: Site | None) -> str | None:
    """The cell with ``self.w = ...`` moved into the methods that use it."""
    if at is None or not at.here:
        return None
    rw = Rewriter(case.here)
    statement = case.here.statement_at(at.line)
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None
    target = statement.targets[0]
    above = rw.above(statement)
    made = next((n for n in above if isinstance(n, ast.FunctionDef)), None)
    home = next((n for n in above if isinstance(n, ast.ClassDef)), None)
    if made is None or home is None or not isinstance(target, ast.Attribute):
        return None
    if ast.unparse(target.value) != "self":
        return None
    uses = _uses(rw, home, made, target)
    value = _kept(rw, statement, made)
    for method, places in uses.items():
        taken = {n.id for n in ast.walk(method) if isinstance(n, ast.Name)}
        name = target.attr.lstrip("_")
        while name in taken or any(a.arg == name for a in method.args.args):
            name += "_"
        first = _first(case, method, places)
        lead = indent_of(rw.text, first.lineno)
        rw.edits.insert_line(body_lines(rw.text, first)[0], f"{lead}{name} = {value}")
        for use in places:
            rw.put(use, lambda name=name: name)  # type: ignore[misc]
    return rw.source()


def _first(case: Case, method: ast.FunctionDef, places: list[ast.Attribute]) -> ast.stmt:
    """The statement of a method to compute it before: inside the tape's block, if that is in it."""
    enter = case.with_statement()
    block = with_of_tape(case.here, enter.line) if enter is not None and enter.here else None
    if block is not None and any(n is block for n in ast.walk(method)):
        inside = {id(n) for n in ast.walk(block)}
        if all(id(place) in inside for place in places):
            return block.body[0]
    return after_docstring(method)


def _uses(
    rw: Rewriter, home: ast.ClassDef, made: ast.FunctionDef, target: ast.Attribute
) -> dict[ast.FunctionDef, list[ast.Attribute]]:
    """Where the attribute is read, by method.

    Raises:
        NoRepair: If it is read nowhere, or elsewhere than in other methods of the class.
    """
    found: dict[ast.FunctionDef, list[ast.Attribute]] = {}
    for node in ast.walk(rw.text.tree):  # type: ignore[arg-type]
        if not isinstance(node, ast.Attribute) or node.attr != target.attr or node is target:
            continue
        owner = next((n for n in rw.above(node) if isinstance(n, ast.ClassDef)), home)
        heirs = {n.id for base in owner.bases for n in ast.walk(base) if isinstance(n, ast.Name)}
        if owner is not home and home.name not in heirs and ast.unparse(node.value) == "self":
            continue  # another class has an attribute of that name
        method = next((n for n in rw.above(node) if n in home.body), None)
        if not isinstance(method, ast.FunctionDef) or method is made:
            raise NoRepair
        if ast.unparse(node) != ast.unparse(target) or not isinstance(node.ctx, ast.Load):
            raise NoRepair
        found.setdefault(method, []).append(node)
    if not found:
        raise NoRepair
    return found


def _kept(rw: Rewriter, statement: ast.Assign, made: ast.FunctionDef) -> str:
    """The value as other methods can compute it; what it needs is kept in the object."""
    local = _locals(made)
    read = [n for n in ast.walk(statement.value) if isinstance(n, ast.Name) and n.id in local]
    for name in read:
        rw.put(name, lambda name=name: f"self.{name.id}")  # type: ignore[misc]
    value = rw.out(statement.value)
    if "\n" in value:
        raise NoRepair
    known = _attributes(made)
    kept = [name for name in dict.fromkeys(n.id for n in read) if known.get(name) != name]
    if any(name in known for name in kept):
        raise NoRepair  # the object keeps something else by that name
    indent = indent_of(rw.text, statement.lineno)
    new = f"\n{indent}".join(f"self.{name} = {name}" for name in kept)
    for name in read:
        rw.forget(name)
    if not new and len(made.body) > 1 and statement in made.body:
        rw.edits.delete_lines(*body_lines(rw.text, statement))
    else:
        rw.edits.replace(span(statement), new or "pass")
    return value


def _attributes(made: ast.FunctionDef) -> dict[str, str]:
    """The attributes that a method sets, and the text of what it sets them to."""
    found = {}
    for node in ast.walk(made):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=False))
            for one, value in pairs:
                if isinstance(one, ast.Attribute) and ast.unparse(one.value) == "self":
                    found[one.attr] = ast.unparse(value)
    return found


def _locals(made: ast.FunctionDef) -> set[str]:
    names = {a.arg for a in made.args.args if a.arg != "self"}
    return names | {
        n.id for n in ast.walk(made) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
