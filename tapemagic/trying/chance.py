"""Random state: of Python, of NumPy, of TensorFlow's eager context and of Keras."""

from __future__ import annotations

import random
import sys
from typing import Any


class Chance:
    """The random state at one moment."""

    def __init__(self) -> None:
        self._python = random.getstate()
        numpy = sys.modules.get("numpy")
        self._numpy = numpy.random.get_state() if numpy is not None else None
        self._seed: Any = None
        self._rng: Any = None
        context = _context()
        if context is not None:
            self._seed = getattr(context, "_seed", None)
            rng = getattr(context, "_rng", None)
            self._rng = (rng, rng.getstate()) if rng is not None else None

    def restore(self) -> None:
        """Put it back."""
        random.setstate(self._python)
        if self._numpy is not None:
            sys.modules["numpy"].random.set_state(self._numpy)
        context = _context()
        if context is None:
            return
        context._seed = self._seed
        if self._rng is not None:
            context._rng = self._rng[0]
            context._rng.setstate(self._rng[1])

    def crossed(self) -> bool:
        """Whether what ran since seeded as the person did, and drew another number of times.

        Then the person's next random ops would share kernels, and their state, with it.
        """
        context = _context()
        if context is None:
            return False
        rng = getattr(context, "_rng", None)
        if self._seed is None or getattr(context, "_seed", None) != self._seed or self._rng is None:
            return False
        return rng is not None and rng.getstate() != self._rng[1]

    def apart(self) -> None:
        """Let random ops draw as from here, with kernels of their own.

        A kernel of a random op is shared by all calls with equal seeds, and its state can't be
        read or put back: with another seed the person's kernels are left alone.
        """
        context = _context()
        if context is None:
            return
        copied = random.Random(0)  # noqa: S311 - nothing secret
        if self._rng is not None:
            copied.setstate(self._rng[1])
        context._rng = copied
        context._seed = hash(("tapemagic", self._seed)) % (2**31 - 1) or 1


def forget_kernels() -> None:
    """Let random ops begin anew, as after ``tf.random.set_seed``."""
    context = _context()
    if context is not None:
        context.clear_kernel_cache()


def _context() -> Any:
    """TensorFlow's eager context, if TensorFlow is there."""
    module = sys.modules.get("tensorflow.python.eager.context")
    return module.context() if module is not None and hasattr(module, "context") else None


def roots() -> list[Any]:
    """Objects outside of the person's names that hold counters and generators."""
    found: list[Any] = []
    keras = sys.modules.get("keras.src.backend.common.global_state")
    for name in ("GLOBAL_STATE_TRACKER", "GLOBAL_SETTINGS_TRACKER"):
        tracker = getattr(keras, name, None)
        if tracker is not None:
            found.append(vars(tracker))
    generators = sys.modules.get("tensorflow.python.ops.stateful_random_ops")
    one = getattr(generators, "global_generator", None)
    if one is not None:
        found.append(one)
    return found


class Modules:
    """Attributes of libraries' modules that hold the objects of ``roots``."""

    _NAMES = (
        ("keras.src.backend.common.global_state", "GLOBAL_STATE_TRACKER"),
        ("keras.src.backend.common.global_state", "GLOBAL_SETTINGS_TRACKER"),
        ("tensorflow.python.ops.stateful_random_ops", "global_generator"),
    )

    def __init__(self) -> None:
        self._kept = [
            (module, name, getattr(module, name))
            for place, name in self._NAMES
            if (module := sys.modules.get(place)) is not None and hasattr(module, name)
        ]

    def restore(self) -> None:
        """Put the attributes back."""
        for module, name, value in self._kept:
            if getattr(module, name, None) is not value:
                setattr(module, name, value)
