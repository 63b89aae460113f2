"""A real kernel, with a stub in the place of the session: the surface is what is tested here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.driver import Kernel

HERE = Path(__file__).parent

USE_STUB = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
import stub_session
sys.modules["tapemagic.session"] = stub_session
%load_ext tapemagic
"""

RESET = """
stub_session.FAIL.clear(); stub_session.ACTIVE.clear(); stub_session.FINISHED.clear()
"""


@pytest.fixture(scope="module")
def started() -> Iterator[Kernel]:
    """One kernel for all tests of a module, with the extension loaded."""
    kernel = Kernel()
    try:
        kernel.done(USE_STUB)
        yield kernel
    finally:
        kernel.close()


@pytest.fixture
def kernel(started: Kernel) -> Kernel:
    """The module's kernel, with the stub in its first state."""
    started.done(RESET)
    return started
