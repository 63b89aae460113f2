from tapemagic.diagram.build import build
from tapemagic.diagram.model import Diagram, Edge, Node
from tapemagic.views.text.listing import FEW, MOST, key, listing
from tests import reports


def chain(count: int, **facts: object) -> list[Node]:
    """Ops of one line, each with its own number as title."""
    made = [Node(f"op{n}", "op", f"Op{n}", ops=(n,), line=3) for n in range(count)]
    for node in made:
        for name, value in facts.items():
            setattr(node, name, value)
    return made


def joined(nodes: list[Node]) -> list[Edge]:
    return [Edge(a.id, b.id, a.state) for a, b in zip(nodes, nodes[1:], strict=False)]


def test_a_small_graph_is_told_whole() -> None:
    nodes = chain(FEW, state="strong")
    assert len(listing(Diagram(nodes, joined(nodes)))) == FEW


def test_of_a_run_of_like_rows_both_ends_are_told() -> None:
    nodes = chain(20, state="strong")
    first, between, last = listing(Diagram(nodes, joined(nodes)))
    assert "Op0" in first
    assert between.split() == ["●", "…", "18", "more", "ops", "line", "3"]
    assert "Op19" in last


def test_variables_stand_with_the_ops_that_use_them() -> None:
    found = listing(build(reports.training_step(6), "op"))
    assert len(found) <= FEW
    assert any("more ops" in line and "variable" in line for line in found)


def test_what_is_aside_of_the_path_is_counted() -> None:
    nodes = chain(8, state="cut")
    aside = [Node(f"x{n}", "op", f"Aside{n}", ops=(100 + n,)) for n in range(9)]
    found = listing(Diagram([*nodes, *aside], joined(nodes)))
    assert not any("Aside" in line for line in found)
    assert "9 more" in found[-1]


def test_an_op_where_a_gradient_ends_is_never_counted_away() -> None:
    nodes = chain(30, state="strong")
    nodes[11].state = "cut"
    found = listing(Diagram(nodes, joined(nodes)))
    assert sum("Op11" in line.split("(")[0] for line in found) == 1
    assert len(found) <= MOST


def test_a_source_says_itself_why_its_gradient_ends() -> None:
    source = Node("t1", "source", "w", line=2, keep=True, facts=("grad None",))
    stop = Node("stop-t1", "stop", "✗ unconnected", ("line 7",), state="cut")
    (line,) = listing(Diagram([source, stop], [Edge("t1", "stop-t1", "cut")]))
    assert line.split() == ["✗", "w", "line", "2", "unconnected,", "line", "7", "·", "grad", "None"]
    assert key([line]).split() == ["✗", "the", "gradient", "ends", "here"]
