"""MirroredStrategy: replicas run in threads of their own, and each one is explained."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.agreement import two_replicas


@pytest.fixture(scope="module")
def found() -> Any:
    command = [sys.executable, "-m", two_replicas.__name__]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", two_replicas.CELLS)
def test_agrees_on_each_replica(found: Any, name: str) -> None:
    report = found[name]
    assert report["cell"]["error"] is None
    assert report["notes"] == []
    assert report["agreement"]["mismatches"] == 0
    assert [c["replica"] for c in report["calls"]] == [0, 1]


def told(call: Any) -> list[Any]:
    return [(s["name"], s["status"], s["why"] and s["why"]["cause"]) for s in call["sources"]]


def test_each_replica_has_its_own_reasons(found: Any) -> None:
    first, second = found["eager"]["calls"]
    assert told(first) == [("w", "connected", None), ("u", "none", "unconnected")]
    assert told(second) == [("w", "none", "left-tensorflow"), ("u", "none", "unconnected")]
    assert second["sources"][0]["why"]["line"] == 10
    assert "on replica 1" in found["eager"]["text"]


def test_ops_are_grouped_by_replica(found: Any) -> None:
    assert found["eager"]["scopes"] == [["replica 0"], ["replica 1"]]
    assert ["replica 1", "sequential", "memory"] in [s[:3] for s in found["keras"]["scopes"]]


def test_function_on_replicas(found: Any) -> None:
    for call in found["function"]["calls"]:
        assert told(call)[0][:2] == ("w", "none")
        assert told(call)[0][2] == "no-gradient-op"
        assert call["sources"][0]["why"]["line"] == 9
        assert told(call)[1] == ("u", "connected", None)
