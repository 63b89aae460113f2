"""Two calls that compute the same twice, of a model and of a part of it, become one with two outputs."""

from __future__ import annotations

import ast

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import body_lines, dotted, with_of_tape
from tapemagic.diagnosis.repairs.outputs import last_output
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical


@mechanical
def one_call(case: Case) -> str | None:
    """``h = part(x)`` and ``y = model(x)`` become ``h, y = part(x)``, where part gives both."""
    rw, enter = Rewriter(case.here), case.with_statement()
    block = with_of_tape(case.here, enter.line) if enter is not None and enter.here else None
    calls = {
        ast.unparse(s.targets[0]): s for s in (block.body if block is not None else ())
        if isinstance(s, ast.Assign) and len(s.targets) == 1 and isinstance(s.value, ast.Call)
    }  # fmt: skip
    part = calls[case.name]
    taken = part.value
    assert isinstance(taken, ast.Call)
    made = _model(rw, taken.func)
    inputs, output = _ends(made)
    model = ast.unparse(inputs.value)
    whole = [
        s for s in calls.values() if isinstance(s.value, ast.Call)
        and ast.unparse(s.value.func) == model and _given(s.value) == _given(taken)
    ]  # fmt: skip
    if len(whole) != 1 or whole[0].lineno < part.lineno:
        raise NoRepair
    end = whole[0]
    end_output = f"{model}.{last_output(rw, model)}"
    if isinstance(output, ast.List):
        rw.edits.insert(*span(output.elts[0])[2:], f", {end_output}")
    else:
        rw.put(output, lambda: f"[{rw.inside(output)}, {end_output}]")
    both = f"{rw.inside(part.targets[0])}, {rw.inside(end.targets[0])}"
    rw.edits.replace(span(part.targets[0]), both)
    rw.edits.delete_lines(*body_lines(case.here, end))
    return rw.source()


def _model(rw: Rewriter, func: ast.expr) -> ast.Call:
    """The call that made a model which is used once.

    Raises:
        NoRepair: If it is used elsewhere, or made otherwise.
    """
    name = ast.unparse(func)
    bound = [
        s for s in rw.text.statements if isinstance(s, ast.Assign)
        and [ast.unparse(t) for t in s.targets] == [name]
    ]  # fmt: skip
    nodes = ast.walk(rw.text.tree)  # type: ignore[arg-type]
    uses = [n for n in nodes if isinstance(n, (ast.Name, ast.Attribute)) and ast.unparse(n) == name]
    made = bound[0].value if len(bound) == 1 else None
    if len(uses) != 2 or not isinstance(made, ast.Call) or not dotted(made.func).endswith("Model"):
        raise NoRepair
    return made


def _ends(made: ast.Call) -> tuple[ast.Attribute, ast.expr]:
    """The model's inputs, of another model, and its one output."""
    named = {k.arg: k.value for k in made.keywords}
    given = dict(zip(("inputs", "outputs"), made.args, strict=False)) | named
    inputs, output = given["inputs"], given["outputs"]
    if isinstance(inputs, ast.List) and len(inputs.elts) == 1:
        inputs = inputs.elts[0]
    if not isinstance(inputs, ast.Attribute) or inputs.attr not in ("inputs", "input"):
        raise NoRepair
    several = isinstance(output, ast.List) and len(output.elts) != 1
    if several or isinstance(output, (ast.Tuple, ast.Dict)):
        raise NoRepair
    return inputs, output


def _given(call: ast.Call) -> list[str]:
    return [ast.unparse(a) for a in (*call.args, *call.keywords)]
