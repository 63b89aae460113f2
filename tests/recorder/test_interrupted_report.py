"""A report that takes long tells of it, and can be interrupted."""

from __future__ import annotations

from typing import Any

import pytest

from tapemagic import run_cell
from tapemagic.magics import progress
from tapemagic.report import build
from tapemagic.session import Session

CELL = """
import tensorflow as tf
v, w = tf.Variable(2.0), tf.Variable(3.0)
with tf.GradientTape(persistent=True) as tape:
    y = v * v
first = tape.gradient(y, v)
second = tape.gradient(y, w)
third = tape.gradient(y, [v, w])
"""


def interrupted_at(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    plain, seen = build._call, []

    def call(*arguments: Any) -> Any:
        seen.append(arguments)
        if len(seen) == number:
            raise KeyboardInterrupt
        return plain(*arguments)

    monkeypatch.setattr(build, "_call", call)


@pytest.mark.parametrize("explained", [0, 1, 2])
def test_interrupted_report_is_partial(monkeypatch: pytest.MonkeyPatch, explained: int) -> None:
    interrupted_at(monkeypatch, explained + 1)
    names: dict[str, Any] = {}
    report = run_cell(CELL, names)
    assert float(names["first"]) == 4.0  # the cell itself had run
    assert len(report.calls) == explained
    assert f"{explained} of 3 gradient calls are explained" in report.notes[-1]
    assert Session.active is None
    assert f"{explained} of 3" in report._repr_mimebundle_()["text/plain"]


def test_interrupted_while_the_rows_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("tapemagic.recorder.build.Builder.build", interrupted)
    names: dict[str, Any] = {}
    report = run_cell(CELL, names)
    assert "interrupted" in report.notes[-1]
    assert names["second"] is None


def test_interrupted_while_everything_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    from tapemagic.recorder.patches import Patches

    plain, turns = Patches.restore, []
    before = dict(vars(tf.GradientTape))

    def restore(self: Patches) -> None:
        turns.append(1)
        if len(turns) == 1:
            raise KeyboardInterrupt
        plain(self)

    monkeypatch.setattr(Patches, "restore", restore)
    with pytest.raises(KeyboardInterrupt):
        run_cell(CELL, {})
    assert dict(vars(tf.GradientTape)) == before


def test_progress_waits_and_its_place_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[dict[str, Any], bool]] = []
    monkeypatch.setattr(
        progress,
        "publish_display_data",
        lambda data, *, transient, update: shown.append((data, update)),
    )
    now = [0.0]
    line = progress.Progress(clock=lambda: now[0])
    line("reading")
    assert not line.shown
    for now[0] in (1.1, 1.2, 1.3, 1.7):
        line(f"at <{now[0]}>")
    assert [data["text/plain"].split(".")[0] for data, _ in shown] == [
        "tapemagic: at <1", "tapemagic: at <1",
    ]  # fmt: skip
    assert [update for _, update in shown] == [False, True]
    assert "&lt;1.1&gt;" in shown[0][0]["text/html"]
    line.publish({"text/plain": "the report"})
    assert shown[-1] == ({"text/plain": "the report"}, True)


def test_no_progress_when_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    line = progress.Progress(wanted=False, clock=lambda: now[0])
    now[0] = 9.0
    line("reading")
    assert not line.shown
