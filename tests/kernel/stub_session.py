"""A session that observes nothing, in the shape of the real one.

It hooks every call of a cell, so that a cell run through it proves that the tree was rewritten,
that every code object was embedded, and that neither changes what the cell does.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any

from tapemagic.views.errors import ReportError

PLACEHOLDER = "\0stub hook"
FAIL: set[str] = set()  # stages that shall raise: "init", "rewrite", "embed", "start", "finish"
ACTIVE: list[Session] = []
FINISHED: list[Session] = []


class SessionActive(RuntimeError):
    """Another trace is running."""


@dataclass
class StubReport:
    """What the magic needs a report to have."""

    source: str
    error: BaseException | None = None
    calls: int = 0
    notes: list[str] = field(default_factory=list)
    options: Any = None
    needs_attention: bool = False

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        text = f"stub report: {type(self.error).__name__}, {self.calls} calls"
        text += "".join(f"\n{note}" for note in self.notes)
        return {"text/plain": text, "text/html": f'<div class="tapemagic">{text}</div>'}

    def save(self, path: str | Path) -> None:
        path = Path(path)
        if path.suffix != ".txt":
            raise ReportError(f"{path}: unknown suffix {path.suffix!r}; choose .txt")
        path.write_text(self._repr_mimebundle_()["text/plain"])


class _Calls(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "super":
            return node
        # Python warns of a constant that is called; of this it makes the same code, and is silent.
        hook = ast.BoolOp(ast.Or(), [ast.Constant(PLACEHOLDER), ast.Constant(PLACEHOLDER)])
        node.func = ast.copy_location(ast.Call(hook, [node.func], []), node.func)
        return ast.fix_missing_locations(node)


class Session:
    """Counts the calls that a cell makes."""

    def __init__(
        self, source: str, namespace: dict[str, Any], *, filename: str, options: Any
    ) -> None:
        if "init" in FAIL:
            raise ZeroDivisionError("stub init")
        self.source = source
        self.filename = self.first_filename = filename
        self.options = options
        self.started = False
        self.files: set[str] = set()
        self.report = StubReport(source)

    def _hook(self, function: Any) -> Any:
        assert self.started
        self.report.calls += 1
        return function

    def rewrite(self, tree: ast.Module) -> ast.Module:
        if "interrupt" in FAIL:
            raise KeyboardInterrupt
        if "rewrite" in FAIL:
            raise ZeroDivisionError("stub rewrite")
        return _Calls().visit(copy.deepcopy(tree))

    def embed(self, code: CodeType) -> CodeType:
        if "embed" in FAIL:
            raise ZeroDivisionError("stub embed")
        self.files.add(code.co_filename)
        return code.replace(co_consts=tuple(self._constant(value) for value in code.co_consts))

    def _constant(self, value: Any) -> Any:
        if isinstance(value, CodeType):
            return self.embed(value)
        return self._hook if isinstance(value, str) and value == PLACEHOLDER else value

    def start(self) -> None:
        if "start" in FAIL:
            raise ZeroDivisionError("stub start")
        if ACTIVE:
            raise SessionActive("another trace is running")
        ACTIVE.append(self)
        self.started = True

    def close(self) -> None:
        if self in ACTIVE:
            ACTIVE.remove(self)

    def finish(self, error: BaseException | None) -> StubReport:
        if "finish" in FAIL:
            ACTIVE.clear()
            raise ZeroDivisionError("stub finish")
        if self in ACTIVE:
            ACTIVE.remove(self)
            FINISHED.append(self)
        self.report.error = error
        self.report.needs_attention = error is not None or "attention" in self.source
        return self.report
