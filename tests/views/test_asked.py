import pytest

from tapemagic.report.model import Report, Target
from tapemagic.traces.model import Site
from tapemagic.views.markdown.report import markdown
from tapemagic.views.page.report import html
from tapemagic.views.text.report import text
from tapemagic.views.told import rows
from tapemagic.views.told.cards import cards
from tapemagic.wording.asked import asked, enumerate_names, heading
from tests import reports


def asking(source: str, line: int = 1) -> Report:
    """The square, asked by another line of code."""
    report = reports.square()
    report.source, report.calls[0].at = source, Site(line)
    return report


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("dz = tape.gradient(z, x)", "tape.gradient(z, x)"),
        ("t.gradient(z, model.variables, 'zero')", "t.gradient(z, model.variables, 'zero')"),
        ('f(self.tape.gradient(z, {"b": x, "a": y}))', 'self.tape.gradient(z, {"b": x, "a": y})'),
        ("tape.gradient(\n  z,  # loss\n  [\n  x,\n ],\n)", "tape.gradient(z, [x])"),
        ("tape.gradient(z, [", "tape.gradient(z, x)"),
        ("train(model)", "tape.gradient(z, x)"),
        ("tape.gradient(z, x); tape.gradient(y, x)", "tape.gradient(z, x)"),
    ],
)
def test_the_call_as_it_was_written(source: str, said: str) -> None:
    report = asking(source)
    assert heading(report, report.calls[0]) == f"`{said}`"


def test_the_line_of_the_magic_is_no_python() -> None:
    report = asking("%%tape -q\ng = tape.gradient(z, sources=weights)", 2)
    assert asked(report, report.calls[0]).sources == ("weights",)


def test_long_lists_show_both_ends() -> None:
    names = ", ".join(f'"name{i}": variable{i}' for i in range(30))
    report = asking(f"tape.gradient([z, *more], {{{names}}})")
    said = heading(report, report.calls[0])
    assert said.startswith('`tape.gradient([z, *more], {"name0": variable0, …')
    assert said.endswith("variable29})`")
    assert len(said) < 100
    known = asked(report, report.calls[0])
    assert known.targets == ("z", "more")
    assert enumerate_names(known.sources) == "variable0, variable1, variable2 and 27 more"


def test_a_call_in_another_file_is_told_by_names() -> None:
    report = asking("tape.gradient(z, everything)")
    report.calls[0].at = Site(1, file="/home/me/train.py")
    assert heading(report, report.calls[0]) == "`tape.gradient(z, x)`"


def test_our_own_tape_is_not_called_by_a_name() -> None:
    report = reports.square()
    assert report.trace is not None
    report.trace.tapes[1].ours = True
    assert heading(report, report.calls[0]) == "gradient of `z` by `x`"
    report.calls[0].targets[0].name = "the cell's value"
    assert "\ngradient of the cell's value by x (line 7)\n" in text(report)
    assert "gradient of the cell&#x27;s value by <code>x</code>" in html(report)
    assert "How the cell's value was computed from x" in text(report)


def test_several_targets_were_computed() -> None:
    report = asking("tape.gradient([y, z], x)")
    assert report.trace is not None
    y = next(t for t in report.trace.tensors.values() if t.name == "y")
    report.calls[0].targets.append(Target("y", "float32", (), y.id))
    assert "How y and z were computed from x" in text(report)


def test_a_target_that_is_none_has_no_shape() -> None:
    report = reports.raised()
    report.calls[0].targets = [Target("loss", "", None)]
    assert rows.notes(report.calls[0]) == []


def test_keras_names_stand_beside_the_expression() -> None:
    report = reports.detour()
    assert report.trace is not None
    for tensor in report.trace.tensors.values():
        if tensor.kind == "variable":
            tensor.label = f"model/hidden/{tensor.name}"
    found = rows.rows(report.calls[0], report.trace)
    assert [row.path for row in found] == ["hidden/x", "hidden/w"]
    assert cards(report)[0].sources == "x (hidden/x)"
    assert "x hidden/x" in text(report)
    assert "| `x` hidden/x |" in markdown(report)
    assert '<code>x</code> <span class="tm-where">hidden/x</span>' in html(report)
    assert "┊ hidden/x " in text(report)


def test_gradients_that_are_only_handed_on_have_no_second_table() -> None:
    report = reports.square()
    report.calls[0].method = "apply_gradients"
    assert "connected" not in text(report)
    assert "<table" not in html(report).split("tm-diagram")[0]
