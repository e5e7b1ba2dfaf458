"""Numbers and names on the page."""

import math

import pytest

from train.report.texts import decimal, name_of, percent


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, ""), (0.12345, "0.123"), (12, "12.000"), (123456.7, "1.23e+05"), (math.inf, "∞")],
)
def test_a_number_has_three_decimals_or_digits(number: float | None, text: str) -> None:
    assert decimal(number) == text


@pytest.mark.parametrize(("share", "text"), [(None, ""), (0.8034, "80.3 %"), (1.0, "100.0 %")])
def test_a_share_is_a_percentage_on_one_line(share: float | None, text: str) -> None:
    assert percent(share) == text.replace(" ", "\N{NO-BREAK SPACE}")
    assert percent(0.8, 0) == "80\N{NO-BREAK SPACE}%"


def test_a_name_turns_no_text_around() -> None:
    assert name_of("a\u202eb\n") == "a\\u202eb\\n"
