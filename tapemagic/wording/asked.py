"""What was asked, in the words of the person: the call as it stands in the cell."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from tapemagic.cell.text import CellText, span
from tapemagic.wording.escape import one_line

if TYPE_CHECKING:
    from tapemagic.report.model import Call, Report
    from tapemagic.traces.model import Tape, Trace

WHOLE = 96  # letters of a call that is shown as it was written
PIECE = 44  # letters of one argument of a longer call
FEW = 4  # names in a row; more are counted
VALUE = "the cell's value"  # how the recorder calls the value of a cell that ends in one


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: its text, and its targets and sources in the order in which they were written."""

    text: str
    targets: tuple[str, ...]
    sources: tuple[str, ...]


def asked(report: Report, call: Call) -> Asked:
    """Return what a call asked; from the names of its tensors where its text is not known."""
    names = tuple(dict.fromkeys(target.name for target in call.targets))
    found = Asked("", names, tuple(dict.fromkeys(source.name for source in call.sources)))
    if ours(report, call):
        return found
    written = _written(report, call)
    return written if written is not None else found


def heading(report: Report, call: Call) -> str:
    """Return what was asked as a sentence in which code stands between backquotes."""
    known = asked(report, call)
    if ours(report, call):
        return f"gradient of {_code(known.targets)} by {_code(known.sources)}"
    where = "" if call.replica is None else f" on replica {call.replica}"
    return f"`{known.text or _rebuilt(call)}`{where}{_turn(report, call)}"


def _turn(report: Report, call: Call) -> str:
    """Which turns of a loop a call stands for, when the verdicts of its line changed."""
    same = [c for c in report.calls if (c.method, c.at) == (call.method, call.at)]
    if call.at is None or len(same) < 2 or any(c.replica is not None for c in same):
        return ""
    before = sum(c.times for c in same[: next(i for i, c in enumerate(same) if c is call)])
    if call.times == 1:
        return f", time {before + 1}"
    return f", times {before + 1} to {before + call.times}"


def ours(report: Report, call: Call) -> bool:
    """Tell whether tapemagic asked, with the tape that it opened around the cell."""
    tape = _tape(report.trace, call) if report.trace is not None else None
    return tape is not None and tape.ours


def enumerate_names(names: tuple[str, ...], limit: int = 40) -> str:
    """Write names in a row: ``a, b and c``; of many the first ones, and how many more."""
    shown = [one_line(name, limit) for name in names]
    if len(shown) > FEW:
        return f"{', '.join(shown[: FEW - 1])} and {len(shown) - FEW + 1} more"
    return " and ".join(x for x in (", ".join(shown[:-1]), *shown[-1:]) if x)


def _code(names: tuple[str, ...]) -> str:
    return enumerate_names(tuple(name if name == VALUE else f"`{name}`" for name in names))


def _tape(trace: Trace, call: Call) -> Tape | None:
    query = trace.queries[call.query] if call.query < len(trace.queries) else None
    return trace.tapes.get(query.tape) if query is not None and query.tape is not None else None


def _rebuilt(call: Call) -> str:
    """Return ``tape.gradient(loss, [x, w])`` from names, for a call whose text is not known."""
    owner = f"{call.tape}." if call.tape else ""
    targets = ", ".join(target.name for target in call.targets)
    if len(call.targets) > 1:
        targets = f"[{targets}]"
    names = [source.name for source in call.sources]
    if len(names) > FEW:
        names = [*names[:2], "…", names[-1]]
    sources = ", ".join(names)
    if len(call.sources) != 1:
        sources = f"[{sources}]"
    return f"{owner}{call.method}({', '.join(x for x in (targets, sources) if x)})"


@lru_cache(maxsize=16)
def _text(source: str) -> CellText:
    first, *rest = source.split("\n")
    # The magic's own line is no Python; line numbers must stay.
    return CellText("\n".join(["" if first.startswith("%%") else first, *rest]), "")


def _written(report: Report, call: Call) -> Asked | None:
    at = call.at
    if at is None or not at.here:
        return None
    text = _text(report.source)
    node = text.call(at.expr)
    if node is None:
        fits = text.calls_on_line(at.line, call.method)
        # Without columns, the only call on the line may still be another one of them.
        named = len(fits) == 1 and all(t.name in _as_written(fits[0], text) for t in call.targets)
        node = fits[0] if named else None
    if node is None or getattr(node.func, "attr", None) != call.method:
        return None
    targets, sources = _arguments(node)
    if call.method.startswith("apply"):
        targets = sources = None
    return Asked(
        _call(node, text),
        _pieces(targets, text) or tuple(target.name for target in call.targets),
        _pieces(sources, text) or tuple(source.name for source in call.sources),
    )


def _arguments(call: ast.Call) -> tuple[ast.expr | None, ast.expr | None]:
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    plain = [*call.args[:2], None, None]
    return plain[0] or named.get("target"), (
        plain[1] or named.get("sources") or named.get("source")
    )


def _pieces(node: ast.expr | None, text: CellText) -> tuple[str, ...]:
    """Return the parts of a list or dict that stands in the call, else the expression itself."""
    if node is None or isinstance(node, ast.Starred):
        return ()
    if isinstance(node, (ast.List, ast.Tuple)):
        inner: list[ast.expr] = node.elts
    elif isinstance(node, ast.Dict):
        inner = node.values
    else:
        return (_short(node, text, PIECE),)
    parts = [one.value if isinstance(one, ast.Starred) else one for one in inner]
    return tuple(dict.fromkeys(piece for part in parts for piece in _pieces(part, text)))


def _call(node: ast.Call, text: CellText) -> str:
    whole = _as_written(node, text)
    if len(whole) <= WHOLE:
        return whole
    given = [_short(argument, text, PIECE) for argument in node.args]
    for keyword in node.keywords:
        value = _short(keyword.value, text, PIECE)
        given.append(f"{keyword.arg}={value}" if keyword.arg else f"**{value}")
    return f"{_short(node.func, text, PIECE)}({', '.join(given)})"


def _as_written(node: ast.expr, text: CellText) -> str:
    """Return the text of an expression on one line."""
    if node.lineno != node.end_lineno:
        return one_line(ast.unparse(node))  # without the comments between its lines
    return one_line(text.segment(span(node)))


def _short(node: ast.expr, text: CellText, room: int) -> str:
    """Return an expression; of a long list or dict the first parts and the last."""
    whole = _as_written(node, text)
    if len(whole) <= room:
        return whole
    if isinstance(node, ast.Dict):
        parts = [
            (f"{_as_written(key, text)}: " if key is not None else "**") + _as_written(value, text)
            for key, value in zip(node.keys, node.values, strict=True)
        ]
        ends = "{}"
    elif isinstance(node, (ast.List, ast.Tuple)):
        parts = [_as_written(part, text) for part in node.elts]
        ends = "[]" if isinstance(node, ast.List) else "()"
    else:
        return one_line(whole, room)
    count = len(parts)
    while len(parts) > 2 and sum(len(part) + 2 for part in parts) + 5 > room:
        del parts[len(parts) // 2]
    cut = (len(parts) + 1) // 2
    inner = [one_line(part, room // 2) for part in parts]
    gap = ["…"] if len(parts) < count else []
    return ends[0] + ", ".join([*inner[:cut], *gap, *inner[cut:]]) + ends[1]
