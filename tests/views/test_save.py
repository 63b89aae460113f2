import json
import os
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tapemagic.report.model import Report
from tapemagic.views import save
from tapemagic.views.errors import ReportError
from tapemagic.views.pictures import convert, draw
from tests import reports


def nothing_left(folder: Path) -> bool:
    return list(folder.iterdir()) == []


@pytest.mark.parametrize("suffix", [".html", ".svg", ".dot", ".json", ".md", ".txt"])
def test_suffixes_that_need_nothing(tmp_path: Path, suffix: str) -> None:
    path = save.save(reports.detour(), tmp_path / f"x{suffix}")
    assert path.stat().st_size > 100
    assert [p.name for p in tmp_path.iterdir()] == [f"x{suffix}"]


@pytest.mark.skipif(not draw.has_dot(), reason="dot is not on PATH")
@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".pdf", b"%PDF")])
def test_suffixes_that_need_dot(tmp_path: Path, suffix: str, magic: bytes) -> None:
    path = save.save(reports.detour(), tmp_path / f"x{suffix}", background="white", dpi=72)
    assert path.read_bytes().startswith(magic)


@pytest.mark.parametrize("name", ["x", "λ✗"])
@pytest.mark.parametrize("suffix", [".png", ".pdf"])
def test_pictures_without_dot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, name: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    path = save.save(reports.hostile(name), tmp_path / f"x{suffix}", width=5, dpi=100)
    data = path.read_bytes()
    if suffix == ".png":
        assert data.startswith(b"\x89PNG")
        assert int.from_bytes(data[16:20], "big") == pytest.approx(500, abs=2)
    else:
        assert data.startswith(b"%PDF")
        (box,) = re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+) ", data)
        assert float(box) == pytest.approx(360, abs=2)


def test_png_is_transparent_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    for engine in ("dot", "none"):
        if engine == "none":
            monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
        clear = save.save(reports.square(), tmp_path / "clear.png")
        white = save.save(reports.square(), tmp_path / "white.png", background="#ffffff")
        assert Image.open(clear).convert("RGBA").getpixel((1, 1))[3] == 0  # type: ignore[index]
        assert Image.open(white).convert("RGBA").getpixel((1, 1)) == (255, 255, 255, 255)


def test_without_any_engine_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(convert, "png", lambda *_: None)
    with pytest.raises(ReportError, match=r"needs Graphviz.*pictures.*save as \.svg"):
        save.save(reports.detour(), tmp_path / "x.png")
    assert nothing_left(tmp_path)


def test_width_of_an_svg(tmp_path: Path) -> None:
    text = save.save(reports.square(), tmp_path / "x.svg", width=6.5).read_text("utf-8")
    assert ElementTree.fromstring(text).get("width") == "6.5in"


@pytest.mark.parametrize("option", [{"dpi": 0}, {"width": -1.0}, {"width": 1e9}])
def test_impossible_sizes(tmp_path: Path, option: dict[str, float]) -> None:
    with pytest.raises(ReportError, match="give a number"):
        save.save(reports.square(), tmp_path / "x.png", **option)  # type: ignore[arg-type]


def test_the_graph_may_be_restyled() -> None:
    graph = reports.detour().graph(title="Mine")
    graph.attr(rankdir="BT")
    assert "Mine" in graph.source
    assert draw.draw(graph.source)


@pytest.mark.parametrize("name", ["x.gif", "x", ".svg", "x.svg.bak"])
def test_unknown_suffix(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReportError, match=r"choose one of \.html"):
        save.save(reports.square(), tmp_path / name)
    assert nothing_left(tmp_path)


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="does not exist"):
        save.save(reports.square(), tmp_path / "no" / "x.txt")


def test_folder_in_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "x.txt").mkdir()
    with pytest.raises(ReportError, match="it is a folder"):
        save.save(reports.square(), tmp_path / "x.txt")


def test_no_permission_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.txt"
    path.write_text("before")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ReportError, match="permission denied"):
        save.save(reports.square(), path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ReportError, match="no space left"):
        save.save(reports.square(), tmp_path / "x.txt")
    assert nothing_left(tmp_path)


def test_nothing_to_draw(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="no op was recorded"):
        save.save(Report(), tmp_path / "x.svg")
    assert save.save(Report(), tmp_path / "x.html").exists()


@pytest.mark.parametrize("option", [{"level": "atom"}, {"theme": "pink"}])
def test_bad_options_name_the_choices(tmp_path: Path, option: dict[str, str]) -> None:
    with pytest.raises(ReportError, match="choose one of"):
        save.save(reports.square(), tmp_path / "x.svg", **option)  # type: ignore[arg-type]


def test_svg_options(tmp_path: Path) -> None:
    path = save.save(
        reports.square(), tmp_path / "x.SVG", theme="dark", background="#000000", title="<T>"
    )
    text = path.read_text("utf-8")
    ElementTree.fromstring(text)
    assert 'fill="#000000"' in text
    assert "#0072b2" not in text
    assert "&lt;T&gt;" in text


def test_json_is_the_report(tmp_path: Path) -> None:
    path = save.save(reports.detour(), tmp_path / "x.json")
    data = json.loads(path.read_text("utf-8"))
    assert data["schema"] == 1
    assert data["calls"][0]["sources"][0]["why"]["cause"] == "left-tensorflow"
