"""Nothing of a try is seen: no output, no figure, no question to the person."""

from __future__ import annotations

import builtins
import contextlib
import io
import sys
import warnings
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Throw away what is printed, displayed and drawn, and answer no question."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_figures())
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(_captured())
        asked = builtins.input
        stack.callback(setattr, builtins, "input", asked)
        builtins.input = _no_answer
        yield


def _no_answer(prompt: object = "") -> str:
    raise EOFError(f"nobody answers while a fix is tried: {prompt}")


def _captured() -> Any:
    shell = None
    if "IPython" in sys.modules:
        from IPython.core.getipython import get_ipython

        shell = get_ipython()
    if shell is not None:
        from IPython.utils.capture import capture_output

        return capture_output()
    stack = contextlib.ExitStack()
    stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
    stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
    return stack


@contextlib.contextmanager
def _figures() -> Iterator[None]:
    """Figures of a try are of no one's business, and it draws into none of the person's."""
    helpers = sys.modules.get("matplotlib._pylab_helpers")
    inline = sys.modules.get("matplotlib_inline.backend_inline")
    if helpers is None:
        yield
        return
    kept = dict(helpers.Gcf.figs)
    helpers.Gcf.figs.clear()
    drawn = list(inline.show._to_draw) if inline is not None else []
    called = inline.show._draw_called if inline is not None else False
    try:
        yield
    finally:
        helpers.Gcf.figs.clear()
        helpers.Gcf.figs.update(kept)
        if inline is not None:
            inline.show._to_draw, inline.show._draw_called = drawn, called
