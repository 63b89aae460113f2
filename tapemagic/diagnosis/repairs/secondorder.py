"""Ops that can be differentiated once only, by forms that can be differentiated again."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import calls_in, dotted
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical
from tapemagic.diagnosis.repairs.soft import let
from tapemagic.traces.model import Op

_SMOOTH = ("ResizeBicubic", "ScaleAndTranslate")
_NAMES = {
    "LRN": ("local_response_normalization", "lrn"), "Softsign": ("softsign",),
    "ResizeNearestNeighbor": ("resize",), **dict.fromkeys(_SMOOTH, ("resize",)),
}  # fmt: skip
_METHODS = ("bicubic", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")
AGAIN = {
    "LRN": "x * (bias + alpha * s) ** -beta (s: the sum of x * x over the channels near by)",
    "Softsign": "x / (1.0 + tf.abs(x))",
    "ResizeNearestNeighbor": "tf.repeat along the height and the width",
    **dict.fromkeys(
        _SMOOTH, 'method="bilinear" (without antialias), which has a second derivative,'
    ),
}
"""What can be differentiated again, by the type of the forward op."""


@mechanical
def differentiable_again(case: Case, op: Op) -> str | None:
    """The cell with the forward op's call replaced by a form that has a second derivative."""
    if op.at is None or not op.at.here or op.type not in _NAMES:
        return None
    rw = Rewriter(case.here)
    statement = case.here.statement_at(op.at.line)
    place = op.at.expr or (span(statement) if statement is not None else None)
    if place is None:
        return None
    names = _NAMES[op.type]
    calls = calls_in(case.here, place, lambda c: dotted(c.func).rsplit(".", 1)[-1] in names)
    if len(calls) == 1:
        _replace(case, rw, calls[0], op)
    elif not calls:
        _by_name(rw, op)
    else:
        return None
    return rw.source()


def _replace(case: Case, rw: Rewriter, call: ast.Call, op: Op) -> None:
    named = {k.arg: k.value for k in call.keywords}
    first = call.args[0] if call.args else named.get("input") or named.get("features")
    if first is None:
        raise NoRepair
    if op.type == "LRN":
        order = ("depth_radius", "bias", "alpha", "beta")
        named.update(zip(order, call.args[1:], strict=False))
        _normalized(rw, call, first, named)
    elif op.type == "Softsign":
        rw.put(call, lambda: let(rw, first, lambda v: f"{v} / (1.0 + {rw.tf}.abs({v}))"))
    elif op.type == "ResizeNearestNeighbor":
        _repeated(case, rw, call, first, op)
    else:
        method = named.get("method") or (call.args[2] if len(call.args) > 2 else None)
        smooth = named.get("antialias") or (call.args[4] if len(call.args) > 4 else None)
        if method is not None:
            rw.put(method, lambda: '"bilinear"')
        if smooth is not None:
            rw.put(smooth, lambda: "False")


def _normalized(
    rw: Rewriter, call: ast.Call, first: ast.expr, given: Mapping[str | None, ast.expr]
) -> None:
    tf, default = rw.tf, {"depth_radius": "5", "bias": "1.0", "beta": "0.5"}
    radius, bias, beta = (
        rw.operand(given[name]) if name in given else text for name, text in default.items()
    )
    alpha = f"{rw.operand(given['alpha'])} * " if "alpha" in given else ""

    def made(v: str) -> str:
        ones = f"{tf}.ones([{v}.shape[-1]] * 2, {v}.dtype)"
        near = f"{tf}.linalg.band_part({ones}, {radius}, {radius})"
        return f"{v} * ({bias} + {alpha}{tf}.tensordot({v} * {v}, {near}, 1)) ** -{beta}"

    rw.put(call, lambda: let(rw, first, made))


def _repeated(case: Case, rw: Rewriter, call: ast.Call, first: ast.expr, op: Op) -> None:
    """Nearest neighbours of a whole factor are repeated rows and columns."""
    facts = [case.view.trace.tensors.get(t) for t in (op.inputs[0], op.outputs[0])]
    small, large = (f.shape[1:3] if f is not None and f.shape else () for f in facts)
    if len(small) != 2 or any(not s or not t or t % s for s, t in zip(small, large, strict=True)):
        raise NoRepair
    high, wide = (t // s for s, t in zip(small, large, strict=True))  # type: ignore[operator]
    repeat = f"{rw.tf}.repeat"
    rw.put(call, lambda: f"{repeat}({repeat}({rw.out(first)}, {high}, axis=-3), {wide}, axis=-2)")


def _by_name(rw: Rewriter, op: Op) -> None:
    """A layer that was given the name of the method or activation."""
    wanted = ("softsign",) if op.type == "Softsign" else _METHODS if op.type in _SMOOTH else ()
    named = [n for name in wanted for n in rw.strings(name)]
    if len(named) != 1:
        raise NoRepair
    made = f"lambda v: v / (1.0 + {rw.tf}.abs(v))" if op.type == "Softsign" else '"bilinear"'
    rw.put(named[0], lambda: made)
