from tapemagic.diagram.build import build
from tapemagic.diagram.graph import index
from tapemagic.diagram.nodes.expressions import expressions
from tapemagic.diagram.nodes.labels import op_type
from tapemagic.traces.model import Site, Trace
from tapemagic.views.text.listing import listing
from tests import reports
from tests.reports import Maker


def site(source: str, line: int, text: str) -> Site:
    """The place of some code on its line, columns in bytes."""
    start = source.splitlines()[line - 1].encode().index(text.encode())
    return Site(line, expr=(line, start, line, start + len(text.encode())))


def made(source: str, ops: list[tuple[str, int, str]]) -> Maker:
    m = Maker(Trace(source=source))
    value = m.variable("w", 1.0, 1)
    for kind, line, text in ops:
        value = m.op(kind, (value,), line, at=site(source, line, text))
    return m


def test_an_op_is_called_by_the_expression_that_ran_it_alone() -> None:
    source = "w = …\né = tf.sin(w * x) + 1\n"
    m = made(source, [("Mul", 2, "w * x"), ("Sin", 2, "tf.sin(w * x)"), ("Add", 2, "é")])
    assert expressions(index(m.trace)) == {0: "w * x", 2: "é"}


def test_several_ops_of_one_expression_keep_their_types() -> None:
    m = made("w = …\nn = tf.norm(w)\n", [("Mul", 2, "tf.norm(w)"), ("Sqrt", 2, "tf.norm(w)")])
    assert expressions(index(m.trace)) == {}


def test_in_a_loop_only_operators_are_taken() -> None:
    source = "w = …\nfor i in r: w = w * 2\nfor i in r: w = f(w)\n"
    m = made(source, [("Mul", 2, "w * 2")] * 2 + [("Sin", 3, "f(w)")] * 2)
    assert expressions(index(m.trace)) == {0: "w * 2", 1: "w * 2"}


def test_long_code_and_code_elsewhere_are_left() -> None:
    source = "w = …\nsome_function_with_a_long_name(w)\n"
    m = made(source, [("Sin", 2, "some_function_with_a_long_name(w)")])
    m.op("Cos", (101,), 2, at=Site(2, file="/home/me/a.py", expr=(2, 0, 2, 4)))
    m.op("Tan", (101,), 9, at=Site(9, expr=(9, 0, 9, 4)))
    assert expressions(index(m.trace)) == {}


def test_a_write_is_called_as_it_was_written() -> None:
    source = "w = …\nk.assign_sub(w * 2)\nv = tf.Variable(w)\n"
    m = made(source, [("AssignVariableOp", 2, "k.assign_sub(w * 2)")])
    m.op("AssignVariableOp", (101,), 3, at=site(source, 3, "tf.Variable(w)"))
    assert [op_type(op, m.trace) for op in m.trace.ops] == ["assign_sub", "assign"]


def test_the_title_says_the_code_and_the_kind_the_op() -> None:
    report = reports.square()
    assert report.trace is not None
    report.trace.ops[2].at = site(report.source, 5, "x * x")
    diagram = build(report)
    assert ("y = x * x", "Mul") in [(node.title, node.kind) for node in diagram.nodes]
    assert any(line.startswith("● y = x * x  ") for line in listing(diagram))
