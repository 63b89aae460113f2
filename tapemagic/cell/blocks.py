"""The building blocks of rewritten code: spots, hooks, flags, blocks of statements."""

from __future__ import annotations

import ast
from typing import Any

from tapemagic.cell.spots import FLAGS, HOOKS, Spot
from tapemagic.cell.text import span
from tapemagic.cell.trees import (
    YIELDS,
)


class Blocks(ast.NodeTransformer):
    """What statements and expressions are rewritten with."""

    def __init__(self, text: Any, first_spot: int, branches: int) -> None:
        self.text = text
        self.spots: list[Spot] = []
        self.first_spot = first_spot
        self.branches = branches
        self.line = 0
        self.function: str | None = None
        self.modules: frozenset[str] = frozenset()  # names that hold nothing but modules
        self.watchable: set[int] = set()  # ids of the lambdas that may be rewritten
        self.yields = True  # whether there is a yield anywhere: most code has none

    def spot(self, kind: str, node: ast.AST, **more: Any) -> Spot:
        """A new spot for a node."""
        index = self.first_spot + len(self.spots)
        made = Spot(index, kind, span(node), self.line, function=self.function, **more)
        made.text = self.text
        self.spots.append(made)
        return made

    def hook(self, name: str, at: ast.AST, *args: ast.expr | int) -> ast.Call:
        """A call of a hook, placed where a node stands."""
        values = [ast.Constant(a) if isinstance(a, int) else a for a in args]
        func = ast.Attribute(ast.Constant(HOOKS), name, ast.Load())
        call = ast.Call(func, list(values), [])
        for node in (call, func, func.value, *(v for v in values if isinstance(v, ast.Constant))):
            if not hasattr(node, "lineno"):
                ast.copy_location(node, at)
        return call

    def flag(self, at: ast.AST) -> tuple[int, ast.expr]:
        """A new flag: its number, and the expression that reads it."""
        index = self.branches
        self.branches += 1
        node = ast.Attribute(ast.Constant(FLAGS), f"b{index}", ast.Load())
        return index, ast.copy_location(node, at)

    def silent(self, call: ast.expr, at: ast.AST) -> ast.stmt:
        """A statement that runs a hook and can never be the cell's last expression."""
        return ast.copy_location(ast.If(call, [ast.Pass()], []), at)

    def block(self, body: list[ast.stmt], *, top: bool = False) -> list[ast.stmt]:
        """The statements of a body, rewritten; ``top``: it is the body of the cell itself."""
        out: list[ast.stmt] = []
        for number, node in enumerate(body):
            outer, self.line = self.line, node.lineno
            made = self.visit(node)
            self.line = outer
            made = made if isinstance(made, list) else [made]
            if top and number == len(body) - 1 and isinstance(node, ast.Assign):
                # IPython may show the value of a last assignment: nothing may follow it.
                made = made[:1]
            out.extend(made)
        return out

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Rewrite what is inside a node that is left as it is."""
        for name, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                setattr(node, name, self.block(value))
            elif isinstance(value, list):
                setattr(node, name, [self.visit(v) if isinstance(v, ast.AST) else v for v in value])
            elif isinstance(value, ast.AST):
                setattr(node, name, self.visit(value))
        return node

    def visit(self, node: ast.AST) -> Any:
        """Rewrite a node, unless a ``yield`` in it would leave its operands open."""
        if self.yields and isinstance(node, ast.expr) and not isinstance(node, YIELDS):
            if any(isinstance(n, YIELDS) for n in ast.walk(node)):
                return node
        return super().visit(node)
