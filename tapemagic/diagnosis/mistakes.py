"""Lines that raise before, or beside, any question: what is wrong with the line itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tapemagic.cell.text import CellText, span
from tapemagic.diagnosis.edits import Edits, dotted
from tapemagic.diagnosis.repairs.outputs import two_outputs_at
from tapemagic.diagnosis.why import Why
from tapemagic.traces.model import Site, Trace

_SYMBOLIC_OUTPUTS = ("output", "outputs", "input", "inputs")
_APPLYING = ("apply_gradients", "apply")


def mistake(trace: Trace, text: CellText, error: BaseException, line: int | None) -> Why | None:
    """What is wrong with the line that raised, where its error is one that a tape's user meets.

    Args:
        trace: What was observed.
        text: The cell.
        error: What it raised.
        line: The cell's line that raised it, if it was seen.
    """
    node = text.statement_at(line) if line is not None else None
    if node is None or line is None:
        return None
    said = str(error)
    if "out of scope and cannot be used here" in said:
        return _out_of_scope(text, said, line)
    if "KerasTensor cannot be used" in said:
        return _keras_tensor(text, node, line)
    if "context manager" in said or "__enter__" in said:
        return _not_called(text, node)
    if isinstance(error, ValueError):
        return _nothing_asked(trace, text, node, line)
    return None


def _why(
    cause: str, message: str, at: Site | None, fix: str, fixed: str | None = None,
    lines: tuple[int, ...] = (),
) -> Why:  # fmt: skip
    passed = lines or ((at.line,) if at is not None else ())
    return Why(cause, "error", message, at, passed, fix=fix, fixed_source=fixed)


def _out_of_scope(text: CellText, said: str, line: int) -> Why:
    """A tensor that a traced function left behind, used where values are computed."""
    places = re.findall(rf'File "{re.escape(text.filename)}", line (\d+)', said)
    made = int(places[-1]) if places else None
    where = f", made on line {made} while the function was traced" if made is not None else ""
    return _why(
        "different-object",
        f"Line {line} uses a tensor of the graph of a tf.function{where}: it describes a step of "
        "that graph and holds no value outside of it.",
        text.site(None, line),
        "Return it from the function, and use what the call returns.",
        lines=tuple(sorted({line, *([made] if made is not None else [])})),
    )


def _keras_tensor(text: CellText, node: ast.stmt | ast.ExceptHandler, line: int) -> Why:
    """``layer.output`` taken for the values that the layer gave."""
    outputs = [
        n for n in _parts(node) if isinstance(n, ast.Attribute) and n.attr in _SYMBOLIC_OUTPUTS
    ]
    one = len(outputs) == 1
    what = f"`{text.segment(span(outputs[0]))}`" if one else "A tensor that is used here"
    return _why(
        "different-object",
        f"{what} on line {line} is a symbolic Keras tensor (KerasTensor): it describes a layer's "
        "output and never holds a value, so nothing can be computed from it.",
        text.site(span(outputs[0])) if one else text.site(None, line),
        "Build keras.Model(inputs, [layer.output, model.output]), which has two outputs, call it "
        "under the tape, and use the tensor that it returns.",
        two_outputs_at(text, line),
    )


def _not_called(text: CellText, node: ast.stmt | ast.ExceptHandler) -> Why | None:
    """``with tf.GradientTape as tape``: the class, without its parentheses."""
    for item in node.items if isinstance(node, ast.With) else ():
        made = item.context_expr
        if dotted(made).rsplit(".", 1)[-1] == "GradientTape":
            written = text.segment(span(made))
            return _why(
                "bad-argument",
                f"`{written}` on line {made.lineno} is the class, not a tape: its parentheses are "
                "missing.",
                text.site(span(made)),
                f"Write `{written}()`.",
                Edits(text).insert(*span(made)[2:], "()").source(),
            )
    return None


def _nothing_asked(
    trace: Trace, text: CellText, node: ast.stmt | ast.ExceptHandler, line: int
) -> Why | None:
    """An optimizer was given the answer to a question about no variable at all."""
    applying = any(
        isinstance(n, ast.Call) and dotted(n.func).rsplit(".", 1)[-1] in _APPLYING
        for n in _parts(node)
    )
    asked = [q for q in trace.queries if not q.method.startswith("apply")]
    empty = asked[-1] if asked and not asked[-1].sources else None
    if not applying or empty is None or empty.error is not None or empty.at is None:
        return None
    at = empty.at
    name = next(
        (
            f"`{text.segment(span(n.args[1]))}`"
            for n in (ast.walk(text.tree) if text.tree is not None and at.here else ())
            if isinstance(n, ast.Call) and at.expr == span(n) and len(n.args) > 1
        ),
        "the list of sources",
    )
    return _why(
        "bad-argument",
        f"The question on line {at.line} was about no variable: {name} is empty, so there is no "
        f"gradient to apply on line {line}.",
        at,
        "Look where the list is made: a layer or module that makes its variables when it is first "
        "called has none before. Take the list after the first call.",
        lines=tuple(sorted({at.line, line})) if at.here else (line,),
    )


def _parts(node: ast.stmt | ast.ExceptHandler) -> Iterator[ast.AST]:
    """The nodes of a statement itself, without the statements in its block."""
    todo: list[ast.AST] = [node]
    while todo:
        part = todo.pop()
        yield part
        todo += [n for n in ast.iter_child_nodes(part) if not isinstance(n, ast.stmt)]
