import re

import pytest

from tapemagic.diagram.build import build
from tapemagic.diagram.dot.source import dot
from tapemagic.diagram.model import Diagram, Edge, Group, Node
from tapemagic.views.pictures import draw
from tests import reports
from tests.hostile import NAMES


def test_structure() -> None:
    graph = dot(build(reports.detour()), legend=True)
    source = graph.source
    assert source.startswith("digraph tape {")
    assert "rankdir=LR" in source
    assert source.count(" -> ") == 7
    assert source.count("tm-source") == 2
    assert "peripheries=2" in source
    assert "cluster_legend" in source


@pytest.mark.parametrize("name", reports.ALL)
def test_plain_labels_and_full_colours_only(name: str) -> None:
    source = dot(build(reports.ALL[name]()), legend=True).source
    assert "label=<" not in source
    for colour in re.findall(r'"(#[^"]*)"', source):
        assert re.fullmatch(r"#[0-9a-f]{6}", colour)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_names_draw_on_both_engines(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = dot(build(reports.hostile(name)), legend=True, title=name).source
    assert draw.draw(source)
    monkeypatch.setattr(draw, "_system", lambda *_: None)
    assert draw.draw(source)


def test_html_like_names_stay_text() -> None:
    source = dot(Diagram([Node("a", "op", "<b>bold</b>")])).source
    assert 'label="<b>bold</b>"' in source


def test_groups_become_frames() -> None:
    nodes = [Node("a", "op", "Mul", group="g"), Node("b", "op", "Add")]
    source = dot(Diagram(nodes, [Edge("a", "b")], [Group("g", "gradient, line 3")])).source
    assert "subgraph cluster_g" in source
    assert "gradient, line 3" in source


def test_long_graphs_run_from_top_to_bottom() -> None:
    chain = [Node(f"n{i}", "op", "Relu") for i in range(20)]
    edges = [Edge(f"n{i}", f"n{i + 1}") for i in range(19)]
    assert "rankdir=TB" in dot(Diagram(chain, edges)).source
    assert "rankdir=LR" in dot(Diagram(chain[:4], edges[:3])).source
