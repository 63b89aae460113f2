"""What a person sees of an exception's story: their frames, and no exception of ours."""

from __future__ import annotations

from types import FunctionType

import tapemagic
from tapemagic.tracebacks import prune

OURS = compile(
    "def fail(then):\n    try:\n        {}['a key of ours']\n    except KeyError:\n        then()\n",
    tapemagic.__file__,
    "exec",
)
THEIRS = compile("def fail(then):\n    then()\n    1 / 0\n", "<cell>", "exec")


def function(code: object) -> FunctionType:
    names: dict[str, FunctionType] = {}
    exec(code, names)  # type: ignore[call-overload]
    return names["fail"]


def raised(*codes: object) -> BaseException:
    """The exception of functions that call each other, the first the outermost."""
    then = lambda: None  # noqa: E731
    for code in reversed(codes):
        then = lambda code=code, then=then: function(code)(then)  # noqa: E731
    try:
        then()
    except Exception as error:
        return error
    raise AssertionError


def test_an_exception_that_we_handled_is_not_its_context() -> None:
    error = raised(OURS, THEIRS)
    assert isinstance(error.__context__, KeyError)
    prune(error)
    assert isinstance(error, ZeroDivisionError)
    assert error.__context__ is None


def test_frames_of_ours_are_taken_out() -> None:
    error = raised(THEIRS, OURS, THEIRS)
    prune(error)
    entry, files = error.__traceback__, []
    while entry is not None:
        files.append(entry.tb_frame.f_code.co_filename)
        entry = entry.tb_next
    assert tapemagic.__file__ not in files
    assert files.count("<cell>") == 2


def test_the_persons_own_context_stays() -> None:
    try:
        try:
            raise KeyError("theirs")
        except KeyError:
            raise ValueError("theirs too")  # noqa: B904
    except ValueError as error:
        prune(error)
        assert isinstance(error.__context__, KeyError)
    else:
        raise AssertionError
