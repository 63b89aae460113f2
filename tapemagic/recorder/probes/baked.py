"""Values that had left TensorFlow and became constants of a traced function.

Autograph compiles a function anew, so its Python code is not watched while it is traced. What its
statements can read is looked up instead: the names on the line that made a constant, in the function's
variables, closure, globals, and the attributes of its objects.
"""

from __future__ import annotations

import dis
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any

from tapemagic.recorder.flow import Flow
from tapemagic.recorder.kinds import CONTAINER, TENSOR, VARIABLE, leaves
from tapemagic.recorder.private import is_traced_code, is_tracer

_DEEP = 2
"""Attributes of attributes that are followed: ``self.config.temperature``."""


def read_values(frame: FrameType | None, flow: Flow, person: set[str]) -> list[tuple[Any, int]]:
    """The marked values that the code above an op of a function's graph reads.

    Args:
        frame: Where the op is made.
        flow: The data flow, which knows the marks.
        person: The file names of the person's code.

    Returns:
        Values and their marks: those that the running statements name, or else those that the
        running functions name anywhere.
    """
    near: dict[int, Any] = {}
    far: dict[int, Any] = {}
    while frame is not None and not is_tracer(frame.f_code):
        code = frame.f_code
        if is_traced_code(code) or code.co_filename in person:
            lines = _names(code)
            near.update(_marked(frame, lines.get(frame.f_lineno, frozenset()), flow))
            if not near:
                far.update(_marked(frame, frozenset().union(*lines.values()), flow))
        frame = frame.f_back
    return [(value, mark) for mark, value in (near or far).items()]


@lru_cache(maxsize=256)
def _names(code: CodeType) -> dict[int, frozenset[str]]:
    """The names that each line of a function loads: variables, globals, attributes, keys."""
    found: dict[int, set[str]] = {}
    line = code.co_firstlineno
    for step in dis.get_instructions(code):
        starts = getattr(step, "line_number", None) or step.starts_line
        if isinstance(starts, int) and not isinstance(starts, bool):
            line = starts
        if isinstance(step.argval, str):
            found.setdefault(line, set()).add(step.argval)
        elif isinstance(step.argval, tuple):  # two variables loaded by one instruction
            found.setdefault(line, set()).update(n for n in step.argval if isinstance(n, str))
    return {number: frozenset(names) for number, names in found.items()}


def _marked(frame: FrameType, names: frozenset[str], flow: Flow) -> dict[int, Any]:
    mine, everyones = frame.f_locals, frame.f_globals
    found: dict[int, Any] = {}
    for name in names:
        value = mine.get(name, everyones.get(name))
        if value is not None:
            found.update((mark, one) for one, mark in _inside(value, names, flow, _DEEP))
    return found


def _inside(value: Any, names: frozenset[str], flow: Flow, deep: int) -> Iterator[tuple[Any, int]]:
    kind = flow.kinds.of(value)
    if kind in (TENSOR, VARIABLE):
        return
    own = flow.mark_of(value)
    if own is not None:
        yield value, own
    if kind == CONTAINER:
        for leaf in leaves(value, flow.kinds, 64):
            mark = flow.mark_of(leaf)
            if mark is not None:
                yield leaf, mark
        return
    try:
        attributes = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return
    if deep and type(attributes) is dict:
        for name in names & attributes.keys():
            yield from _inside(attributes[name], names, flow, deep - 1)
