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
    """The marked values that the statements above an op of a function's graph were computed from.

    Args:
        frame: Where the op is made.
        flow: The data flow, which knows the marks.
        person: The file names of the person's code.
    """
    found: dict[int, Any] = {}
    while frame is not None and not is_tracer(frame.f_code):
        code = frame.f_code
        if is_traced_code(code) or code.co_filename in person:
            found.update(_marked(frame, _origins(code, frame.f_lineno), flow))
        frame = frame.f_back
    return [(value, mark) for mark, value in found.items()]


@lru_cache(maxsize=512)
def _origins(code: CodeType, line: int) -> frozenset[str]:
    """The names that a line of a function reads, and those that what it reads was bound from."""
    loads, stores = _names(code)
    found: set[str] = set()
    todo = [line]
    seen = {line}
    while todo:
        new = loads.get(todo.pop(), set()) - found
        found |= new
        for number in {n for name in new for n in stores.get(name, ())} - seen:
            seen.add(number)
            todo.append(number)
    return frozenset(found)


def _names(code: CodeType) -> tuple[dict[int, set[str]], dict[str, set[int]]]:
    """By line the names that it loads (variables, attributes, keys); by name the lines that bind it."""
    loads: dict[int, set[str]] = {}
    stores: dict[str, set[int]] = {}
    line = code.co_firstlineno
    for step in dis.get_instructions(code):
        if step.positions is not None and step.positions.lineno is not None:
            line = step.positions.lineno
        given = step.argval if isinstance(step.argval, tuple) else (step.argval,)
        for name in given:  # an instruction may load or bind two variables
            if isinstance(name, str):
                loads.setdefault(line, set()).add(name)
                if step.opname.startswith("STORE"):
                    stores.setdefault(name, set()).add(line)
    return loads, stores


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
