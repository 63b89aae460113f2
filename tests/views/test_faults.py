"""A fault in any view: nothing is raised, and the person reads one clear line."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tapemagic import diagram, views, wording
from tapemagic.magics import show
from tests.reports import detour


def functions() -> Iterator[tuple[str, str]]:
    """The functions of every module that draws, by the module's name."""
    for room in (views, diagram, wording):
        for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            module = importlib.import_module(found.name)
            for function, value in vars(module).items():
                if inspect.isfunction(value) and value.__module__ == found.name:
                    yield found.name, function


FUNCTIONS = list(functions())


class Told:
    """What was displayed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.data: list[dict[str, Any]] = []
        monkeypatch.setattr(show, "publish_display_data", lambda data, **_: self.data.append(data))


def broken(called: list[str]) -> Callable[..., Any]:
    def function(*_arguments: Any, **_options: Any) -> Any:
        called.append("")
        raise RuntimeError("injected")

    return function


def test_every_view_is_there() -> None:
    assert len(FUNCTIONS) > 150


def test_fault_in_each_function(monkeypatch: pytest.MonkeyPatch) -> None:
    reached = 0
    for module, name in FUNCTIONS:
        with monkeypatch.context() as patch:
            told, called = Told(patch), list[str]()
            patch.setattr(f"{module}.{name}", broken(called))
            show.show_report(detour())
            assert len(told.data) == 1, f"{module}.{name}"
            if called:
                reached += 1
                lines = told.data[0]["text/plain"].splitlines()
                # Either the whole report is replaced by a sentence, or the part left out is small.
                sentence = len(lines) == 1 and "injected" in lines[0]
                assert sentence or len(lines) > 5, f"{module}.{name}: {lines[:5]}"
    assert reached > 30
