"""The cell's own data flow while it runs: which values outside TensorFlow were made from tensors.

A value that is no tensor but was made from one (an array, a float) gets a :class:`Mark`. Marks
stand on the objects themselves where an object is one value (arrays, floats), and on names where
Python shares one object among many (small ints). They follow call expressions: what went into a
call or operator that is not rewritten itself, and what came out of it.
"""

from tapemagic.recorder.flow.flow import Flow
from tapemagic.recorder.flow.hooks import inert_flags, inert_hooks

__all__ = ["Flow", "inert_flags", "inert_hooks"]
