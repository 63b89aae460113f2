"""Expressions with hooks: calls, operators, items, attributes, comprehensions."""

from __future__ import annotations

import ast
import copy
from typing import Any

from tapemagic.cell.blocks import Blocks
from tapemagic.cell.spots import Spot
from tapemagic.cell.trees import (
    clone,
    either,
    name_of,
)


class Expressions(Blocks):
    """Lets hooks see the operands and the value of each expression."""

    def operand(self, spot: Spot, value: ast.expr) -> ast.expr:
        """Push an operand, unless it is a literal."""
        inner: Any = self.visit(value)
        if isinstance(value, ast.Constant):
            return value
        if isinstance(value, ast.Starred):
            value.value = self.hook("o", value.value, spot.index, inner.value)
            return value
        return self.hook("o", value, spot.index, inner)

    def close(self, spot: Spot, node: ast.expr, operands: list[ast.expr]) -> ast.expr:
        live = [o for o in operands if not isinstance(o, ast.Constant)]
        spot.count = len(live)
        spot.operands = tuple(name_of(o) for o in live)
        return self.hook("r", node, spot.index, node) if live else node

    def visit_Call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Name) and node.func.id in ("super", "locals", "vars", "dir"):
            return node
        spot = self.spot("call", node)
        operands = [node.func, *node.args, *(k.value for k in node.keywords)]
        old = [copy.copy(o) for o in operands]
        func = node.func
        if isinstance(func, ast.Attribute):
            # The method is looked up as it was; its object is seen through ``__self__``.
            func.value = self.visit(func.value)
            inner: ast.expr = func
        else:
            inner = self.visit(func)
        node.func = self.hook("c", func, spot.index, inner)
        node.args = [self.operand(spot, a) for a in node.args]
        for keyword in node.keywords:
            keyword.value = self.operand(spot, keyword.value)
        return self.close(spot, node, old)

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        if isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant):
            return node
        spot = self.spot("op", node)
        old = [node.left, node.right]
        node.left, node.right = (self.operand(spot, o) for o in old)
        return self.close(spot, node, old)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        if isinstance(node.operand, ast.Constant) or isinstance(node.op, ast.Not):
            return self.generic_visit(node)
        spot = self.spot("op", node)
        old = [node.operand]
        node.operand = self.operand(spot, node.operand)
        return self.close(spot, node, old)

    def visit_Compare(self, node: ast.Compare) -> Any:
        if len(node.ops) > 1 or isinstance(node.ops[0], (ast.Is, ast.IsNot)):
            return self.generic_visit(node)  # a chain may leave operands unevaluated
        spot = self.spot("op", node)
        old = [node.left, node.comparators[0]]
        node.left, node.comparators[0] = (self.operand(spot, o) for o in old)
        return self.close(spot, node, old)

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        if not isinstance(node.ctx, ast.Load):
            return node
        spot = self.spot("item", node)
        old = [node.value]
        node.value = self.operand(spot, node.value)
        node.slice = self.visit(node.slice)
        return self.close(spot, node, old)

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        if not isinstance(node.ctx, ast.Load):
            return node
        if isinstance(node.value, ast.Name) and node.value.id in self.modules:
            return node  # a module carries no mark
        spot = self.spot("attr", node)
        old = [node.value]
        node.value = self.operand(spot, node.value)
        return self.close(spot, node, old)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> Any:
        spot = self.spot("text", node)
        old = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                old.append(part.value)
                part.value = self.operand(spot, part.value)
        return self.close(spot, node, old)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> Any:
        spot = self.spot("bind", node.value, names=(node.target.id,))
        node.value = self.hook("n", node.value, spot.index, self.visit(node.value))
        return node

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        # Keras marshals the code of lambdas: it may hold nothing but plain constants. So one that may
        # get there is seen from outside, and where its value is computed is known all the same.
        self.spot("lambda", node.body, count=node.lineno)
        if id(node) not in self.watchable:
            return node
        outer, self.function = self.function, "<lambda>"
        plain = clone(node.body)
        index, flag = self.flag(node.body)
        test = ast.BoolOp(ast.And(), [flag, self.hook("within", plain, index)])
        node.body = either(test, self.visit(node.body), plain)
        self.function = outer
        spot = self.spot("def", node)
        return self.hook(f"d{spot.index}", node, node)

    def comprehension(self, node: Any) -> Any:
        if any(g.is_async for g in node.generators):
            return node
        if any(isinstance(n, (ast.Await, ast.NamedExpr)) for n in ast.walk(node)):
            return node
        spot = self.spot("each", node)
        first = node.generators[0]
        old = [first.iter]
        first.iter = self.operand(spot, first.iter)
        for name in ("elt", "key", "value"):
            part = getattr(node, name, None)
            if part is not None and not isinstance(part, (ast.Name, ast.Constant)):
                index, flag = self.flag(part)
                plain = clone(part)
                turned = self.hook("turned", part, index, self.visit(part))
                setattr(node, name, either(flag, turned, plain))
        return self.close(spot, node, old)

    visit_ListComp = comprehension
    visit_SetComp = comprehension
    visit_DictComp = comprehension
    visit_GeneratorExp = comprehension

    def test(self, node: ast.expr) -> Any:
        """A condition: its parts are watched, not the condition itself.

        The jump behind it takes its place from the last thing that was compiled. A hook's call
        there would move the marks of a traceback, and no value comes of a condition anyway.
        """
        if isinstance(node, ast.BoolOp):
            node.values = [self.test(value) for value in node.values]
            return node
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            node.operand = self.test(node.operand)
            return node
        if isinstance(node, (ast.NamedExpr, ast.IfExp)):
            return self.visit(node)
        return self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        node.test = self.test(node.test)
        node.body, node.orelse = self.visit(node.body), self.visit(node.orelse)
        return node
