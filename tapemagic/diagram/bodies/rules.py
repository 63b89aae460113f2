"""Functions with a gradient rule of their own, as one group each.

``tf.custom_gradient`` and its kin compute with ordinary ops, but the gradient takes another way: the rule
is asked, and the derivatives of the ops inside are not. So the group holds the ops, faint, and one box for
the rule, which the gradient's path goes through.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tapemagic.diagram.model import Group
from tapemagic.wording import words
from tapemagic.wording.escape import one_line

if TYPE_CHECKING:
    from tapemagic.diagram.bodies.opened import Opened
    from tapemagic.traces.model import Op

RULE = "custom_gradient"
UNCHANGED = "_grad_pass_through_op"
_RECOMPUTED = "_recompute_grad"
_NAME = 40


def frame_rules(ops: list[Op], opened: Opened) -> list[Op]:
    """Put each such function into a frame.

    Args:
        ops: Those of one graph.
        opened: Gets the frames, and the ops whose derivatives are not asked for.

    Returns:
        The ops, with those joined that TensorFlow needs two of for one rule.
    """
    rules = [op for op in ops if op.rule == RULE]
    if not rules:
        return ops
    makers = {tensor: op for op in ops if op.rule != RULE for tensor in op.outputs}
    recomputed = {op.type.removesuffix(_RECOMPUTED) for op in ops if op.type.endswith(_RECOMPUTED)}
    gone: set[int] = set()
    joined: dict[int, Op] = {}
    for op in rules:
        twins = [makers[t] for t in op.outputs if t in makers and makers[t] is not op]
        twins = [twin for twin in twins if twin.type in ("Identity", "IdentityN")]
        gone.update(twin.index for twin in twins)
        results, arguments = _sides(op, twins, ops)
        more = tuple(dict.fromkeys(t for t in results if t not in op.inputs))
        name = _name(op, recomputed)
        joined[op.index] = replace(op, inputs=op.inputs + more, attrs={**op.attrs, "rule": name})
        home = opened.homes.get(op.index)
        group = Group(f"rule{op.index}", _label(op, name), home)
        inner = _inner(op, results, set(arguments), makers)
        inner = [o for o in inner if opened.homes.get(o.index) == home and o.index not in gone]
        opened.groups.append(group)
        opened.aside.update(o.index for o in inner)
        for one in (op, *inner):
            opened.homes[one.index] = group.id
            opened.places.update((t, group.id) for t in one.outputs if not one.inputs)
    return [joined.get(op.index, op) for op in ops if op.index not in gone]


def _sides(op: Op, twins: list[Op], ops: list[Op]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What the function computed, and what it was given.

    In a graph one op takes both, and hands both on; only what was computed is used further.
    """
    both = op.type == "IdentityN" or any(twin.inputs == op.inputs for twin in twins)
    if not both:
        return tuple(t for twin in twins for t in twin.inputs), op.inputs
    own = {op.index, *(twin.index for twin in twins)}
    used = {t for one in ops if one.index not in own for t in one.inputs}
    count = max((at + 1 for at, t in enumerate(op.outputs) if t in used), default=1)
    return op.inputs[:count], op.inputs[count:]


def _inner(
    op: Op, results: tuple[int, ...], arguments: set[int], makers: dict[int, Op]
) -> list[Op]:
    """The ops that made the results out of the arguments, in the call of the function."""
    found: dict[int, Op] = {}
    todo = list(results)
    while todo:
        tensor = todo.pop()
        maker = makers.get(tensor)
        if tensor in arguments or maker is None or maker.index in found:
            continue
        if op.at is None or op.at in (maker.at, *maker.via):
            found[maker.index] = maker
            todo += maker.inputs
    return list(found.values())


def _name(op: Op, recomputed: set[str]) -> str:
    """The name of the function that brings its own rule; inside a graph it may not be known."""
    known = str(op.attrs.get("rule", op.type))
    if known == UNCHANGED:
        return "tf.grad_pass_through"
    if known in recomputed:
        return "tf.recompute_grad"
    return "a function" if known == "IdentityN" else one_line(known, _NAME)


def _label(op: Op, name: str) -> str:
    said = name if name.startswith("tf.") else f"{name} (tf.custom_gradient)"
    where = words.place(op.at)
    return f"{said}, {where}" if where else said
