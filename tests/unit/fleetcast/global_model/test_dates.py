"""The dates up to which global models are trained."""

import numpy as np
import pytest

from fleetcast.forecasting.calendar import DAY, Stamps
from fleetcast.global_model import dates_of
from fleetcast.global_model.dates import MOST_GROUPS

GAP = 7 * DAY
END = 1_000 * DAY


def dates(ends: list[int] | Stamps, *, gap: int = GAP) -> list[int]:
    """Return the dates of customers with a year of daily rows, and backtests three gaps before the end."""
    ends = np.array(ends, np.int64)
    rows = (ends[:, None] - DAY * np.arange(365)).ravel()
    return dates_of(ends, ends - 3 * gap, rows, gap)


def test_a_fleet_that_ends_at_one_time_needs_that_date_and_that_of_its_backtests() -> None:
    ends = np.full(50, END)
    rows = (ends[:, None] - DAY * np.arange(40)).ravel()

    assert dates_of(ends, ends - 3 * GAP, rows, GAP) == [END - 3 * GAP, END]


def test_no_model_is_made_for_backtests_before_all_rows() -> None:
    ends = np.full(50, END)

    assert dates_of(ends, ends - 3 * GAP, ends, GAP) == [END]


def test_one_customer_has_one_date_at_its_end() -> None:
    assert dates([END])[-1] == END


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("spread", [1, 30, 2_000])
def test_dates_ascend_are_few_and_most_customers_have_one_up_to_their_end(seed: int, spread: int) -> None:
    random = np.random.default_rng(seed)
    ends = END + DAY * random.integers(0, spread, 414)
    found = dates(ends)

    assert found == sorted(set(found))
    assert len(found) <= 2 * (MOST_GROUPS + 1)
    assert found[-1] <= ends.max()
    own = np.searchsorted(found, ends, side="right")
    assert (own > 0).mean() > 0.9


def test_groups_begin_with_an_end_and_are_of_equal_size() -> None:
    ends = END + 30 * DAY * np.arange(120)
    found = dates(ends)

    assert {int(end) for end in ends[::20]} <= set(found)
    assert found[-1] == ends[-1]


def test_the_dates_of_groups_are_a_gap_apart() -> None:
    ends = END + DAY * np.arange(120)
    rows = np.full(10, END + 1_000 * DAY)  # none before a backtest

    assert np.diff(dates_of(ends, ends, rows, GAP)).min() >= GAP


def test_order_of_customers_does_not_matter() -> None:
    random = np.random.default_rng(1)
    ends = END + DAY * random.integers(0, 400, 100)

    assert dates(ends) == dates(random.permutation(ends))


def test_a_few_that_ended_a_little_earlier_do_not_make_the_model_of_the_others_old() -> None:
    ends = np.full(400, END)
    ends[7] -= 6 * DAY

    assert dates(ends)[-1] == END


def test_half_of_the_customers_that_ended_a_day_earlier_keep_a_new_model() -> None:
    ends = np.full(400, END)
    ends[::2] -= DAY

    assert dates(ends)[-1] == END - DAY
