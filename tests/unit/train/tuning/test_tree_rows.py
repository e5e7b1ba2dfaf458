"""The rows that compare trees: cut by calendar, without the last horizon of each history."""

from collections.abc import Sequence

import numpy as np

from fleetcast.global_model import STACKED_FEATURES, TrainingRows
from fleetcast.global_model.features import AHEAD
from train.global_training import DrawnRows
from train.tuning.tree_rows import TreeRows, a_horizon_earlier, tree_rows

HOUR = 3_600_000_000
HORIZON = 48


def drawn(name: str, *, first: int, last: int) -> DrawnRows:
    """Return a row for each hour from `first` to `last`, forecast from a day before it."""
    times = np.arange(first, last + 1) * HOUR
    x = np.zeros((times.size, len(STACKED_FEATURES)), np.float32)
    x[:, AHEAD] = 24
    rows = TrainingRows(x, np.ones(times.size, np.float32), times)
    return DrawnRows(
        customer=name,
        freq="h",
        horizon=HORIZON,
        end=last * HOUR,
        backtest=(last - 200) * HOUR,
        earlier_backtest=(last - 300) * HOUR,
        step=HOUR,
        cycle=24,
        stacked=rows,
        plain=rows,
    )


def cut(fleet: Sequence[DrawnRows]) -> TreeRows:
    found = tree_rows(a_horizon_earlier(fleet), seed=0)
    assert found is not None
    return found


def test_a_training_a_horizon_earlier_has_no_row_of_the_last_horizon() -> None:
    (earlier,) = a_horizon_earlier([drawn("a", first=0, last=600)])

    assert earlier.end == (600 - HORIZON) * HOUR
    assert earlier.backtest == 300 * HOUR
    assert earlier.plain is None
    assert earlier.stacked is not None
    assert earlier.stacked.times.max() == earlier.end


def test_trees_are_fitted_up_to_a_date_and_compared_on_what_is_forecast_from_it_on() -> None:
    rows = cut([drawn(f"c{i}", first=0, last=600) for i in range(5)])
    start = 600 - HORIZON - 120  # a fifth of 552 hours in whole days

    assert rows.date == start * HOUR
    for each in rows.customers:
        assert each.before.times.max() == rows.date
        assert (each.after.times - 24 * HOUR).min() == rows.date
        assert each.after.times.max() == (600 - HORIZON) * HOUR


def test_short_histories_are_compared_on_one_horizon() -> None:
    rows = cut([drawn(f"c{i}", first=0, last=200) for i in range(5)])

    assert rows.date == (200 - 2 * HORIZON) * HOUR


def test_of_a_fleet_that_ends_at_many_times_the_largest_group_compares() -> None:
    early = [drawn(f"early{i}", first=0, last=600) for i in range(3)]
    most = [drawn(f"most{i}", first=1_000, last=1_600 + i) for i in range(4)]
    late = [drawn(f"late{i}", first=3_000, last=3_600) for i in range(2)]
    rows = cut([*early, *most, *late])

    assert {each.customer for each in rows.compared()} == {each.customer for each in most}
    assert rows.date == (1_600 - HORIZON - 120) * HOUR
    by_name = {each.customer: each for each in rows.customers}
    assert by_name["early0"].before.times.max() == (600 - HORIZON) * HOUR
    assert not by_name["late0"].before.target.size


def test_the_digest_tells_rows_and_samples_apart() -> None:
    fleet = [drawn(f"c{i}", first=0, last=600) for i in range(5)]
    rows = cut(fleet)

    assert cut(fleet).digest == rows.digest
    assert cut([*fleet[1:], drawn("c0", first=1, last=600)]).digest != rows.digest
    assert rows.sample(3).digest != rows.digest
    assert [each.customer for each in rows.sample(3).customers] == [
        each.customer for each in rows.customers[:3]
    ]


def test_nothing_is_compared_where_there_are_no_rows() -> None:
    assert tree_rows([], seed=0) is None
    assert tree_rows(a_horizon_earlier([drawn("a", first=600, last=600)]), seed=0) is None
