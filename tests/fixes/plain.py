"""Run a cell under plain TensorFlow and read what its gradient questions gave."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

METHODS = ("gradient", "jacobian", "batch_jacobian")
CELLS = Path(__file__).parent / "cells"


def cells(name: str) -> list[tuple[str, str, bool]]:
    """The cells of a file: name, source, and whether a fix is expected."""
    found = []
    for block in (CELLS / f"{name}.txt").read_text().split("# === ")[1:]:
        head, source = block.split("\n", 1)
        title, _, wanted = head.partition(" -> ")
        found.append((title.strip(), source.strip("\n") + "\n", wanted.strip() != "none"))
    return found


def answers(source: str, namespace: dict[str, Any] | None = None) -> list[Any]:
    """What each question of a cell gave, in order; the cell's own exception passes."""
    import tensorflow as tf

    found: list[Any] = []
    plain = {name: getattr(tf.GradientTape, name) for name in METHODS}
    depth = [0]

    def told(method: str) -> Any:
        def ask(tape: Any, *args: Any, **kwargs: Any) -> Any:
            depth[0] += 1
            try:
                result = plain[method](tape, *args, **kwargs)
            finally:
                depth[0] -= 1
            if depth[0] == 0:
                found.append(result)
            return result

        return ask

    tf.keras.utils.set_random_seed(0)
    for name in METHODS:
        setattr(tf.GradientTape, name, told(name))
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(
                compile(source, "<plain>", "exec"),
                {"__name__": "__main__"} if namespace is None else namespace,
            )
    finally:
        for name, original in plain.items():
            setattr(tf.GradientTape, name, original)
    return found


def kind(value: Any) -> str:
    """ "none", "nan", "zero" or "connected"; of several the best, unless one is not finite."""
    import numpy as np
    import tensorflow as tf

    if value is None:
        return "none"
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        kinds = [kind(part) for part in value]
        order = ("nan", "connected", "zero", "none")
        return next(k for k in order if k in kinds)
    tensor = tf.convert_to_tensor(value)
    if not hasattr(tensor, "numpy"):
        return "connected"
    array = tensor.numpy()
    if not np.isfinite(array).all():
        return "nan"
    return "connected" if array.any() else "zero"
