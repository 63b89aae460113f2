"""What holds for every test: TensorFlow keeps quiet, and imports stay lazy."""

import os

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")


@pytest.fixture(autouse=True)
def new_notebook() -> None:
    """Each test is a notebook of its own: it goes on with no cell of another test."""
    forget()


def forget() -> None:
    """Let the next traced cell be the first one of its notebook."""
    from tapemagic.recorder.heritage import Heritage
    from tapemagic.session import Session

    Session._past, Session._heritage, Session._reasons = None, Heritage(), {}
