"""Random programs with one known cut each: the cause, its line, and no false alarm elsewhere."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.diagnosis.check import complaints
from tests.diagnosis.programs import (
    CUTS,
    LAYOUTS,
    SPECIAL_LAYOUTS,
    SPECIALS,
    Plan,
    Program,
    Special,
    fits,
)

quick = settings(
    max_examples=1,
    deadline=None,
    database=None,
    derandomize=True,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)
slow = settings(quick, derandomize=False)
RANDOM = st.randoms(use_true_random=False, note_method_calls=False)
CUT_PAIRS = [(layout, cut) for cut in CUTS for layout in LAYOUTS if fits(layout, cut)]
SPECIAL_PAIRS = [(layout, special) for special in SPECIALS for layout in SPECIAL_LAYOUTS]


def verify(program: Program) -> None:
    said = complaints(program)
    assert not said, "\n".join([program.kind, program.source, *said])


def test_every_kind_is_drawn() -> None:
    assert len(CUT_PAIRS) + len(SPECIAL_PAIRS) > 400


@settings(quick, max_examples=260)
@given(RANDOM, st.sampled_from(CUT_PAIRS))
def test_cut_on_the_way(rng: random.Random, pair: tuple[str, str]) -> None:
    verify(Plan(rng, *pair).program())


@settings(quick, max_examples=140)
@given(RANDOM, st.sampled_from(SPECIAL_PAIRS))
def test_cut_by_source_tape_or_query(rng: random.Random, pair: tuple[str, str]) -> None:
    verify(Special(rng, *pair).program())


@settings(quick, max_examples=100)
@given(RANDOM, st.sampled_from(LAYOUTS))
def test_healthy(rng: random.Random, layout: str) -> None:
    verify(Plan(rng, layout, None).program())


@pytest.mark.deep
@pytest.mark.parametrize("pair", CUT_PAIRS, ids="/".join)
def test_each_cut_in_each_layout(pair: tuple[str, str]) -> None:
    @settings(slow, max_examples=12)
    @given(RANDOM)
    def check(rng: random.Random) -> None:
        verify(Plan(rng, *pair).program())

    check()


@pytest.mark.deep
@pytest.mark.parametrize("pair", SPECIAL_PAIRS, ids="/".join)
def test_each_special_cut_in_each_layout(pair: tuple[str, str]) -> None:
    @settings(slow, max_examples=12)
    @given(RANDOM)
    def check(rng: random.Random) -> None:
        verify(Special(rng, *pair).program())

    check()


@pytest.mark.deep
@pytest.mark.parametrize("layout", LAYOUTS)
def test_many_healthy(layout: str) -> None:
    @settings(slow, max_examples=150)
    @given(RANDOM)
    def check(rng: random.Random) -> None:
        verify(Plan(rng, layout, None).program())

    check()
