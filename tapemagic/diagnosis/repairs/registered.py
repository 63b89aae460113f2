"""Ops without a registered gradient, by the same formula in ops that have one."""

from __future__ import annotations

import ast

from tapemagic.cell.text import span
from tapemagic.diagnosis.case import Case
from tapemagic.diagnosis.edits import calls_in, dotted
from tapemagic.diagnosis.repairs.rewriter import NoRepair, Rewriter, mechanical
from tapemagic.diagnosis.repairs.soft import Soft, let
from tapemagic.traces.model import Op

_NAMES = {
    "TruncateMod": ("truncatemod",),
    "AdjustContrastv2": ("adjust_contrast", "random_contrast"),
    "AdjustSaturation": ("adjust_saturation", "random_saturation"),
    "ResizeArea": ("resize",),
    "RandomPoissonV2": ("poisson",),
    "DenseBincount": ("bincount",),
    "Bincount": ("bincount",),
    "HistogramFixedWidth": ("histogram_fixed_width",),
}  # fmt: skip


@mechanical
def registered(case: Case, op: Op) -> str | None:
    """The cell with the op's call replaced by its formula."""
    names = _NAMES.get(op.type)
    if names is None or op.at is None or not op.at.here:
        return None
    statement = case.here.statement_at(op.at.line)
    if statement is None:
        return None
    place = op.at.expr or span(statement)
    calls = calls_in(case.here, place, lambda c: dotted(c.func).rsplit(".", 1)[-1] in names)
    if len(calls) != 1:
        return None
    rw = Rewriter(case.here)
    _replace(case, rw, calls[0], op)
    return rw.source()


def _replace(case: Case, rw: Rewriter, call: ast.Call, op: Op) -> None:
    tf = rw.tf
    named = {k.arg: k.value for k in call.keywords}
    first = call.args[0] if call.args else next(iter(named.values()))
    if op.type == "TruncateMod":
        root = dotted(call.func).split(".", maxsplit=1)[0]
        rw.put(call.func, lambda: f"{root}.math.floormod")
    elif op.type == "AdjustContrastv2":
        factor = _factor(rw, call, named)
        mean = f"{tf}.reduce_mean({{v}}, [-3, -2], keepdims=True)"
        rw.put(call, lambda: let(rw, first, lambda v: (
            f"({v} - {mean.format(v=v)}) * {factor} + {mean.format(v=v)}"
        )))  # fmt: skip
    elif op.type == "AdjustSaturation":
        # In HSV each channel is value * (1 - saturation * its share), and saturation ends at 1.
        factor = _factor(rw, call, named)
        top = f"{tf}.reduce_max({{v}}, -1, keepdims=True)"
        low = f"{tf}.reduce_min({{v}}, -1, keepdims=True)"

        def scaled(v: str) -> str:
            high, span_ = top.format(v=v), f"{top.format(v=v)} - {low.format(v=v)}"
            most = f"{tf}.math.divide_no_nan({high}, {span_})"
            return f"{high} - {tf}.minimum({factor}, {most}) * ({high} - {v})"

        rw.put(call, lambda: let(rw, first, scaled))
    elif op.type == "ResizeArea":
        method = named.get("method") or (call.args[2] if len(call.args) > 2 else None)
        if method is None or "antialias" in named:
            raise NoRepair
        rw.put(method, lambda: '"bilinear"')
        rw.edits.insert(call.end_lineno or 0, (call.end_col_offset or 1) - 1, ", antialias=True")
    elif op.type == "RandomPoissonV2":
        rate = named.get("lam") or (call.args[1] if len(call.args) > 1 else None)
        if rate is None:
            raise NoRepair
        whole = rw.inside(call)
        lam = rw.operand(rate)
        rw.put(call, lambda: f"{lam} + {tf}.stop_gradient({whole} - {lam})")
    elif op.type == "HistogramFixedWidth":
        Soft(case, rw, []).histogram(call)
    else:
        _bincount(rw, call, named)


def _factor(rw: Rewriter, call: ast.Call, named: dict[str | None, ast.expr]) -> str:
    rest = [*call.args[1:], *(v for k, v in named.items() if k not in ("images", "image", "seed"))]
    if dotted(call.func).rsplit(".", 1)[-1].startswith("random"):
        if len(rest) < 2:
            raise NoRepair
        return f"{rw.tf}.random.uniform([], {rw.out(rest[0])}, {rw.out(rest[1])})"
    if not rest:
        raise NoRepair
    return rw.operand(rest[0])


def _bincount(rw: Rewriter, call: ast.Call, named: dict[str | None, ast.expr]) -> None:
    """Weights that are summed by index."""
    if "weights" not in named or set(named) - {"weights", "minlength"} or len(call.args) != 1:
        raise NoRepair
    index, weights = call.args[0], named["weights"]
    length = f"{rw.tf}.reduce_max({rw.out(index)}) + 1"
    if "minlength" in named:
        length = f"{rw.tf}.maximum({length}, {rw.out(named['minlength'])})"
    sums = f"{rw.tf}.math.unsorted_segment_sum"
    rw.put(call, lambda: f"{sums}({rw.out(weights)}, {rw.out(index)}, {length})")
