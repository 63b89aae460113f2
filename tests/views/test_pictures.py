"""What the pictures and the page's data are made of, without a browser."""

import base64
import json
import re
import struct
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from tapemagic.diagram.build import build
from tapemagic.diagram.model import Diagram
from tapemagic.traces.model import Gradient, Portrait, Site
from tapemagic.views.page import charts
from tapemagic.views.page.facts import MOST, facts
from tapemagic.views.page.live import live
from tapemagic.views.page.portraits import elementwise, plots, spark, structure
from tapemagic.views.page.report import html
from tapemagic.views.told.excerpt import Line, excerpt
from tests import reports
from tests.hostile import NAMES


def packed(*values: float) -> bytes:
    return struct.pack(f"={len(values)}f", *values)


def rects(svg: str) -> list[dict[str, str]]:
    root = ElementTree.fromstring(svg)
    return [dict(e.attrib) for e in root.iter() if e.tag.endswith("rect")]


def test_facts_follow_the_boxes_of_the_picture() -> None:
    diagram = build(reports.square())
    known = json.loads(facts(diagram))
    titles = [node["lines"][0] for node in known["nodes"]]
    assert titles == [node.title for node in diagram.nodes]
    joined = [(titles[t], titles[h]) for t, h, *_ in known["edges"]]
    assert ("Sin", "z = AddV2") in joined
    assert [titles[i] for i in known["forward"]] == ["y = Mul", "Sin", "z = AddV2"]
    assert [titles[i] for i in known["backward"]] == ["z = AddV2", "Sin", "y = Mul"]
    rows = dict(known["nodes"][titles.index("y = Mul")]["rows"])
    assert rows["value"] == "9.0"
    assert rows["code"] == "y = x * x"


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_facts_cannot_leave_their_element(name: str) -> None:
    text = facts(build(reports.hostile(name)))
    assert not set("<>&\u2028\u2029") & set(text)
    json.loads(text)


def test_folded_boxes_tell_what_is_inside() -> None:
    known = json.loads(facts(build(reports.training_step(40))))
    inside = [node["inside"] for node in known["nodes"] if "inside" in node]
    assert len(inside) > 10
    assert all(group["nodes"] and group["edges"] for group in inside)


def test_large_insides_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(facts(build(reports.training_step(200)))) <= MOST
    monkeypatch.setattr("tapemagic.views.page.facts.MOST", 10)
    known = json.loads(facts(build(reports.training_step(40))))
    assert all("inside" not in node for node in known["nodes"])


def test_the_script_goes_only_where_it_has_something_to_do() -> None:
    assert live("<p>nothing</p>") == ""
    script = live('<script class="tm-known">')
    assert script.count("</script>") == 1
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", script)
    assert "fetch(" not in script
    assert "innerHTML" not in script
    assert len(script) < 48_000
    assert "<script>" in html(reports.detour())


def columns(svg: str) -> list[tuple[str, float, float]]:
    """The bars of a picture: colour, where each begins, and how far it goes up (down: negative)."""
    root = ElementTree.fromstring(svg)
    paths = [e for e in root if e.get("fill")]
    return [
        (path.get("fill", ""), float(y), -float(tall))
        for path in paths
        for y, tall in re.findall(r"M[\d.]+ ([\d.]+)v(-?[\d.]+)", path.get("d", ""))
    ]


def test_bars_stand_on_zero() -> None:
    up, down = columns(charts.bars([2.0, -1.0]))
    assert up[1] == down[1]
    assert up[2] == pytest.approx(-2 * down[2], rel=0.05)
    assert up[0] != down[0]


def test_histograms_count() -> None:
    often, seldom = columns(charts.histogram([0.0] * 30 + [10.0] * 10))
    assert often[2] == pytest.approx(3 * seldom[2], rel=0.05)
    assert len(columns(charts.histogram([1.0, 1.0]))) == 1
    assert len({colour for colour, *_ in columns(charts.histogram([-1.0, 1.0]))}) == 2


def test_heat_maps_leave_zero_empty() -> None:
    svg, width, height = charts.heat([[1.0, 0.0], [0.0, -2.0]], "y<", "x")
    shown = [e for e in rects(svg) if "fill-opacity" in e]
    assert len(shown) == 2
    assert shown[0]["fill"] != shown[1]["fill"]
    assert float(shown[1]["fill-opacity"]) == 1.0
    assert width > 0
    assert height > 0


def test_sparks_are_images_with_words() -> None:
    source = reports.square().calls[0].sources[0]
    assert spark(source) == "", "a scalar needs no picture"
    assert source.gradient is not None
    large = Gradient((40,), "float32", 1.0, -1.0, 1.0, portrait=Portrait(packed(-1.0, 0.5, 1.0)))
    shown = spark(replace(source, gradient=large))
    assert 'alt="how the elements of the gradient of x are spread: -1.0 to 1.0"' in shown
    (data,) = re.findall(r"base64,([^\"]+)", shown)
    ElementTree.fromstring(base64.b64decode(data))
    empty = replace(large, portrait=Portrait(packed(float("nan"))))
    assert spark(replace(source, gradient=empty)) == ""


def test_a_derivative_is_plotted_where_the_ops_are_elementwise() -> None:
    report = reports.square()
    call = report.calls[0]
    source = call.sources[0]
    points = [0.0, 1.0, 2.0, 3.0]
    source.gradient = Gradient((4,), "float32", 1.0, 0.0, 1.0)
    source.gradient.portrait = Portrait(*[packed(*points)] * 3)
    assert elementwise(report, call, source)
    assert (
        "d z / d x"
        in base64.b64decode(re.findall('base64,([^"]+)', plots(report, call))[0]).decode()
    )
    assert report.trace is not None
    report.trace.ops[3].type = "Cumsum"
    assert plots(report, call) == ""


def test_structure_of_a_jacobian_in_words() -> None:
    call = reports.square().calls[0]
    call.targets[0].shape = (7, 3)
    source = replace(call.sources[0], shape=(7, 5))
    blocks = structure(Portrait(structure="blocks"), call, source)
    assert "each of the 7 examples depends on itself alone" in blocks
    assert "batch_jacobian" in blocks
    assert "diagonal" in structure(Portrait(structure="diagonal"), call, source)
    assert structure(Portrait(), call, source) == ""


def wires(lines: list[Line]) -> dict[int, str]:
    return {line.number: line.wire for line in lines if line.wire and line.number}


def test_the_wire_goes_from_line_to_line() -> None:
    why = reports.detour_why()
    assert wires(excerpt(reports.detour().source, why)) == {
        4: "start", 7: "stop", 8: "pass", 9: "cut", 10: "lost-stop", 11: "lost-end",
    }  # fmt: skip


def test_a_way_that_jumps_back_has_no_wire() -> None:
    why = reports.detour_why()
    jump = replace(why, story=(*why.story, replace(why.story[0], at=Site(7))))
    assert wires(excerpt(reports.detour().source, jump)) == {}
    assert wires(excerpt(reports.detour().source, replace(why, story=()))) == {}


def test_steps_of_an_empty_diagram() -> None:
    known = json.loads(facts(Diagram()))
    assert known["forward"] == known["backward"] == []
