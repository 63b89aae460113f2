"""Patches, woven functions and the watch for imports, without a cell."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

from tapemagic.recorder.imports import ImportWatch
from tapemagic.recorder.patches import Patches
from tapemagic.recorder.weave import Observer, weave


class Box:
    kept = [1]  # noqa: RUF012

    def method(self, first: int, second: int = 2, *, third: int = 3) -> int:
        if first < 0:
            raise ValueError(first)
        return first + second + third

    def several(self, first: int) -> Any:
        for turn in range(first):
            if turn == 2:
                return turn
        if first == 1:
            return None
        return [x for x in range(first)]


class Child(Box):
    pass


def test_restored_objects_are_the_same() -> None:
    patches, kept, method = Patches(), Box.kept, vars(Box)["method"]
    assert patches.set(Box, "kept", 1) is kept
    assert patches.set(Box, "method", 2) is method
    assert patches.set(Box, "method", 3) == 2
    assert patches.set(Child, "kept", 4) is None
    patches.restore()
    assert Box.kept is kept
    assert vars(Box)["method"] is method
    assert "kept" not in vars(Child)


class Faults:
    """As much of a log as an observer needs."""

    def __init__(self, told: Any) -> None:
        self.fault = told
        self.observers: list[Observer] = []


def observed() -> tuple[list[Any], Observer]:
    seen: list[Any] = []
    observer = Observer(
        Faults(lambda where, fault: seen.append(("fault", str(fault)))),
        before=lambda *a: seen.append(("before", a[1:])) or "state",
        after=lambda s, r: seen.append(("after", s, r)),
        failed=lambda s, e: seen.append(("failed", s, type(e).__name__)),
    )
    return seen, observer


def test_woven_function_is_observed() -> None:
    seen, observer = observed()
    woven = weave(Box.method, observer)
    assert woven(Box(), 1, third=5) == 8
    assert seen == [("before", (1, 2, 5)), ("after", "state", 8)]
    assert woven.__name__ == "method"
    assert woven.__qualname__ == Box.method.__qualname__
    assert woven.__kwdefaults__ == {"third": 3}


@pytest.mark.parametrize(("given", "result"), [(0, []), (1, None), (2, [0, 1]), (3, 2), (9, 2)])
def test_every_return_is_heard(given: int, result: Any) -> None:
    seen, observer = observed()
    assert weave(Box.several, observer)(Box(), given) == result
    assert seen[-1] == ("after", "state", result)
    assert len(seen) == 2


def test_woven_exception_shows_no_frame_of_ours() -> None:
    seen, observer = observed()
    woven = weave(Box.method, observer)
    plain = woven_trace = None
    try:
        Box().method(-1)
    except ValueError as error:
        plain = traceback.extract_tb(error.__traceback__)[-1]
    try:
        woven(Box(), -1)
    except ValueError as error:
        woven_trace = traceback.extract_tb(error.__traceback__)[-1]
    assert plain is not None
    assert woven_trace is not None
    assert (plain.filename, plain.lineno, plain.name) == (
        woven_trace.filename, woven_trace.lineno, woven_trace.name,
    )  # fmt: skip
    assert seen[-1] == ("failed", "state", "ValueError")


def test_faults_of_callbacks_stay_with_us() -> None:
    faults: list[str] = []

    def bad(*_: Any) -> Any:
        raise RuntimeError("injected")

    observer = Observer(Faults(lambda where, fault: faults.append(str(fault))), bad, bad, bad)
    woven = weave(Box.method, observer)
    assert woven(Box(), 1) == 6
    with pytest.raises(ValueError, match="-1"):
        woven(Box(), -1)
    assert faults == ["injected"] * 2  # what did not begin is not followed


def test_handled_exception_is_not_taken_for_a_failure() -> None:
    seen, observer = observed()
    woven = weave(Box.several, observer)
    try:
        raise KeyError("being handled")
    except KeyError:
        assert woven(Box(), 1) is None
    assert seen[-1][0] == "after"


def test_function_without_source_is_wrapped() -> None:
    seen, observer = observed()
    space: dict[str, Any] = {}
    exec("def f(self, a):\n    return a + 1", space)
    woven = weave(space["f"], observer)
    assert woven(None, 1) == 2
    assert seen[0] == ("before", (1,))


def test_import_watch_tells_after_the_module_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "watched_module.py").write_text("value = 1\n")
    (tmp_path / "other_module.py").write_text("value = 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    told: list[Any] = []
    watch = ImportWatch(
        {"watched_module"}, lambda name: told.append((name, sys.modules[name].value))
    )
    finders = list(sys.meta_path)
    watch.install()
    try:
        __import__("other_module")
        assert told == []
        __import__("watched_module")
        assert told == [("watched_module", 1)]
    finally:
        watch.restore()
        sys.modules.pop("watched_module", None)
        sys.modules.pop("other_module", None)
    assert sys.meta_path == finders
    watch.restore()


def test_import_watch_leaves_failing_imports_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_module.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    told: list[Any] = []
    watch = ImportWatch({"broken_module", "missing_module"}, told.append)
    watch.install()
    try:
        with pytest.raises(ZeroDivisionError):
            __import__("broken_module")
        with pytest.raises(ModuleNotFoundError, match="missing_module"):
            __import__("missing_module")
    finally:
        watch.restore()
    assert told == []
