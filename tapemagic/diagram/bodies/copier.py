"""The ops of one body, copied into the place of one call."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapemagic.diagram.bodies.opened import Call
    from tapemagic.diagram.bodies.opening import Opener
    from tapemagic.traces.model import Body, Op

BOOKS = ("TensorList", "EmptyTensorList", "Optional")
"""Ops with which loops and branches keep values for the way back."""


class Copier:
    """Copies one body into one call."""

    def __init__(self, opener: Opener, body: Body, call: Call, home: str, depth: int) -> None:
        self.opener = opener
        self.body = body
        self.call = call
        self.home = home
        self.depth = depth
        self.loop = False
        self.names: dict[int, int] = {}  # a tensor of the body -> its copy
        self.makers = {t: op for op in body.ops for t in op.outputs}

    def enter(self, inputs: tuple[int, ...], loop: bool) -> list[int]:
        """Let the placeholders stand for what the call was given."""
        self.loop = loop
        opener, found = self.opener, self.opener.found
        for placeholder, tensor in zip(self.body.inputs, inputs, strict=False):
            copy = self.names[placeholder] = opener.tensor(self.body.tensors[placeholder])
            found.alias[copy] = tensor
            if tensor in opener.tracked:
                opener.tracked.add(copy)
        changing = [
            (end, begin)
            for end, begin in zip(self.body.outputs, self.body.inputs, strict=False)
            if end != begin and loop
        ]
        if any(t in opener.tracked for t in inputs):
            # What is tracked after a turn is tracked in the next one.
            opener.tracked.update(self.names[begin] for _, begin in changing if begin in self.names)
        return [self.names[p] for p, _ in zip(self.body.inputs, inputs, strict=False)]

    def copy(self, outputs: dict[int, int]) -> None:
        """Copy the ops that the wanted outputs need.

        Args:
            outputs: For positions among the body's outputs, the ids under which they are known.
        """
        opener, found, body = self.opener, self.opener.found, self.body
        for at, known in outputs.items():
            end = self._plain(body.outputs[at])
            if end in self.names:
                found.alias[known] = self.names[end]
            else:
                self.names[end] = known
                facts = replace(body.tensors[end], id=known, op=None)
                if known not in opener.trace.tensors:
                    found.tensors.setdefault(known, facts)
        written = body.made_by == "tf.function"  # what it computed in vain is the person's too
        needed = self._needed({body.outputs[at] for at in outputs})
        for op in body.ops:
            if op.type == "Placeholder" or not op.outputs or self._is_handed_on(op):
                continue
            books = op.type == "Identity" or op.type.startswith(BOOKS)
            aside = not written or op.at is None or books or op.inner
            if needed.isdisjoint(op.outputs) and aside:
                continue
            self._one(op, needed)
        if self.loop:
            self._turns(needed)

    def _one(self, op: Op, needed: set[int]) -> None:
        opener = self.opener
        inputs = tuple(self._copied(t) for t in op.inputs)
        outputs = tuple(self._copied(t) for t in op.outputs)
        made = replace(op, inputs=inputs, outputs=outputs)
        if op.inner:
            wanted = {at for at, t in enumerate(op.outputs) if t in needed}
            opener.run(made, wanted or {0}, self.call, self.home, self.depth + 1)
            return
        index = opener.add(made, self.call, self.home).index
        opener.found.copies.setdefault((self.body.name, op.index), []).append(index)

    def _turns(self, needed: set[int]) -> None:
        for end, begin in zip(self.body.outputs, self.body.inputs, strict=False):
            given = self._plain(end)
            if given in needed and given != begin and begin in self.names:
                self.call.loops.append((self._copied(given), self.names[begin]))

    def _copied(self, tensor: int) -> int:
        tensor = self._plain(tensor)
        if tensor not in self.names:
            self.names[tensor] = self.opener.tensor(self.body.tensors[tensor])
        return self.names[tensor]

    def _is_handed_on(self, op: Op) -> bool:
        """Whether an op is an ``Identity`` that TensorFlow puts at the border of a body."""
        if op.type != "Identity" or len(op.inputs) != 1:
            return False
        maker = self.makers.get(op.inputs[0])
        inner = maker is not None and bool(maker.inner)
        return inner or op.outputs[0] in self.body.outputs

    def _plain(self, tensor: int) -> int:
        """A tensor before it was handed on as it is."""
        maker = self.makers.get(tensor)
        while maker is not None and self._is_handed_on(maker):
            tensor = maker.inputs[0]
            maker = self.makers.get(tensor)
        return tensor

    def _needed(self, ends: Iterable[int]) -> set[int]:
        """Every tensor that some outputs were made from; in a loop, over all turns."""
        after = dict(zip(self.body.inputs, self.body.outputs, strict=False)) if self.loop else {}
        needed: set[int] = set()
        todo = [self._plain(end) for end in ends]
        while todo:
            tensor = todo.pop()
            if tensor in needed:
                continue
            needed.add(tensor)
            maker = self.makers.get(tensor)
            if maker is not None:
                todo += [self._plain(t) for t in maker.inputs]
            if tensor in after:
                todo.append(self._plain(after[tensor]))
        return needed
