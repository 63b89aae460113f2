from dataclasses import replace

from tapemagic.traces.model import Gradient, Site
from tapemagic.views.told import annotated, changes, excerpt, rows
from tapemagic.views.told.cards import cards, story, tried
from tapemagic.views.told.summary import attention, checked, line, parts
from tapemagic.wording import words
from tests import reports


def test_one_card_per_reason() -> None:
    assert [card.names for card in cards(reports.outside())] == [["a", "b"]]
    assert cards(reports.square()) == []


def test_a_reason_of_another_place_shows_no_lines() -> None:
    report = reports.detour()
    why = report.calls[0].sources[0].why
    assert why is not None
    why.at = Site(4, file="/home/me/helpers.py", function="mean")
    (card,) = cards(report)
    assert card.lines == []
    assert words.inside(why.at) == "helpers.py, line 4, in mean"
    assert words.place(Site(3, cell="In[2]")) == "line 3 of cell In[2]"


def test_excerpt_counts_columns_in_bytes() -> None:
    why = replace(reports.detour_why(), at=Site(1, expr=(1, 7, 1, 10)), lines=(), story=())
    (line,) = excerpt.excerpt("é = a + b(c)", why)
    assert line.culprit
    assert line.mark is not None
    assert line.text[slice(*line.mark)] == "+ b"


def test_excerpt_survives_lines_that_do_not_exist() -> None:
    why = replace(reports.detour_why(), at=Site(99, expr=(99, 0, 99, 9)), lines=(0, 99, 1000))
    assert all(line.number <= 3 for line in excerpt.excerpt("a\nb\nc", replace(why, story=())))


def test_long_stories_keep_both_ends() -> None:
    source = "\n".join(f"x{i} = {i}" for i in range(200))
    why = replace(reports.detour_why(), at=Site(100), lines=tuple(range(1, 200, 2)), story=())
    shown = [line.number for line in excerpt.excerpt(source, why)]
    assert shown[0] == 1
    assert shown[-1] == 199
    assert 100 in shown
    assert len(shown) <= 2 * excerpt.MOST


def test_changes() -> None:
    assert changes.changes("a\nb\nc", "a\nB\nc") == [(" ", "a"), ("-", "b"), ("+", "B"), (" ", "c")]
    assert changes.changes("a", None) == []


def test_what_was_tried() -> None:
    why = reports.detour_why()
    assert tried(why) == "Tried: x now gets [1.333, 2.667, 4.0]."
    assert tried(replace(why, fix_verified=None, fix_result=None)) == ""
    assert tried(replace(why, fix_verified=False, fix_result=None)).startswith("Tried, and")


def test_story_names_each_stop() -> None:
    stops = story(reports.detour_why())
    assert stops[2] == ("left TensorFlow at np.mean(x2)", "line 9")
    assert len(stops) == 6


def test_attention_is_counted_once_per_source() -> None:
    assert attention(reports.outside()) == 2
    assert attention(reports.square()) == 0
    assert attention(reports.raised()) == 1


def test_notes_teach() -> None:
    call = reports.square().calls[0]
    assert rows.notes(call) == []
    call.targets[0].shape = (201,)
    call.targets.append(call.targets[0])
    call.times = 3
    call.sources[0].gradient.sparse = True  # type: ignore[union-attr]
    said = " ".join(rows.notes(call))
    for part in ("sum of its elements", "sum of their gradients", "IndexedSlices", "3 times"):
        assert part in said


def test_annotated_lines() -> None:
    lines = {line.number: line for line in annotated.annotate(reports.detour())}
    assert lines[7].kinds == "ReadVariableOp, Square"
    assert lines[9].left == ["np.mean(x2)"]
    assert lines[9].flow == "end"
    assert lines[10].flow == "on"
    assert lines[12].asked == ["gradient"]
    assert lines[3].count == 0


def test_what_was_checked_is_said_only_when_it_agreed() -> None:
    report = reports.detour()
    assert checked(report).endswith("(7 tensors).")
    assert "differs" not in " ".join(parts(report))
    report.mismatches = 2
    assert checked(report) == ""
    assert "differs from what the tape did at 2 of 7 tensors" in " ".join(parts(report))


def test_what_is_meant_is_explained_once_for_all_alike() -> None:
    report = reports.outside()
    for source in report.calls[0].sources:
        told = f"tf.stop_gradient on line 5 cuts the way from `{source.name}` to `y`."
        source.why = replace(reports.detour_why(), level="info", message=told, at=Site(5))
    said = [note for note in rows.notes(report.calls[0]) if "stop_gradient" in note]
    assert said == [
        "tf.stop_gradient on line 5 cuts the way from `a` to `y`. The same is true of 1 more."
    ]
    assert "nothing needs attention · 2 explained below the table" in line(report)


def test_gradients_that_are_not_finite_say_how_much_of_them() -> None:
    known = Gradient((2, 3), "float32", nonfinite=6)
    assert rows.gradient(known, (2, 3)) == "all 6 not finite"
    assert rows.gradient(replace(known, nonfinite=2), (2, 3)) == "2 not finite"
