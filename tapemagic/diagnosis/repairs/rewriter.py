"""Changes of expressions that may lie inside one another, over the very text of the cell."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable
from typing import Any, ParamSpec

from tapemagic.cell.text import CellText, contains, span
from tapemagic.diagnosis.edits import Edits, module_alias

ATOMS = (
    ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.Constant, ast.List, ast.Dict, ast.Set,
    ast.ListComp, ast.DictComp, ast.SetComp, ast.JoinedStr,
)  # fmt: skip
_P = ParamSpec("_P")


class NoRepair(Exception):
    """No mechanical change keeps the meaning."""


def mechanical(repair: Callable[_P, str | None]) -> Callable[_P, str | None]:
    """A repair that answers None where it can't be made, whatever stood in its way."""
    way = (
        NoRepair,
        RecursionError,
        LookupError,
        AttributeError,
        TypeError,
        ValueError,
        StopIteration,
    )

    @functools.wraps(repair)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> str | None:
        try:
            return repair(*args, **kwargs)
        except way:
            return None

    return guarded


class Rewriter:
    """Collects a new text for expressions, and puts them together from the inside out.

    Args:
        text: The cell.

    Attributes:
        edits: Further changes, of statements and lines, outside of the changed expressions.
    """

    def __init__(self, text: CellText) -> None:
        if text.tree is None:
            raise NoRepair
        self.text = text
        self.edits = Edits(text)
        self.tf = module_alias(text, "tensorflow", "tf")
        self._rules: dict[int, tuple[ast.expr, Callable[[], str]]] = {}
        self._busy: set[int] = set()
        self._replaced: set[int] = set()
        self.parents: dict[int, ast.AST] = {
            id(child): node for node in ast.walk(text.tree) for child in ast.iter_child_nodes(node)
        }

    # -- what is changed

    def put(self, node: ast.expr, make: Callable[[], str]) -> None:
        """Give an expression a new text, made when the texts inside it are known.

        Raises:
            NoRepair: If it lies where its place in the text is not known.
        """
        if self.inside_fstring(node) and not self._found(node):
            raise NoRepair
        self._rules.setdefault(id(node), (node, make))

    def put_over(self, node: ast.expr, made: str) -> None:
        """Give an expression a text in the place of the one that it already has."""
        self._rules[id(node)] = (node, lambda: made)

    def forget(self, node: ast.expr) -> None:
        """Leave an expression as it was after all."""
        self._rules.pop(id(node), None)

    def statement(self, node: ast.expr, made: str) -> None:
        """Put statements in the place of an expression that is one by itself."""
        self.edits.replace(span(node), made)
        self._replaced.add(id(node))

    def changed(self, node: ast.AST) -> bool:
        """Whether an expression has a new text."""
        return id(node) in self._rules

    def _found(self, node: ast.expr) -> bool:
        """Whether the text at a node's place is the node: before 3.12 f-strings may be off."""
        try:
            there = ast.parse(self.edits.raw(span(node)), mode="eval").body
        except SyntaxError:
            return False
        return ast.dump(there) == ast.dump(node)

    def inside_fstring(self, node: ast.AST) -> bool:
        """Whether an expression stands in an f-string."""
        return any(isinstance(one, ast.JoinedStr) for one in self.above(node))

    def above(self, node: ast.AST) -> list[ast.AST]:
        """What holds a node, innermost first."""
        found = []
        parent = self.parents.get(id(node))
        while parent is not None:
            found.append(parent)
            parent = self.parents.get(id(parent))
        return found

    def strings(self, value: str) -> list[ast.Constant]:
        """The places where a call is given a text, as a layer is the name of its activation."""
        assert self.text.tree is not None
        return [
            node for node in ast.walk(self.text.tree)
            if isinstance(node, ast.Constant) and node.value == value
            and isinstance(self.parents.get(id(node)), (ast.keyword, ast.Call))
        ]  # fmt: skip

    def free_name(self, name: str) -> str:
        """A name that nothing in the cell has, made from another."""
        nodes = list(ast.walk(self.text.tree)) if self.text.tree is not None else []
        taken = {n.id for n in nodes if isinstance(n, ast.Name)}
        taken |= {n.arg for n in nodes if isinstance(n, ast.arg)}
        while name in taken:
            name += "_"
        return name

    # -- text

    def out(self, node: ast.expr) -> str:
        """The text of an expression with every change in it, its own included."""
        rule = self._rules.get(id(node))
        if rule is None or id(node) in self._busy:
            return self.inside(node)
        self._busy.add(id(node))
        try:
            return rule[1]()
        finally:
            self._busy.discard(id(node))

    def inside(self, node: ast.AST) -> str:
        """The text of a node with the changes of what it holds, without its own."""
        begin, end = self._ends(node)
        made = self.text.source[begin:end]
        for child in sorted(self._topmost(node), key=span, reverse=True):
            first, last = self._ends(child)
            made = made[: first - begin] + self._placed(child) + made[last - begin :]
        return made

    def operand(self, node: ast.expr) -> str:
        """The text of an expression, in parentheses unless it is an atom."""
        return _bracketed(self.out(node))

    def source(self) -> str | None:
        """The cell with all changes; None if nothing changes or it is no longer Python."""
        if self.text.tree is None:
            return None
        for node in self._topmost(self.text.tree):
            self.edits.replace(span(node), self._placed(node))
        return self.edits.source()

    def _ends(self, node: ast.AST) -> tuple[int, int]:
        place = span(node)
        return self.edits.offset(*place[:2]), self.edits.offset(*place[2:])

    def _topmost(self, node: ast.AST) -> list[ast.expr]:
        found: list[ast.expr] = []
        todo: list[ast.AST] = list(ast.iter_child_nodes(node))
        while todo:
            one = todo.pop()
            if id(one) in self._rules:
                found.append(self._rules[id(one)][0])
            elif id(one) not in self._replaced:
                todo.extend(ast.iter_child_nodes(one))
        return found

    def _placed(self, node: ast.expr) -> str:
        """The new text as it may stand where the node stands."""
        made = self.out(node)
        parent = self.parents.get(id(node))
        free = isinstance(parent, (ast.Assign, ast.AugAssign, ast.Return, ast.Expr, ast.keyword)) or (
            isinstance(parent, ast.Call) and parent.func is not node
        )  # fmt: skip
        if free or isinstance(parent, (ast.List, ast.Tuple)):
            return made if _parses(made) else f"({made})"
        return _bracketed(made)


def _parses(made: str) -> bool:
    try:
        ast.parse(made, mode="eval")
    except SyntaxError:
        return False
    return True


def _bracketed(made: str) -> str:
    try:
        body: Any = ast.parse(made, mode="eval").body
    except SyntaxError:
        body = None
    if isinstance(body, ATOMS) and not (
        isinstance(body, ast.Constant) and isinstance(body.value, (int, float, complex))
        and made.startswith("-")
    ):  # fmt: skip
        return made
    return made if _whole_in_brackets(made) else f"({made})"


def _whole_in_brackets(made: str) -> bool:
    if not (made.startswith("(") and made.endswith(")")):
        return False
    depth = 0
    for position, letter in enumerate(made):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and position < len(made) - 1:
            return False
    return "'" not in made and '"' not in made


def enclosing(text: CellText, node: ast.AST, kinds: tuple[type, ...]) -> Any:
    """The innermost node of some kinds that holds a node, or None."""
    best = None
    for other in ast.walk(text.tree) if text.tree is not None else ():
        if isinstance(other, kinds) and other is not node and contains(span(other), span(node)):
            if best is None or contains(span(best), span(other)):
                best = other
    return best
