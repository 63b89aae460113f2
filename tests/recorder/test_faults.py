"""A fault in any method of any probe, also of those that are written later: the cell goes on."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import tensorflow as tf

from tapemagic.api import run_cell
from tapemagic.recorder import flow, probes
from tapemagic.recorder.flow.hooks import HOT
from tests.recorder.test_restore import CELL, plain_code, untouched

__all__ = ["untouched"]  # a fixture
# What makes a probe, and what takes it down: that nothing is left is their very job.
MACHINERY = {"__init__", "restore", "close", "_guard"}
# Hooks that run most: each has its own try, so it is what they call that has to fail.
GUARDED = {f"_{name}" for name in HOT} | {"_define"}


def methods() -> Iterator[tuple[type, str]]:
    """Each method of each class in the rooms of the probes and of the data flow."""
    for room in (probes, flow):
        for found in pkgutil.iter_modules(room.__path__):
            module = importlib.import_module(f"{room.__name__}.{found.name}")
            for value in vars(module).values():
                if inspect.isclass(value) and value.__module__ == module.__name__:
                    left_out = MACHINERY | GUARDED | ({"install"} if room is flow else set())
                    for name, member in vars(value).items():
                        if inspect.isfunction(member) and name not in left_out:
                            yield value, name


METHODS = {f"{owner.__name__}.{name}": (owner, name) for owner, name in methods()}
PROBES = {
    name for name, (owner, _) in METHODS.items() if owner.__module__.startswith(probes.__name__)
}


def test_every_probe_is_there() -> None:
    assert {name.split(".")[0] for name in PROBES} >= {
        "OpsProbe", "BackwardProbe", "ForwardProbe", "TapesProbe", "FunctionsProbe", "VariablesProbe",
    }  # fmt: skip
    assert len(METHODS) > 60


def broken(called: list[str], plain: Any) -> Callable[..., Any]:
    def method(*_arguments: Any, **_options: Any) -> Any:
        called.append(plain.__name__)
        raise RuntimeError("injected")

    method.__name__ = plain.__name__  # by which hooks are told apart
    return method


@pytest.fixture(scope="module")
def wanted() -> Any:
    """What the cell gives plainly."""
    plain: dict[str, Any] = {}
    tf.keras.utils.set_random_seed(3)
    exec(compile(CELL, "<plain>", "exec"), plain)
    return [*(g.numpy().tolist() for g in plain["grads"]), plain["curve"].numpy()], set(plain)


@pytest.mark.parametrize("name", METHODS)
def test_fault(untouched: Any, wanted: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    owner, method = METHODS[name]
    called: list[str] = []
    monkeypatch.setattr(owner, method, broken(called, vars(owner)[method]))
    tf.keras.utils.set_random_seed(3)
    names: dict[str, Any] = {}
    report = run_cell(CELL, names)
    monkeypatch.undo()
    assert report.error is None
    found = [*(g.numpy().tolist() for g in names["grads"]), names["curve"].numpy()]
    assert (found, names.keys() - {"__name__"}) == (wanted[0], wanted[1])
    plain_code(names)
    said = [n for n in report.notes if "injected" in n]
    assert all("\n" not in n and "not affected" in n for n in said)
    assert bool(said) == bool(called)
    report.to_dict()
    str(report)
