"""Calls of functions are drawn with their bodies, and what is drawn there is what the tape does."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from tapemagic.api import run_cell
from tapemagic.diagram.build import build
from tapemagic.diagram.gradient.flow import follow
from tapemagic.diagram.graph import index
from tapemagic.diagram.model import Diagram, Edge, Node
from tapemagic.report.archive import load
from tapemagic.report.model import Report
from tapemagic.views.markdown.mermaid import mermaid
from tapemagic.views.text.listing import listing
from tests.agreement.check import quiet
from tests.agreement.programs import Writer
from tests.saved_model import CELL, Model

HEAD = """import tensorflow as tf
w, u = tf.Variable([1.0, 2.0]), tf.Variable(2.0)
x = tf.constant([1.0, 2.0])
"""
ASKED = """with tf.GradientTape() as tape:
    y = step(x)
g = tape.gradient(y, [w, u])
"""


CONDITION = """h = x * w
if tf.reduce_sum(h) > 0.0:
    b = tf.round(h)
else:
    b = tf.floor(h)
return tf.reduce_sum(b) + u"""


def step(body: str, decorator: str = "@tf.function") -> str:
    """A cell whose function ``step`` has this body."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f"{HEAD}{decorator}\ndef step(x):\n{lines}"


def report_of(*cells: str, **names: Any) -> Report:
    """The report of the last of some cells."""
    space: dict[str, Any] = {"__name__": "__main__", **names}
    reports = [run_cell(cell, space) for cell in cells]
    assert reports[-1].error is None
    assert reports[-1].mismatches == 0
    assert reports[-1].trace is not None
    assert reports[-1].trace.faults == []
    return reports[-1]


def drawn(body: str, **options: str) -> Diagram:
    return build(report_of(step(body, **options) + ASKED))


def find(diagram: Diagram, title: str) -> Node:
    return next(node for node in diagram.nodes if node.title == title)


def edge(diagram: Diagram, tail: str, head: str) -> Edge:
    titles = {node.id: node.title for node in diagram.nodes}
    found = [e for e in diagram.edges if (titles[e.tail], titles[e.head]) == (tail, head)]
    assert found, [(titles[e.tail], titles[e.head]) for e in diagram.edges]
    return found[0]


def frames(diagram: Diagram) -> dict[str, str | None]:
    """The first words of each frame, with those of the frame around it."""
    names = {group.id: group.label.split(",")[0] for group in diagram.groups}
    return {names[g.id]: names.get(g.parent or "") for g in diagram.groups}


def is_reached(diagram: Diagram, start: str) -> bool:
    """Whether strong edges lead from a box to a target."""
    heads: dict[str, list[str]] = {}
    for e in diagram.edges:
        if e.state == "strong":
            heads.setdefault(e.tail, []).append(e.head)
    ends = {node.id for node in diagram.nodes if node.target}
    seen, todo = {start}, [start]
    while todo:
        for head in heads.get(todo.pop(), ()):
            if head not in seen:
                seen.add(head)
                todo.append(head)
    return not seen.isdisjoint(ends)


def test_a_body_is_a_frame_joined_to_what_the_call_was_given() -> None:
    diagram = drawn("h = tf.tanh(x * w)\nreturn tf.reduce_sum(h * u)")
    assert frames(diagram) == {"step (tf.function)": None}
    inner = [node for node in diagram.nodes if node.group == diagram.groups[0].id and node.ops]
    assert [node.title for node in inner] == ["Mul", "Tanh", "Mul", "y = Sum"]
    assert [node.line for node in inner] == [6, 6, 7, 7]
    assert all(node.state == "strong" for node in inner[:3])
    assert edge(diagram, "w", "Mul").state == "strong"
    assert edge(diagram, "Tanh", "Mul").state == "strong"
    assert find(diagram, "w").group is None
    assert find(diagram, "Tanh").facts == ("float32 (2,)",)


@pytest.mark.parametrize(
    ("body", "tail", "head", "line"),
    [
        ("h = tf.round(x * w)\nreturn tf.reduce_sum(h * u)", "Mul", "Round", 6),
        (
            "n = tf.cast(x * w, tf.int32)\nreturn tf.reduce_sum(tf.cast(n, tf.float32)) * u",
            "Mul",
            "Cast",
            6,
        ),
        (
            CONDITION,
            "Mul",
            "Round",
            8,
        ),
    ],
)
def test_the_cut_is_drawn_at_the_op_inside(body: str, tail: str, head: str, line: int) -> None:
    diagram = drawn(body)
    cut = edge(diagram, tail, head)
    assert cut.state == "cut"
    assert find(diagram, head).line == line
    assert [e.state for e in diagram.edges].count("cut") == 1
    assert not is_reached(diagram, find(diagram, "w").id)
    assert is_reached(diagram, find(diagram, "u").id)


def test_stop_gradient_ends_the_path_inside() -> None:
    diagram = drawn("h = tf.stop_gradient(tf.tanh(x * w))\nreturn tf.reduce_sum(h * u)")
    assert find(diagram, "StopGradient").state == "faint"
    assert not is_reached(diagram, find(diagram, "w").id)
    assert is_reached(diagram, find(diagram, "u").id)


def test_both_branches_are_drawn_and_meet() -> None:
    body = (
        "h = x * w\nif tf.reduce_sum(h) > 9.0:\n    b = tf.round(h)\nelse:\n    b = h * 2.0\n"
        "return tf.reduce_sum(b) * u"
    )
    diagram = drawn(body)
    assert frames(diagram) == {
        "step (tf.function)": None,
        "condition true": "step (tf.function)",
        "condition false": "step (tf.function)",
    }
    assert edge(diagram, "Mul", "Round").state == "quiet"
    assert edge(diagram, "Round", "cond").state == "flow"
    assert edge(diagram, "Greater", "cond").state != "strong"
    assert is_reached(diagram, find(diagram, "w").id)


def test_a_loop_leads_from_turn_to_turn() -> None:
    body = "h = x\nfor i in tf.range(3):\n    h = tf.tanh(h * w)\nreturn tf.reduce_sum(h) * u"
    diagram = drawn(body)
    assert frames(diagram)["loop"] == "step (tf.function)"
    again = [e for e in diagram.edges if e.again]
    assert [(e.label, e.state) for e in again] == [("next turn", "strong")]
    assert {"Mul", "Tanh"} <= {node.title for node in diagram.nodes}
    assert not any("TensorList" in node.title for node in diagram.nodes)


def test_a_loop_that_gives_zeros_for_none_says_where() -> None:
    body = "h = x * u\nfor i in tf.range(3):\n    h = tf.round(h * w)\nreturn tf.reduce_sum(h)"
    report = report_of(step(body) + ASKED)
    assert {source.status for source in report.calls[0].sources} == {"zero"}
    diagram = build(report)
    marked = [group.label for group in diagram.groups if group.state == "cut"]
    assert len(marked) == 1
    assert marked[0].endswith("gradient becomes 0 in here")
    assert not any(e.state == "strong" for e in diagram.edges)


@pytest.mark.parametrize(
    ("body", "frame"),
    [
        ("return tf.reduce_sum(tf.map_fn(lambda v: tf.sin(v) * u, x * w))", "tf.map_fn"),
        ("return tf.reduce_sum(tf.scan(lambda a, v: a * v * u, x * w))", "tf.scan"),
        (
            "return tf.reduce_sum(tf.switch_case(tf.constant(1), [lambda: x * w, lambda: w * u]))",
            "branch 1",
        ),
    ],
)
def test_higher_order_functions_are_frames(body: str, frame: str) -> None:
    diagram = drawn(body)
    assert frames(diagram)[frame] == "step (tf.function)"
    for name in ("w", "u"):
        assert is_reached(diagram, find(diagram, name).id)


def test_vectorized_map_and_compiled_functions() -> None:
    cell = HEAD + ASKED.replace(
        "step(x)", "tf.reduce_sum(tf.vectorized_map(lambda v: tf.sin(v) * u, x * w))"
    )
    assert list(frames(build(report_of(cell)))) == ["tf.vectorized_map"]
    compiled = drawn("return tf.reduce_sum(x * w) * u", decorator="@tf.function(jit_compile=True)")
    assert "jit_compile=True" in compiled.groups[0].label


def test_functions_in_functions_and_two_calls_of_one() -> None:
    cell = HEAD + (
        "@tf.function\ndef inner(x):\n    return tf.round(x * 2.0)\n"
        "@tf.function\ndef step(x):\n    return tf.reduce_sum(inner(x * w)) + u\n"
    )
    nested = build(report_of(cell + ASKED))
    assert frames(nested)["inner (tf.function)"] == "step (tf.function)"
    assert find(nested, "Round").line == 6
    twice = HEAD + "@tf.function\ndef f(x):\n    return tf.tanh(x * w)\n"
    diagram = build(report_of(twice + ASKED.replace("step(x)", "tf.reduce_sum(f(f(x))) * u")))
    assert len(diagram.groups) == 2
    assert len({node.id for node in diagram.nodes}) == len(diagram.nodes)
    assert [node.title for node in diagram.nodes].count("Tanh") == 2


def test_a_tape_inside_a_function_sees_the_calls_there() -> None:
    cell = HEAD + (
        "@tf.function\ndef inner(x):\n    return tf.tanh(x * w)\n"
        "@tf.function\ndef step(x):\n    with tf.GradientTape() as tape:\n"
        "        loss = tf.reduce_sum(inner(x)) * u\n        for i in tf.range(2):\n"
        "            loss = tf.sin(loss)\n    return tape.gradient(loss, [w, u])\ng = step(x)\n"
    )
    diagram = build(report_of(cell))
    assert frames(diagram) == {"inner (tf.function)": None, "loop": None}
    for name in ("w", "u"):
        assert is_reached(diagram, find(diagram, name).id)


def test_a_function_of_an_earlier_cell_has_its_lines_there() -> None:
    cell = step("h = tf.round(x * w)\nreturn tf.reduce_sum(h * u)")
    diagram = build(report_of(cell + "step(x)\n", ASKED))
    node = find(diagram, "Round")
    assert node.line is None
    assert node.where.startswith("line 6 of ")
    assert edge(diagram, "Mul", "Round").state == "cut"


def test_a_loaded_function_says_that_it_has_no_lines(tmp_path: Path) -> None:
    tf.saved_model.save(Model(), str(tmp_path))
    diagram = build(report_of(CELL, path=str(tmp_path)))
    assert frames(diagram)["__call__ (tf.function)"] == "loaded function"
    assert diagram.groups[1].label.endswith("no Python lines known")
    assert edge(diagram, "Mul", "Round").state == "cut"
    assert is_reached(diagram, find(diagram, "model.w").id)


def test_retracing_is_told_at_the_frame() -> None:
    cell = HEAD + (
        "@tf.function\ndef f(v):\n    return tf.reduce_sum(v * u)\n"
        "for n in range(1, 4):\n    f(tf.ones([n]))\n"
    )
    diagram = build(report_of(cell + ASKED.replace("step(x)", "f(x * w)")))
    assert "traced 3 times" in diagram.groups[0].label


CUSTOM = (
    "@tf.custom_gradient\ndef clip(x):\n    def grad(up):\n        return {}\n"
    "    return tf.tanh(x) * 2.0, grad\n"
)
USED = "return tf.reduce_sum(clip(x * w)) * u"


@pytest.mark.parametrize("decorator", ["", "@tf.function"], ids=["eager", "in a function"])
@pytest.mark.parametrize("rule", ["tf.clip_by_norm(up, 1.0)", "None"])
def test_a_custom_rule_is_one_group(decorator: str, rule: str) -> None:
    cell = HEAD + CUSTOM.format(rule) + f"{decorator}\ndef step(x):\n    {USED}\n" + ASKED
    diagram = build(report_of(cell))
    assert "clip (tf.custom_gradient)" in frames(diagram)
    own = find(diagram, "clip")
    assert "own gradient rule" in own.facts
    inner = [n for n in diagram.nodes if n.group == own.group and n.ops and n is not own]
    titles = [
        "Tanh" if decorator else "tf.tanh(x)",
        "Mul",
    ]  # expressions are known where Python ran
    assert [n.title for n in inner] == titles
    assert {n.state for n in inner} == {"faint"}
    assert {e.state for e in diagram.edges if e.tail == inner[1].id} == {"faint"}
    assert is_reached(diagram, find(diagram, "w").id) == (rule != "None")
    assert any(e.state == "cut" and e.head == own.id for e in diagram.edges) == (rule == "None")


@pytest.mark.parametrize(
    ("before", "frame"),
    [
        ("step = tf.grad_pass_through(tf.round)\n", "tf.grad_pass_through"),
        ("@tf.recompute_grad\ndef step(x):\n    return tf.tanh(x * w)\n", "tf.recompute_grad"),
    ],
)
def test_rules_of_tensorflow_itself(before: str, frame: str) -> None:
    asked = ASKED.replace("step(x)", "tf.reduce_sum(step(x * w)) * u")
    diagram = build(report_of(HEAD + before + asked))
    assert list(frames(diagram)) == [frame]
    assert is_reached(diagram, find(diagram, "w").id)


def test_a_call_that_does_not_agree_with_the_tape_stays_closed() -> None:
    report = report_of(step("return tf.reduce_sum(tf.round(x * w)) * u") + ASKED)
    assert build(report).groups
    assert report.trace is not None
    call = next(op for op in report.trace.ops if op.recorded and op.rule == "function")
    observed = next(s for s in report.trace.queries[0].steps if s.op == call.index)
    observed.codes = bytes(2 for _ in observed.codes)  # as if the rounding had let it through
    diagram = build(report)
    assert diagram.groups == []
    assert find(diagram, "y = step(x)").ops == (call.index,)


def test_many_calls_from_one_place_stay_one_box() -> None:
    cell = HEAD + (
        "@tf.function\ndef f(v):\n    return tf.sin(v) * w\n"
        "with tf.GradientTape() as tape:\n    y = x\n    for _ in range(60):\n        y = f(y)\n"
        "    y = tf.reduce_sum(y)\ng = tape.gradient(y, w)\n"
    )
    diagram = build(report_of(cell))
    assert diagram.groups == []
    assert len(diagram.nodes) < 12


@pytest.mark.parametrize("level", ["auto", "line", "layer", "op"])
def test_large_bodies_are_folded_and_the_cut_stays(level: str) -> None:
    body = "h = x * w\n" + "h = tf.sin(h) + h\nh = tf.cos(h) * h\n" * 120
    body += "h = tf.round(h)\nreturn tf.reduce_sum(h) * u"
    diagram = build(report_of(step(body) + ASKED), level)
    assert len(diagram.nodes) <= (410 if level == "op" else 150)
    assert [e.state for e in diagram.edges].count("cut") == 1
    assert "Round" in {node.title for node in diagram.nodes}
    homes = {group.id for group in diagram.groups}
    assert all(node.group is None or node.group in homes for node in diagram.nodes)
    assert all(group.parent is None or group.parent in homes for group in diagram.groups)


def test_every_form_tells_the_frames(tmp_path: Path) -> None:
    body = "h = x\nfor i in tf.range(3):\n    h = tf.tanh(h * w)\nreturn tf.reduce_sum(h) * u"
    report = report_of(step(body) + ASKED)
    diagram = build(report)
    lines = listing(diagram)
    at = next(i for i, line in enumerate(lines) if line.startswith("▾ step (tf.function)"))
    assert lines[at + 1].startswith("▾   loop")
    assert lines[at + 2].startswith("●     ")
    text = mermaid(diagram)
    assert text is not None
    assert text.count("subgraph") == text.count("\n  end") == 2
    source = report.graph().source
    assert source.count("subgraph cluster_body") == 2
    known = report.to_dict()["functions"]
    assert {(f["name"], f["kind"]) for f in known} == {("step", "tf.function"), (None, "loop")}
    again = load(report.save(tmp_path / "saved.json"))
    assert again.graph().source == source


def program(rng: random.Random) -> str:
    """Random functions, called one after the other under a tape."""
    writer = Writer(rng)
    for _ in range(rng.choice((1, 2, 3))):
        writer.function()
    given = {"V": ["v", "x", "tf.sin(x)"], "M": ["m", "m * v"], "S": ["s", "tf.reduce_sum(v)"]}
    lines = [*writer.lines, "with tf.GradientTape() as tape:", "    tape.watch(x)"]
    for number, (name, takes, _, _) in enumerate(writer.functions):
        arguments = ", ".join(rng.choice(given[kind]) for kind in takes)
        lines.append(f"    r{number} = {name}({arguments}) * tf.ones([3])")
        given["V"].append(f"r{number}")
    lines.append(f"    t = tf.reduce_sum(r{number} * r0)")
    return "\n".join([*lines, "g = tape.gradient(t, [v, m, s, x])"]) + "\n"


@pytest.mark.parametrize("seed", range(24))
def test_what_is_drawn_as_connected_is_what_came_back(seed: int) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    with quiet():
        report = run_cell(program(random.Random(seed)), names)
    if report.error is not None or report.calls[0].error is not None:
        return  # some random programs raise, with and without tapemagic
    diagram = build(report, "op")
    for source in report.calls[0].sources:
        node = diagram.node(f"t{source.tensor}")
        if source.status in ("connected", "none") and node is not None:
            reached = is_reached(diagram, node.id)
            assert reached == (source.status == "connected"), source.name
    _as_tensorflow_differentiates(report, names)


def _as_tensorflow_differentiates(report: Report, names: dict[str, Any]) -> None:
    """Compare each op in the bodies with what ``tf.gradients`` says in the body itself."""
    trace = report.trace
    assert trace is not None
    graph = index(trace, None, ())
    live = {op for op, _ in follow(graph, report.calls[0], trace.queries[0]).live}
    graphs = {
        f"{concrete.graph.name}#{id(concrete.graph)}": concrete.graph
        for function in names.values()
        if isinstance(function, tf.types.experimental.PolymorphicFunction)
        for concrete in function._list_all_concrete_functions()
    }
    asked = {step.op for step in trace.queries[0].steps}
    for call in graph.opened.calls.values():
        if call.op.index not in asked:
            continue  # no gradient came to it
        ops = {op.index: op for op in call.ops}
        key = call.op.inner[0][0]
        real = graphs[key].get_operations() if key in graphs else []
        for (body, at), copies in graph.opened.copies.items():
            for copy in copies if body == key and real else ():
                if copy not in ops or not ops[copy].recorded or real[at].type == "IdentityN":
                    continue
                with graphs[key].as_default():
                    y, made = graphs[key].outputs[0], real[at].outputs[0]
                    truth = made.dtype.is_floating and tf.gradients(y, made)[0] is not None
                hands_on = any(ops[copy].passes or ())
                assert (copy in live) == (truth and hands_on), (real[at].name, ops[copy].passes)


TRAIN = """import tensorflow as tf
w = tf.Variable([1.0, 2.0], name="w")
@tf.function
def train(x):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.round(x * w))
    w.assign_add(tape.gradient(loss, w, unconnected_gradients="zero"))
    return loss
def no_tape(x):
    return tf.sin(x)
plain = tf.function(no_tape)
"""


def test_a_function_with_its_own_tape_of_an_earlier_cell_is_opened_and_told() -> None:
    names: dict[str, Any] = {}
    run_cell(TRAIN + "loss = train(tf.constant([1.2, 3.4]))\n", names)
    report = run_cell("again = train(tf.constant([1.2, 3.4]))\n", names)
    assert any("line 1 runs a tf.function that was traced before" in n for n in report.notes)
    diagram = build(report)
    assert [group.label.split(",")[0] for group in diagram.groups] == ["train (tf.function)"]
    drawn = {node.title.partition("(")[0]: node for node in diagram.nodes}
    assert drawn["Round"].state == "faint"
    assert "w" in drawn


def test_of_a_function_without_a_tape_nothing_is_said() -> None:
    names: dict[str, Any] = {}
    run_cell(TRAIN + "value = plain(tf.constant(1.0))\n", names)
    report = run_cell("again = plain(tf.constant(1.0))\n", names)
    assert report.notes == ["No tape was opened in this cell."]
    assert any(node.kind == "Sin" for node in build(report).nodes)


def test_a_function_traced_in_this_cell_is_not_told_as_traced_before() -> None:
    names: dict[str, Any] = {}
    report = run_cell(TRAIN + "loss = train(tf.constant([1.2, 3.4]))\n", names)
    assert not any("traced before" in note for note in report.notes)


def test_ops_of_an_earlier_cell_are_not_drawn_where_nothing_is_asked() -> None:
    names: dict[str, Any] = {}
    run_cell(
        "import tensorflow as tf\nx = tf.Variable(2.0)\n"
        "with tf.GradientTape(persistent=True) as tape:\n    y = tf.sin(x)\n",
        names,
    )
    diagram = build(run_cell("z = tf.exp(1.0)\n", names))
    assert [node.kind for node in diagram.nodes if node.role == "op"] == ["Exp"]
    nothing = run_cell("1 + 1\n", names)
    assert nothing.notes == ["No TensorFlow op ran in this cell: there was nothing to trace."]
    assert build(nothing).nodes == []
