import pytest

from tapemagic.wording import numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (6.0, "6.0"),
        (6, "6"),
        (True, "True"),
        (-0.91113, "-0.9111"),
        (1e-9, "1e-09"),
        (123456.0, "1.235e+05"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Inf"),
        ("nan", "NaN"),
        ("abc", "'abc'"),
        ([1.0, [2, "inf"]], "[1.0, [2, Inf]]"),
    ],
)
def test_small_values(value: object, text: str) -> None:
    assert numbers.small(value) == text


@pytest.mark.parametrize("value", [None, "x" * 99, list(range(99)), [1.23456] * 9])
def test_what_is_not_shown_in_full(value: object) -> None:
    assert numbers.small(value) is None


def test_shapes_and_sizes() -> None:
    assert numbers.shape(()) == "()"
    assert numbers.shape((3,)) == "(3,)"
    assert numbers.shape((None, 3)) == "(?, 3)"
    assert numbers.shape(None) == "?"
    assert numbers.nbytes(12) == "12 B"
    assert numbers.nbytes(5 * 2**20) == "5 MiB"
