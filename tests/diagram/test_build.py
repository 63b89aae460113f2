import pytest

from tapemagic.diagram.build import build
from tapemagic.diagram.gradient.flow import follow, local_derivative
from tapemagic.diagram.graph import index
from tapemagic.diagram.model import Diagram, Edge
from tapemagic.report.model import Report
from tapemagic.views.markdown.report import markdown
from tapemagic.views.page.report import html
from tapemagic.views.text.report import text
from tests import reports


def edge(diagram: Diagram, tail: str, head: str) -> Edge:
    titles = {node.id: node.title for node in diagram.nodes}
    found = [e for e in diagram.edges if (titles[e.tail], titles[e.head]) == (tail, head)]
    assert found, [(titles[e.tail], titles[e.head]) for e in diagram.edges]
    return found[0]


def test_small_values_and_gradients_stand_in_the_nodes() -> None:
    nodes = {node.title: node for node in build(reports.square()).nodes}
    assert set(nodes) == {"x", "y = Mul", "Sin", "z = AddV2", "2.0"}
    assert nodes["x"].facts == ("3.0", "grad -5.467")
    assert nodes["y = Mul"].facts == ("9.0 · grad -0.9111",)
    assert nodes["z = AddV2"].role == "target"
    assert nodes["2.0"].state == "quiet"
    assert all(nodes[name].state == "strong" for name in ("x", "y = Mul", "Sin", "z = AddV2"))


def test_local_derivatives_multiply_to_the_gradient() -> None:
    report = reports.square()
    assert report.trace is not None
    graph = index(report.trace)
    flow = follow(graph, report.calls[0], report.trace.queries[0])
    along = [local_derivative(flow, graph.ops[i], 0) for i in (4, 3)]
    both = [local_derivative(flow, graph.ops[2], position) for position in (0, 1)]
    assert along[0] is not None
    assert along[1] is not None
    assert along[0] * along[1] * sum(part or 0 for part in both) == pytest.approx(6 * -0.91113)
    assert edge(build(report), "Sin", "z = AddV2").label.endswith("1.0")


def test_the_cut_is_the_edge_that_leaves_tensorflow() -> None:
    diagram = build(reports.detour())
    cut = edge(diagram, "x2 = Square", "np.mean(x2)")
    assert cut.state == "cut"
    assert cut.label == "left TensorFlow"
    assert [e.state for e in diagram.edges].count("cut") == 1
    assert edge(diagram, "np.mean(x2)", "4.667").python
    assert edge(diagram, "w", "y = Mul").state == "strong"
    assert edge(diagram, "4.667", "y = Mul").state == "story"


def test_each_source_has_its_own_way_into_the_cut() -> None:
    diagram = build(reports.outside())
    for name in "ab":
        assert edge(diagram, name, "s = AddV2").state == "cut"


def test_sources_without_a_way_get_a_stop() -> None:
    diagram = build(reports.training_step())
    stops = [node for node in diagram.nodes if node.role == "stop"]
    assert [node.title for node in stops] == ["✗ unconnected"]


def test_nothing_to_draw() -> None:
    assert build(Report()).nodes == []
    assert build(reports.raised()).nodes == []
    assert build(reports.square(), call=7).nodes


def test_without_observed_steps_recorded_ops_are_taken() -> None:
    report = reports.square()
    assert report.trace is not None
    report.trace.queries[0].steps = []
    nodes = {node.title: node for node in build(report).nodes}
    assert nodes["Sin"].state == "strong"


def test_ids_in_reports_may_point_nowhere() -> None:
    report = reports.detour()
    call = report.calls[0]
    call.query = 99
    call.sources[0].tensor = 9999
    call.targets[0].tensor = None
    why = call.sources[0].why
    assert why is not None
    why.cut = (-77, 12345)
    assert build(report).nodes


def test_cycles_do_not_hang() -> None:
    report = reports.square()
    assert report.trace is not None
    first, last = report.trace.ops[2], report.trace.ops[4]
    first.inputs = (last.outputs[0],)
    assert build(report).nodes


def test_vectors_have_local_derivatives_where_ops_are_elementwise() -> None:
    report = reports.square()
    assert report.trace is not None
    graph = index(report.trace)
    flow = follow(graph, report.calls[0], report.trace.queries[0])
    op = graph.ops[3]
    flow.values[3, 0] = [2.0, 6.0]
    flow.gradients[op.outputs[0]] = [1.0, 2.0]
    assert local_derivative(flow, op, 0) == [2.0, 3.0]
    op.type = "Softmax"
    assert local_derivative(flow, op, 0) is None


def test_given_output_gradients_are_not_taken_for_ones() -> None:
    report = reports.square()
    assert report.trace is not None
    report.trace.source += "# output_gradients"
    flow = follow(index(report.trace), report.calls[0], report.trace.queries[0])
    assert report.calls[0].targets[0].tensor not in flow.gradients


def test_a_folded_box_keeps_what_it_holds() -> None:
    diagram = build(reports.training_step(40))
    groups = [node for node in diagram.nodes if node.inside is not None]
    assert groups
    for group in groups:
        assert group.inside is not None
        held = {op for node in group.inside.nodes for op in node.ops}
        assert held == set(group.ops)
        ids = {node.id for node in group.inside.nodes}
        assert all({edge.tail, edge.head} <= ids for edge in group.inside.edges)


def test_where_a_nan_is_born_and_how_it_travels() -> None:
    diagram = build(reports.nan())
    states = {node.title: node.state for node in diagram.nodes}
    assert states["Sqrt"] == "born"
    assert states["s = Mul"] == "nan"
    assert states["x"] == "nan"
    assert states["y = AddV2"] == "strong"
    born = next(node for node in diagram.nodes if node.title == "Sqrt")
    assert "Inf is born here" in born.facts
    assert (edge(diagram, "x", "s = Mul").state, edge(diagram, "x", "s = Mul").label) == (
        "nan",
        "Inf",
    )
    assert edge(diagram, "s = Mul", "Sqrt").state == "nan"
    assert edge(diagram, "Sqrt", "y = AddV2").state == "strong"


def test_a_nan_is_told_in_words_and_has_its_line_in_the_legend() -> None:
    report = reports.nan()
    assert "! the gradient is NaN or Inf" in text(report)
    assert "Inf is born here" in text(report)
    assert "the gradient is NaN or Inf</span>" in html(report)
    assert "-. NaN or Inf .->" in markdown(report)
