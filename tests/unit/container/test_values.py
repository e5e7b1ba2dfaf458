"""One value out of a mapping of texts: the default, the accepted values, the error."""

import pytest

from container import usable_cpus
from container.values import choice, flag, fraction, whole_number
from fleetcast.errors import SettingError


@pytest.mark.parametrize("text", ["x", "0", "-1", "1.5", "1e3", "²", "9" * 30])
def test_the_error_of_a_text_that_is_no_whole_number_names_the_accepted_ones(text: str) -> None:
    with pytest.raises(SettingError, match="PORT must be a whole number from 1 to 9, not"):
        whole_number({"PORT": text}, "PORT", default=8, maximum=9)


def test_an_empty_setting_means_the_default() -> None:
    assert whole_number({"PORT": ""}, "PORT", default=8) == 8
    assert fraction({}, "f", default=0.5) == 0.5
    assert flag({}, "f") is False
    assert choice({}, "c", among=("a", "b"), default="a") == "a"


@pytest.mark.parametrize("text", ["1.01", "-0.1", "nan", "half"])
def test_a_fraction_is_from_0_to_1(text: str) -> None:
    with pytest.raises(SettingError, match="f must be a number from 0 to 1"):
        fraction({"f": text}, "f", default=0.1)


def test_a_flag_is_true_or_false_in_the_usual_spellings() -> None:
    assert [flag({"f": text}, "f") for text in ("true", "True", "1", "false", "0")] == [1, 1, 1, 0, 0]
    with pytest.raises(SettingError, match="f must be true or false, not 'maybe'"):
        flag({"f": "maybe"}, "f")


def test_at_least_one_processor_is_usable() -> None:
    assert usable_cpus() >= 1
