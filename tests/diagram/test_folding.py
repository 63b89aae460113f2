import sys

import pytest

from tapemagic.diagram.build import build
from tapemagic.diagram.folding.fold import GLANCE, LIMIT, fold
from tapemagic.diagram.folding.keys import _block
from tapemagic.diagram.graph import index
from tapemagic.diagram.model import Diagram, Edge, Node
from tapemagic.report.model import Why
from tapemagic.traces.model import Site, Trace
from tests import reports


@pytest.mark.parametrize("level", ["auto", "line", "layer"])
@pytest.mark.parametrize(("layers", "turns"), [(200, 1), (4, 128), (30, 4)])
def test_large_graphs_are_folded(level: str, layers: int, turns: int) -> None:
    diagram = build(reports.training_step(layers, turns, carry=True), level)
    assert 3 < len(diagram.nodes) <= (GLANCE + 10 if level == "auto" else LIMIT)
    assert any("box" in note for note in diagram.notes)
    ends = {node.id for node in diagram.nodes}
    assert all(edge.tail in ends and edge.head in ends for edge in diagram.edges)


def test_small_graphs_are_left_alone() -> None:
    assert build(reports.square()).notes == []


def test_what_matters_is_never_folded() -> None:
    for level in ("auto", "line", "layer", "op"):
        titles = {node.title for node in build(reports.training_step(200), level).nodes}
        assert "model.weights[1]" in titles
        assert "✗ unconnected" in titles
        assert any(title.startswith("loss = ") for title in titles)


def test_earlier_turns_that_lead_nowhere_are_left_out() -> None:
    assert len(build(reports.training_step(4, 128)).nodes) < 50


def test_many_sources_with_one_cut_fold_into_their_layers() -> None:
    report = reports.training_step(100)
    assert report.trace is not None
    last = report.trace.ops[-1]
    for source in report.calls[0].sources:
        source.status, source.gradient = "none", None
        source.why = Why(
            "outside-tape", "error", "late", Site(3), cut=(last.inputs[0], last.outputs[0])
        )
    diagram = build(report)
    assert len(diagram.nodes) <= LIMIT
    assert any(edge.state == "cut" for edge in diagram.edges)


def test_turns_of_a_loop_become_one() -> None:
    diagram = build(reports.training_step(2, 1, width=60))
    assert any("\u00d7 60" in node.title for node in diagram.nodes)


def test_layers_take_their_variables_in() -> None:
    diagram = build(reports.training_step(20), "layer")
    layers = [node for node in diagram.nodes if node.role == "group"]
    assert {"5 ops", "2 variables"} <= set(layers[5].facts)


def test_many_sources_with_one_fate_become_one() -> None:
    report = reports.training_step(40)
    for source in report.calls[0].sources:
        source.status, source.gradient = "none", None
        source.why = Why("unconnected", "error", "not used", cut=(source.tensor, None))
    diagram = build(report)
    assert len(diagram.nodes) < LIMIT
    assert any("and 78 more" in node.title for node in diagram.nodes)


def test_work_grows_with_size_only() -> None:
    def calls(turns: int) -> int:
        """How many functions are called: the same on every machine."""
        report = reports.training_step(10, turns)
        seen = 0

        def count(_frame: object, _event: str, _argument: object) -> None:
            nonlocal seen
            seen += 1

        sys.setprofile(count)
        try:
            build(report)
        finally:
            sys.setprofile(None)
        return seen

    assert calls(64) < 8 * calls(8) * 1.2


@pytest.mark.parametrize(
    ("layer", "block"),
    [
        ("block_2_expand_BN", "block_2"),
        ("conv2_block1_1_conv", "conv2_block1"),
        ("block2a_dwconv", "block2a"),
        ("expanded_conv_project", "expanded_conv"),
        ("dense_1", None),
        ("predictions", None),
    ],
)
def test_names_of_blocks(layer: str, block: str | None) -> None:
    assert _block(layer) == block


def test_where_many_sources_end_alike_stands_one_stop() -> None:
    nodes = [Node(f"t{n}", "source", f"w{n}", keep=False) for n in range(12)]
    stops = [Node(f"stop-t{n}", "stop", "✗ unconnected", state="cut") for n in range(12)]
    edges = [Edge(f"t{n}", f"stop-t{n}", "cut", python=True) for n in range(12)]
    diagram = Diagram([*nodes, *stops], edges)
    fold(diagram, index(Trace()))
    assert [(node.role, node.title) for node in diagram.nodes] == [
        ("source", "w0, w1 and 10 more"),
        ("stop", "✗ unconnected"),
    ]
    assert len(diagram.edges) == 1
