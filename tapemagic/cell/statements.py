"""Statements with hooks: assignments, loops, functions, imports."""

from __future__ import annotations

import ast
from typing import Any

from tapemagic.cell.expressions import Expressions
from tapemagic.cell.spots import FLAGS, GROWS, HOOKS, Spot
from tapemagic.cell.trees import (
    YIELDS,
    clone,
    either,
    loaded,
    name_of,
    own_nodes,
    parameters,
    plain_names,
    without,
)


class Statements(Expressions):
    """Lets hooks see what is bound, and doubles the bodies of loops and functions."""

    visit_AsyncFor = Expressions.generic_visit

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        outer, self.line = self.line, node.lineno
        node.body = self.block(node.body)
        # The expression that raised never reached its hook: forget its operands.
        first = node.body[0]
        node.body.insert(0, self.silent(self.hook("sync", first), first))
        self.line = outer
        return node

    def visit_Assign(self, node: ast.Assign) -> Any:
        return self.assign(node, node.targets)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        return self.assign(node, [node.target]) if node.value is not None else node

    def assign(self, node: ast.Assign | ast.AnnAssign, targets: list[ast.expr]) -> Any:
        whole = node.value
        assert whole is not None
        value = self.visit(whole)
        names = tuple(target.id for target in targets if isinstance(target, ast.Name))
        after: list[ast.stmt] = []
        made = self.spot("bind", whole, names=names)
        simple = len(names) == len(targets)
        node.value = self.hook("n" if simple else "s", whole, made.index, value)
        last: Spot | None = None
        for target in targets:
            if isinstance(target, (ast.Tuple, ast.List)):
                names = plain_names(target)
                if names:
                    spot = self.spot("unpack", target, names=names)
                    loads = [ast.copy_location(ast.Name(n, ast.Load()), target) for n in names]
                    after.append(self.silent(self.hook("u", target, spot.index, *loads), node))
                if not any(isinstance(part, ast.Starred) for part in target.elts):
                    for position, part in enumerate(target.elts):
                        last = self.store(part, position) or last
            else:
                last = self.store(target) or last
        if last is not None:
            last.last = not after
        return [node, *after]

    def store(self, target: ast.expr, position: int = -1) -> Spot | None:
        """Let hooks see the object and the key of ``box[key] = ..`` and ``box.key = ..``.

        They pass them on where Python evaluates them, once: a property that is read twice might
        do something twice.
        """
        if not isinstance(target, (ast.Subscript, ast.Attribute)):
            return None
        kind = "store" if isinstance(target, ast.Subscript) else "set"
        names = [ast.unparse(target.value)]
        owner = self.visit(target.value)
        if isinstance(target, ast.Attribute):
            hook = "a"
            names.append(target.attr)
        else:
            target.slice = self.visit(target.slice)
            hook = "w" if isinstance(target.slice, ast.Slice) else "b"
        spot = self.spot(kind, target, names=tuple(names), count=position)
        target.value = self.hook(hook, target.value, spot.index, owner)
        if hook == "b":
            assert isinstance(target, ast.Subscript)
            target.slice = self.hook("k", target.slice, spot.index, target.slice)
        return spot

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> Any:
        """What an import brings in is watched from here on, where it is the person's own."""
        if getattr(node, "module", None) == "__future__":
            return node
        return [node, self.silent(self.hook("j", node), node)]

    visit_ImportFrom = visit_Import

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        value = self.visit(node.value)
        name = ast.unparse(node.target) if isinstance(node.target, ast.Name) else None
        spot = self.spot(
            "grow",
            node,
            count=2,
            operands=(name, name_of(node.value)),
            names=(name,) if name else (),
        )
        old = loaded(node.target) if name else ast.copy_location(ast.Constant(None), node)
        stored = self.store(node.target, GROWS)
        if stored is not None:
            spot.operands = (None, spot.operands[1])
        node.value = self.hook("p", node.value, spot.index, old, value)
        new = [loaded(node.target)] if name else []
        return [node, self.silent(self.hook("g", node, spot.index, *new), node)]

    def visit_For(self, node: ast.For) -> Any:
        plain = clone(node.body)
        names = plain_names(node.target)
        spot = self.spot("for", node.iter, names=names)
        node.iter = self.hook("i", node.iter, spot.index, self.visit(node.iter))
        body = self.block(node.body)
        loads = [ast.copy_location(ast.Name(n, ast.Load()), node.target) for n in names]
        index, flag = self.flag(plain[0])
        begun = self.hook("e", node.target, spot.index, index, *loads)
        node.body = self.doubled(self.silent(begun, node.target), body, plain, flag)
        node.orelse = self.block(node.orelse)
        return node

    def visit_If(self, node: ast.If) -> Any:
        node.test = self.test(node.test)
        node.body = self.block(node.body)
        node.orelse = self.block(node.orelse)
        return node

    def visit_Assert(self, node: ast.Assert) -> Any:
        node.test = self.test(node.test)
        if node.msg is not None:
            node.msg = self.visit(node.msg)
        return node

    def visit_While(self, node: ast.While) -> Any:
        plain = clone(node.body)
        index, flag = self.flag(node.test)
        test = clone(node.test)
        node.test = either(flag, self.test(node.test), test)
        at = plain[0]
        again = ast.copy_location(ast.Attribute(ast.Constant(FLAGS), f"b{index}", ast.Load()), at)
        turn = self.silent(self.hook("turn", at, index), at)
        node.body = self.doubled(turn, self.block(node.body), plain, again)
        node.orelse = self.block(node.orelse)
        return node

    @staticmethod
    def doubled(
        turn: ast.stmt, watched: list[ast.stmt], plain: list[ast.stmt], flag: ast.expr
    ) -> list[ast.stmt]:
        """The body of a loop, twice: as it is watched, after the hook of the turn, and plain."""
        return [ast.copy_location(ast.If(flag, [turn, *watched], plain), plain[0])]

    def visit_With(self, node: ast.With) -> Any:
        for item in node.items:
            item.context_expr = self.visit(item.context_expr)
        body = self.block(node.body)
        names = [n for item in node.items for n in plain_names(item.optional_vars)]
        if names:
            spot = self.spot("with", node.items[0].context_expr, names=tuple(names))
            at = node.items[0].context_expr
            loads = [ast.copy_location(ast.Name(n, ast.Load()), at) for n in names]
            body.insert(0, self.silent(self.hook("t", at, spot.index, *loads), at))
        node.body = body
        return node

    def visit_Return(self, node: ast.Return) -> Any:
        if node.value is None:
            return node
        spot = self.spot("return", node.value, operands=(name_of(node.value),))
        node.value = self.hook("v", node.value, spot.index, self.visit(node.value))
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        node.bases = [self.visit(base) for base in node.bases]
        node.body = self.block(node.body)
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Any:
        return node  # its turns interleave with others': its calls are seen from outside

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        own = list(own_nodes(node.body))
        outer, self.function = self.function, node.name
        if any(isinstance(n, YIELDS) for n in own):
            # Its turns interleave with the caller's: no activation of its own, and what stands
            # around a yield stays plain.
            node.body = self.block(node.body)
            self.function = outer
            return self.defined(node)
        body, doc = node.body, []
        if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            doc, body = body[:1], body[1:]
        scopes = [n for n in own if isinstance(n, (ast.Global, ast.Nonlocal))]
        body = without(body, scopes)
        if body:
            node.body = [*doc, *scopes, *self.body(node, body)]
        self.function = outer
        return self.defined(node)

    def defined(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Let a definition pass a hook, which gives the function its plain code back in the end."""
        self.line = node.lineno
        spot = self.spot("def", node, names=(node.name,))
        at = ast.copy_location(ast.Constant(None), node)
        at.end_lineno, at.end_col_offset = node.lineno, node.col_offset
        maker = ast.Attribute(ast.Constant(HOOKS), f"d{spot.index}", ast.Load())
        ast.fix_missing_locations(ast.copy_location(maker, at))
        node.decorator_list.append(maker)
        return node

    def body(self, node: ast.FunctionDef, body: list[ast.stmt]) -> list[ast.stmt]:
        plain = clone(body)
        at = body[0]
        index, flag = self.flag(at)
        names = parameters(node.args)
        loads = [ast.copy_location(ast.Name(n, ast.Load()), at) for n in names]
        spot = self.spot("enter", node, names=names)
        test = ast.BoolOp(ast.And(), [flag, self.hook("enter", at, index, spot.index, *loads)])
        # ``with``, not ``finally``: after an exception a frame's own line stays that of the exception
        # only so, and IPython reads it.
        around = ast.Attribute(ast.Constant(HOOKS), "around", ast.Load())
        watched = ast.With([ast.withitem(around)], self.block(body))
        both = ast.If(test, [watched], plain)
        return [ast.copy_location(both, at)]

    def visit_Match(self, node: Any) -> Any:
        node.subject = self.visit(node.subject)
        for case in node.cases:
            case.body = self.block(case.body)
        return node

    def visit_Delete(self, node: ast.Delete) -> Any:
        return node
