"""A holdout is the end of a history, by a span of time or by a number of rows."""

import numpy as np
import pytest

from fleetcast.errors import SettingError
from fleetcast.evaluation import Holdout


@pytest.mark.parametrize(("text", "rows"), [("2D", 2), ("48h", 2), ("1W", 7), ("3", 3), ("", 0)])
def test_a_holdout_is_a_span_or_a_number_of_rows(text: str, rows: int) -> None:
    ds = np.datetime64("2025-01-01", "us") + np.arange(30) * np.timedelta64(1, "D")

    withheld = Holdout.parse(text).withheld(ds)

    assert withheld.sum() == rows
    assert not withheld[: 30 - rows].any()


@pytest.mark.parametrize("text", ["999999999W", "999999999D", "36501D"])
def test_a_holdout_beyond_a_century_is_refused_with_the_longest(text: str) -> None:
    with pytest.raises(SettingError, match=f"holdout must be at most 36500 days, not '{text}'"):
        Holdout.parse(text)


def test_the_longest_holdout_withholds_every_row() -> None:
    ds = np.datetime64("1700-01-01", "us") + np.arange(30) * np.timedelta64(1, "D")

    assert Holdout.parse("36500D").withheld(ds).all()


def test_a_malformed_holdout_says_how_it_must_look() -> None:
    with pytest.raises(SettingError, match="holdout must look like 7D, 48h, 2W, 90min or 100"):
        Holdout.parse("a week")
