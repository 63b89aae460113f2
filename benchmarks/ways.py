"""The ways in which a cell can be run. Each gives the seconds of one run."""

from __future__ import annotations

import ast
import itertools
import linecache
import logging
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from benchmarks.work import Work

_numbers = itertools.count(1)


class Bench:
    """A cell and its names; the ways share both.

    Args:
        work: What to measure.
    """

    def __init__(self, work: Work) -> None:
        from IPython.core.interactiveshell import InteractiveShell

        self.work = work
        self.shell = InteractiveShell.instance()
        if not self.shell.find_cell_magic("tape"):
            self.shell.run_line_magic("load_ext", "tapemagic")
        self.shell.display_pub = _Shown(self.shell)
        self.shell.user_ns["__name__"] = "__main__"
        filename = f"<tapemagic bench {next(_numbers)}>"
        linecache.cache[filename] = (len(work.setup), None, work.setup.splitlines(True), filename)
        exec(compile(work.setup, filename, "exec"), self.shell.user_ns)
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        self.shown = 0  # characters of the last page

    def ways(self, names: tuple[str, ...]) -> dict[str, Callable[[], float]]:
        """The ways by name, without those that can't be run here."""
        return {n: getattr(self, n) for n in names if n != "torchlens" or _has_torchlens()}

    def plain(self) -> float:
        """The cell as it is."""
        return self._exec()

    def floor(self) -> float:
        """With an op callback that does nothing: what the hook itself costs."""
        from tensorflow.python.framework import op_callbacks

        def nothing(*_args: Any, **_more: Any) -> None:
            return None

        op_callbacks.add_op_callback(nothing)
        try:
            return self._exec()
        finally:
            op_callbacks.remove_op_callback(nothing)

    def capture(self) -> float:
        """Listening alone: from arming the probes to taking them down, without the report."""
        from tapemagic.session import Session

        filename = f"<tapemagic bench {next(_numbers)}>"
        source = self.work.cell
        linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
        session = Session(source, self.shell.user_ns, filename=filename)
        tree = session.rewrite(ast.parse(source))
        code = session.embed(compile(tree, filename, "exec"))
        begun = time.perf_counter()
        session.start()
        exec(code, self.shell.user_ns)
        session.recorder.stop()
        seconds = time.perf_counter() - begun
        session.finish(None)
        return seconds

    def whole(self) -> float:
        """``%%tape`` in IPython: run, explain, draw and show."""
        return self._cell("%%tape\n")

    def quiet(self) -> float:
        """``%%tape --quiet`` in IPython."""
        return self._cell("%%tape --quiet\n")

    def notebook(self) -> float:
        """The plain cell in IPython, which is what ``whole`` and ``quiet`` are compared with."""
        return self._cell("")

    def check_numerics(self) -> float:
        """``tf.debugging.enable_check_numerics``."""
        import tensorflow as tf

        tf.debugging.enable_check_numerics()
        try:
            return self._exec()
        finally:
            tf.debugging.disable_check_numerics()

    def dump_debug_info(self) -> float:
        """``tf.debugging.experimental.enable_dump_debug_info``, which writes what it saw to disk."""
        import tensorflow as tf

        with tempfile.TemporaryDirectory() as folder:
            tf.debugging.experimental.enable_dump_debug_info(folder)
            try:
                return self._exec()
            finally:
                tf.debugging.experimental.disable_dump_debug_info()

    def torchlens(self) -> float:
        """The package torchlens with its TensorFlow backend, of the forward pass that it can look at."""
        import torchlens

        model = _module(self.shell.user_ns)
        begun = time.perf_counter()
        torchlens.trace(model, self.shell.user_ns["x"], backend="tensorflow")
        return time.perf_counter() - begun

    def _exec(self) -> float:
        code = compile(self.work.cell, "<plain>", "exec")
        begun = time.perf_counter()
        exec(code, self.shell.user_ns)
        return time.perf_counter() - begun

    def _cell(self, header: str) -> float:
        published: Any = self.shell.display_pub
        published.characters = 0
        begun = time.perf_counter()
        result = self.shell.run_cell(header + self.work.cell)
        seconds = time.perf_counter() - begun
        result.raise_error()
        self.shown = published.characters
        return seconds


def _has_torchlens() -> bool:
    with suppress(Exception):
        import torchlens

        return hasattr(torchlens, "trace")
    return False


def _module(names: dict[str, Any]) -> Any:
    import tensorflow as tf

    class Chain(tf.Module):
        def __call__(self, x: Any) -> Any:
            for w in names["ws"]:
                x = tf.nn.relu(x @ w)
            return tf.reduce_mean(x * x)

    return Chain()


def _Shown(shell: Any) -> Any:  # noqa: N802 - it makes one class for one shell
    from IPython.core.displaypub import DisplayPublisher

    class Shown(DisplayPublisher):
        """Counts what would be sent to the front end."""

        characters = 0

        def publish(self, data: Any, *_args: Any, **_more: Any) -> None:
            self.characters += sum(len(str(part)) for part in data.values())

    return Shown(parent=shell)
