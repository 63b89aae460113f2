import threading
from pathlib import Path

import pytest

from tapemagic.views.pictures import draw
from tapemagic.views.pictures.svg import finish, recolour

GRAPH = 'digraph { a [label="x & y"] a -> b }'


def test_embedded_engine_draws_without_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not draw.has_dot()
    drawn = draw.draw(GRAPH)
    assert drawn is not None
    assert b"<svg" in drawn


def test_threads_may_draw_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found: list[bytes | None] = []
    threads = [threading.Thread(target=lambda: found.append(draw.draw(GRAPH))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert all(found)


def test_bad_source_gives_none_and_the_engine_lives_on() -> None:
    assert draw.draw("digraph {") is None
    assert draw.draw(GRAPH)


def test_a_slow_dot_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "dot"
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert draw.draw(GRAPH, "png", timeout=0.2) is None


def test_a_broken_dot_falls_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "dot"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert draw.draw(GRAPH)


def test_finish_names_the_picture() -> None:
    drawn = draw.draw(GRAPH)
    assert drawn is not None
    text = finish(drawn, "A & B", "two <boxes>")
    assert text.startswith("<svg")
    assert "<title>A &amp; B</title><desc>two &lt;boxes&gt;</desc>" in text
    assert text.count("<title>") == 1


def test_recolour() -> None:
    assert recolour("fill=#0072B2", "dark") == "fill=#56b4e9"
    assert recolour("fill=#0072B2", "light") == "fill=#0072B2"
