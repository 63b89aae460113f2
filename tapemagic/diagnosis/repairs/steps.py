"""The steps of a way that only step: where they stand in the cell, in the order of the way."""

from __future__ import annotations

import ast
import heapq
import itertools
from dataclasses import dataclass

from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import dotted
from tapemagic.diagnosis.repairs.rewriter import NoRepair
from tapemagic.diagnosis.view import MISSING, SHAPES
from tapemagic.traces.model import Body, Op, Tensor
from tapemagic.traces.tracking import DIFFERENTIABLE

ORDERS = frozenset(["Greater", "GreaterEqual", "Less", "LessEqual"])
_CALLED = {
    "Greater": ("greater",), "GreaterEqual": ("greater_equal",), "Less": ("less",),
    "LessEqual": ("less_equal",), "Equal": ("equal",), "NotEqual": ("not_equal",),
    "SelectV2": ("where",), "Select": ("where",), "Cast": ("cast",), "LogicalAnd": ("logical_and",),
    "LogicalOr": ("logical_or",), "LogicalNot": ("logical_not",), "Round": ("round",),
    "Floor": ("floor",), "Ceil": ("ceil",), "Rint": ("rint",), "Sign": ("sign",),
    "ArgMax": ("argmax",), "ArgMin": ("argmin",), "TopKV2": ("argsort", "top_k"),
    "OneHot": ("one_hot",), "GatherV2": ("gather",), "FloorDiv": ("floordiv",),
    "HistogramFixedWidth": ("histogram_fixed_width",), "Sum": ("reduce_sum", "count_nonzero"),
    "Mean": ("reduce_mean",), "All": ("reduce_all",), "Any": ("reduce_any",),
}  # fmt: skip
_WRITTEN = {
    "LogicalAnd": ast.BitAnd, "LogicalOr": ast.BitOr, "FloorDiv": ast.FloorDiv, "Mul": ast.Mult,
    "AddV2": ast.Add, "Sub": ast.Sub, "RealDiv": ast.Div,
}  # fmt: skip


@dataclass(slots=True)
class Step:
    """One op that only steps, or works on what a step gave.

    Attributes:
        op: The op.
        position: Through which input the value comes.
        node: Its expression in the cell.
        name: The last part of the called function's name, "" for an operator.
        tensors: Facts of the tensors around it.
    """

    op: Op
    position: int
    node: ast.expr
    name: str
    tensors: dict[int, Tensor]

    def rank(self, position: int = 0) -> int | None:
        """The rank of one of the op's inputs."""
        facts = self.tensors.get(self.op.inputs[position])
        return None if facts is None or facts.shape is None else len(facts.shape)

    def whole(self) -> bool:
        """Whether the value came as an integer or a yes or no."""
        return not _floating(self.tensors, self.op.inputs[self.position])


def steps(case: Case) -> list[Step]:
    """The steps of the way, each expression once.

    Raises:
        NoRepair: If one of them is not in this cell, or the way is cut by something else too.
    """
    found: list[Step] = []
    for op, position, after, tensors, answer in _ops(case):
        flat = answer == MISSING or (isinstance(answer, tuple) and not answer[position])
        before = op.inputs[position]
        if (
            not flat
            and _floating(tensors, before)
            and _floating(tensors, after)
            and op.type != "Sign"
        ):
            continue
        try:
            node = _node(case, op, found)
        except NoRepair:
            if flat or op.at is None or not op.at.here or op.at.expr is not None:
                raise
            continue  # a part of the step before it, such as the two halves of an argsort
        if any(step.node is node for step in found):
            continue
        called = dotted(node.func) if isinstance(node, ast.Call) else ""
        found.append(Step(op, position, node, called.rsplit(".", 1)[-1], tensors))
    return found


def _floating(tensors: dict[int, Tensor], node: int) -> bool:
    facts = tensors.get(node)
    return facts is None or facts.kind == "variable" or facts.dtype in DIFFERENTIABLE


def _ops(case: Case) -> list[tuple[Op, int, int, dict[int, Tensor], object]]:
    """The ops of the way with those inside function bodies in the place of the call."""
    view = case.view
    found: list[tuple[Op, int, int, dict[int, Tensor], object]] = []
    for edge in case.way.edges if case.way is not None else ():
        if edge.kind != "op" or edge.op is None:
            raise NoRepair
        op = view.trace.ops[edge.op]
        answer = view.differentiable(op)
        if op.rule == "function" and op.body is not None and view.registry is not None:
            if answer is not None and edge.op in view.codes and view.fault(edge) is None:
                continue
            body = view.registry.body(op.body)
            if body is None:
                raise NoRepair
            at = op.outputs.index(edge.target)
            found += _inside(case, body, edge.position, at)
        elif op.rule is None:
            found.append((op, edge.position, edge.target, view.trace.tensors, answer))
    return found


def _inside(
    case: Case, body: Body, position: int, output: int
) -> list[tuple[Op, int, int, dict[int, Tensor], object]]:
    """The cheapest way through a body, from a placeholder to one of its outputs."""
    if position >= len(body.inputs) or output >= len(body.outputs):
        raise NoRepair
    made = {t: op for op in body.ops for t in op.outputs}
    end = body.outputs[output]
    best, following = {end: 0.0}, {}
    count = itertools.count()
    heap = [(0.0, next(count), end)]
    while heap:
        cost, _, node = heapq.heappop(heap)
        op = made.get(node)
        if op is None or cost > best[node] or op.type in SHAPES:
            continue
        answer = case.view.registry.differentiable(op, body.tensors)
        for at, tensor in enumerate(op.inputs):
            flat = answer == MISSING or (isinstance(answer, tuple) and not answer[at])
            price = cost + 0.01 + 12.0 * flat + 20.0 * (not _floating(body.tensors, tensor))
            if price < best.get(tensor, float("inf")):
                best[tensor] = price
                following[tensor] = (op, at, node, body.tensors, answer)
                heapq.heappush(heap, (price, next(count), tensor))
    node, found = body.inputs[position], []
    while node in following and node != end:
        found.append(following[node])
        node = following[node][2]
    if node != end:
        raise NoRepair
    return found


def _node(case: Case, op: Op, found: list[Step]) -> ast.expr:
    """The expression of the cell that ran an op.

    Raises:
        NoRepair: If it is elsewhere, or can't be told from others.
    """
    at = op.at
    if at is None or not at.here:
        raise NoRepair
    exact = case.node(at)
    if exact is not None:
        return exact
    statement = case.here.statement_at(at.line)
    if statement is None:
        raise NoRepair
    # In a tf.function only the line is known.
    fits = [n for n in ast.walk(statement) if isinstance(n, ast.expr) and _fits(n, op.type)]
    if not fits and op.type == "Cast":
        fits = [n for n in ast.walk(statement) if isinstance(n, ast.Call) and _counts(n)]
    if len(fits) > 1 and _nested(fits):
        # Of calls inside one another the innermost runs first.
        known = [step.node for step in found]
        fits = [n for n in reversed(fits) if not any(n is k for k in known)][:1]
    if len(fits) != 1:
        raise NoRepair
    return fits[0]


def _nested(fits: list[ast.expr]) -> bool:
    return all(
        any(inner is n for n in ast.walk(outer)) for outer, inner in itertools.pairwise(fits)
    )


def _counts(node: ast.Call) -> bool:
    return dotted(node.func).rsplit(".", 1)[-1] in ("count_nonzero", "where", "cast")


def _fits(node: ast.expr, kind: str) -> bool:
    if isinstance(node, ast.Call):
        return dotted(node.func).rsplit(".", 1)[-1] in _CALLED.get(kind, ())
    if isinstance(node, ast.Compare):
        equal = isinstance(node.ops[0], (ast.Eq, ast.NotEq))
        return kind in ("Equal", "NotEqual") if equal else kind in ORDERS
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Invert) and kind == "LogicalNot"
    wanted = _WRITTEN.get(kind)
    return isinstance(node, ast.BinOp) and wanted is not None and isinstance(node.op, wanted)
