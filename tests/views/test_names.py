from dataclasses import replace

import pytest

from tapemagic.report.model import Report, Source
from tapemagic.traces.model import Tensor, Trace
from tapemagic.views.told.cards import cards
from tapemagic.wording import terminal
from tapemagic.wording.names import Name, model_of, names, span
from tests import reports


def asked(names: list[str], paths: list[str]) -> tuple[list[Source], Trace]:
    trace = Trace()
    found = []
    for number, (name, path) in enumerate(zip(names, paths, strict=True)):
        trace.tensors[number] = Tensor(number, "float32", (), "variable", label=path or None)
        found.append(Source(name, "variable", "float32", (), "connected", tensor=number))
    return found, trace


def test_of_one_list_the_index_is_left_and_the_path_behind_the_model() -> None:
    whole = [f"model.trainable_variables[{n}]" for n in range(2)]
    known = asked(whole, ["net/dense/kernel", "net/dense/bias"])
    assert names(*known) == [Name("[0]", "dense/kernel"), Name("[1]", "dense/bias")]


def test_two_models_keep_their_names() -> None:
    whole = ["a.weights[0]", "b.weights[0]"]
    known = asked(whole, ["a/dense/kernel", "b/dense/kernel"])
    assert names(*known) == [
        Name("a.weights[0]", "a/dense/kernel"),
        Name("b.weights[0]", "b/dense/kernel"),
    ]


def test_short_expressions_stay_whole() -> None:
    assert names(*asked(["ws[0]", "ws[1]"], ["", ""])) == [Name("ws[0]"), Name("ws[1]")]
    assert names(*asked(["w", "ws[1]"], ["m/d/k", ""]))[0] == Name("w", "d/k")


@pytest.mark.parametrize(
    ("paths", "model"),
    [
        (["m/a/k", "m/b/k"], "m/"),
        (["m/a/k", "n/b/k"], ""),
        (["dense/kernel", "dense/bias"], ""),
        ([], ""),
    ],
)
def test_a_model_is_what_all_paths_begin_with(paths: list[str], model: str) -> None:
    assert model_of(paths) == model


def test_a_row_of_indices() -> None:
    assert span(["w[2]", "w[3]", "w[4]"]) == (2, 4)
    assert span(["w[2]", "w[4]"]) is None
    assert span(["w[2]", "v[3]"]) is None
    assert span(["w"]) is None


def test_a_name_keeps_its_index_and_its_end() -> None:
    clipped = terminal.clip_middle("[10] encoder/attention_block/query/kernel", 24)
    assert clipped.startswith("[10] ")
    assert clipped.endswith("/query/kernel")
    assert terminal.width(clipped) == 24


def unused(count: int) -> Report:
    """Several sources, each with a reason of its own that differs by its name alone."""
    report = reports.outside()
    call = report.calls[0]
    why = call.sources[0].why
    assert why is not None
    call.sources = [
        replace(
            call.sources[0],
            name=f"ws[{n}]",
            why=replace(
                why,
                cause="unconnected",
                message=f"`ws[{n}]` was not used for `y`.",
                fix=f"Use `ws[{n}]`.",
                fixed_source=None,
            ),
        )
        for n in range(count)
    ]
    return report


def test_reasons_that_differ_by_the_name_alone_share_a_card() -> None:
    (card,) = cards(unused(12))
    assert card.sources == "ws (all 12)"
    assert card.message == "`ws[0]` was not used for `y`. The same is true of the other 11."
    assert card.fix == "Use each of these."


def test_a_part_of_a_row_is_named_by_its_ends() -> None:
    report = unused(12)
    for source in report.calls[0].sources[:3]:
        source.why = None
    (card,) = cards(report)
    assert card.sources == "ws[3] … [11]"


def test_other_words_or_other_verdicts_keep_their_cards() -> None:
    report = unused(3)
    sources = report.calls[0].sources
    assert sources[1].why is not None
    sources[1].why.message = "`ws[1]` was overwritten."
    sources[1].why.fix = "Keep it."
    sources[2].status = "nan"
    assert [card.names for card in cards(report)] == [["ws[0]"], ["ws[1]"], ["ws[2]"]]
