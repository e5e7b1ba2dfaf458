import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetcast.readings import parse_numbers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7.0),
        ("+7", 7.0),
        ("-7.5", -7.5),
        (".5", 0.5),
        ("7.", 7.0),
        ("007", 7.0),
        ("1e3", 1000.0),
        (" 7\t", 7.0),
    ],
)
def test_a_decimal_number_is_read(text: str, value: float) -> None:
    for column in ([text], [text.encode()]):
        assert parse_numbers(column).values.tolist() == [value]


@pytest.mark.parametrize(
    "word",
    [
        "",
        " ",
        "NA",
        "na",
        "N/A",
        "n/a",
        "NaN",
        "nan",
        "NAN",
        "-nan",
        "null",
        "NULL",
        "None",
        "none",
        "#N/A",
        "<NA>",
        "NaT",
        "nil",
        "-",
        "--",
    ],
)
def test_a_word_for_a_missing_value_is_a_missing_number(word: str) -> None:
    for column in ([word, "1", "+2"], [word.encode(), b"1"]):
        parsed = parse_numbers(column)

        assert math.isnan(parsed.values[0])
        assert parsed.values[1] == 1
        assert parsed.reasons == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1,234.5", "a comma between thousands"),
        ("1.234,5", "a point between thousands"),
        ("1'234.5", "a mark between thousands"),
        ("1 234", "a mark between thousands"),
        ("7,5", "a decimal comma"),
        ("1,234", "may be decimal or between thousands"),
        ("inf", "an infinite number"),
        ("-Infinity", "an infinite number"),
        ("1e999", "an infinite number"),
        ("true", "only regressors and conditions"),
        ("0x10", "not a number to the base of ten"),
        ("1_000", "a mark between thousands"),
        ("\uff11\uff12", "is not a number"),
        ("5 kWh", "has a unit"),
        ("5%", "has a unit"),
        ("1 2", "is not a number"),
        ("1-2", "is not a number"),
        ("[1", "is not a number"),
        ("1]", "is not a number"),
        ('"1"', "is not a number"),
        ("{}", "is not a number"),
        ("much", "is not a number"),
        ("1" * 401, "more than 400 characters"),
    ],
)
def test_an_ambiguous_or_invalid_number_is_refused_with_the_reason(text: str, reason: str) -> None:
    for column in (["1", text, "3"], [b"1", text.encode(), b"3"]):
        parsed = parse_numbers(column)

        assert list(parsed.reasons) == [1]
        assert reason in parsed.reasons[1]
        assert parsed.values[[0, 2]].tolist() == [1.0, 3.0]
        assert math.isnan(parsed.values[1])


def test_a_text_of_several_numbers_shifts_no_other() -> None:
    assert parse_numbers(["1,2", "3"]).values.tolist()[1] == 3
    assert list(parse_numbers(["1,2", "3"]).reasons) == [0]


def test_with_a_decimal_comma_a_point_is_refused() -> None:
    parsed = parse_numbers(["7,5", "1,234", "NA", "8", "1.234", "1.234,5", "1,2,3"], decimal=",")

    assert parsed.values[[0, 1, 3]].tolist() == [7.5, 1.234, 8]
    assert sorted(parsed.reasons) == [4, 5, 6]
    assert "a decimal point where decimal is ','" in parsed.reasons[4]


def test_one_point_among_decimal_commas_is_refused() -> None:
    assert list(parse_numbers(["7,5", "1.234", "8,25"], decimal=",").reasons) == [1]
    assert list(parse_numbers([b"7,5", b"1.234"], decimal=",").reasons) == [1]


def test_booleans_are_one_and_zero_if_they_are_accepted() -> None:
    texts = ["True", "FALSE", "true", "false", "1", "0", "None"]

    assert parse_numbers(texts, booleans=True).values[:6].tolist() == [1, 0, 1, 0, 1, 0]
    assert sorted(parse_numbers(texts).reasons) == [0, 1, 2, 3]
    assert list(parse_numbers(["yes"], booleans=True).reasons) == [0]


PIECES = st.sampled_from(
    [*"0123456789", "+", "-", ".", ",", "e", "E", "_", " ", "nan", "inf", "0x", "[", "]", "null"]
)
TEXTS = st.one_of(st.lists(PIECES, max_size=8).map("".join), st.floats().map(repr), st.text(max_size=8))


@given(st.lists(TEXTS, max_size=10), st.booleans())
def test_an_accepted_number_is_the_one_that_python_reads(texts: list[str], as_bytes: bool) -> None:  # noqa: FBT001
    parsed = parse_numbers([text.encode(errors="replace") for text in texts] if as_bytes else texts)

    for place, text in enumerate(texts):
        value = parsed.values[place]
        if place in parsed.reasons:
            assert np.isnan(value)
        elif not np.isnan(value):
            assert value == float(text)
            assert "_" not in text


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=10))
def test_a_decimal_comma_changes_no_number(values: list[float]) -> None:
    texts = [repr(value).replace(".", ",") for value in values]

    assert parse_numbers(texts, decimal=",").values.tolist() == values
