"""The rows of a history, and how they are scaled."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from fleetcast.errors import HistoryError
from fleetcast.forecasting.options import FitOptions, RowColumns
from fleetcast.forecasting.preprocessing.history import History, read_history, scale_of

DAYS = np.datetime64("2024-01-01", "us") + np.arange(5) * np.timedelta64(1, "D")
Y = np.array([3.0, 1.0, 4.0, 1.0, 5.0])


def read(ds: Any = DAYS, y: Any = Y, growth: str = "linear", **arguments: Any) -> History:
    names = {
        name: arguments.pop(name) for name in ("regressor_names", "condition_names") if name in arguments
    }
    return read_history(ds, y, RowColumns(**arguments), settings=FitOptions(growth=growth).settings, **names)


def test_rows_are_sorted_by_time_with_their_columns() -> None:
    order = [3, 0, 4, 1, 2]

    rows = read(
        DAYS[order],
        Y[order],
        growth="logistic",
        cap=(Y + 1)[order],
        floor=(Y - 1)[order],
        regressors={"r": (Y * 2)[order]},
        conditions={"c": (Y > 1)[order]},
        regressor_names=["r"],
        condition_names=["c"],
    )

    assert (np.diff(rows.ds) > 0).all()
    assert rows.y.tolist() == Y.tolist()
    assert rows.cap is not None
    assert rows.floor is not None
    assert rows.cap.tolist() == (Y + 1).tolist()
    assert rows.floor.tolist() == (Y - 1).tolist()
    assert rows.regressors["r"].tolist() == (Y * 2).tolist()
    assert rows.conditions["c"].tolist() == (Y > 1).tolist()


def test_equal_timestamps_keep_their_order() -> None:
    rows = read(DAYS[[2, 2, 1, 1, 0]])

    assert rows.y.tolist() == [5.0, 4.0, 1.0, 3.0, 1.0]
    assert rows.dates.tolist() == np.unique(rows.ds).tolist()


def test_rows_without_a_reading_are_left_out_but_their_dates_stay() -> None:
    y = np.array([3.0, np.nan, 4.0, 1.0, np.nan])

    rows = read(y=y, regressors={"r": y}, regressor_names=["r"])

    assert rows.y.tolist() == [3.0, 4.0, 1.0]
    assert rows.dates.size == 5
    assert rows.regressors["r"].tolist() == [3.0, 4.0, 1.0]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"y": [1.0, np.inf, 2, 3, 4]}, "infinite"),
        ({"y": Y[:4]}, "one value for each of 5 timestamps"),
        ({"y": ["a"] * 5}, "could not convert"),
        ({"y": [np.nan] * 4 + [1.0]}, "at least 2 rows with a reading, not 1"),
        ({"ds": [], "y": []}, "must hold dates"),
        ({"ds": np.append(DAYS[:4], np.datetime64("NaT"))}, "missing timestamps"),
        ({"ds": [f"{day}Z" for day in DAYS]}, "time zone"),
        ({"regressor_names": ["r"]}, "regressor 'r' is missing"),
        ({"regressor_names": ["r"], "regressors": {"r": [1, 2]}}, "not of shape"),
        (
            {"regressor_names": ["r"], "regressors": {"r": [1, 2, 3, 4, np.nan]}},
            "regressor 'r' must be a finite number",
        ),
        ({"condition_names": ["c"]}, "condition 'c' is missing"),
        (
            {"condition_names": ["c"], "conditions": {"c": [0, 1, 2, 0, 1]}},
            "condition 'c' must be true or false",
        ),
        ({"growth": "logistic"}, "needs cap"),
        ({"growth": "logistic", "cap": [9, 9, 9, 9, np.nan]}, "cap must be a finite number"),
        ({"growth": "logistic", "cap": [9, 9]}, "cap must be one value or one for each"),
        ({"growth": "logistic", "cap": 9, "floor": np.inf}, "floor must be a finite number"),
    ],
)
def test_a_history_that_cannot_be_fitted_is_refused_with_the_reason(
    changed: Mapping[str, Any], reason: str
) -> None:
    with pytest.raises(HistoryError, match=reason):
        read(**changed)


def test_conditions_may_be_zeros_and_ones() -> None:
    rows = read(condition_names=["c"], conditions={"c": [0, 1, 1.0, 0, True]})

    assert rows.conditions["c"].tolist() == [False, True, True, False, True]


@pytest.mark.parametrize(
    ("arguments", "columns", "y_scale", "y_min"),
    [
        ({}, {}, 5.0, 0.0),
        ({"scaling": "minmax"}, {}, 4.0, 1.0),
        ({"growth": "logistic"}, {"cap": 9.0}, 5.0, 0.0),
        ({"growth": "logistic"}, {"cap": 9.0, "floor": 0.5}, 4.5, 0.5),
        ({"growth": "logistic", "scaling": "minmax"}, {"cap": 9.0, "floor": 0.5}, 8.5, 0.5),
    ],
)
def test_readings_are_scaled_as_prophet_does(
    arguments: dict[str, Any], columns: dict[str, Any], y_scale: float, y_min: float
) -> None:
    settings = FitOptions(**arguments).settings

    known = scale_of(read_history(DAYS, Y, RowColumns(**columns), settings=settings), settings)

    assert (known.y_scale, known.y_min) == (y_scale, y_min)
    assert known.t(DAYS.view(np.int64)).tolist() == [0, 0.25, 0.5, 0.75, 1]


def test_readings_that_are_all_zero_have_scale_one() -> None:
    settings = FitOptions().settings

    assert scale_of(read(y=np.zeros(5)), settings).y_scale == 1


def test_a_history_with_one_timestamp_is_refused() -> None:
    with pytest.raises(HistoryError, match="all timestamps are equal"):
        scale_of(read(ds=DAYS[[0] * 5]), FitOptions().settings)


@pytest.mark.parametrize("columns", [{"cap": 0.0}, {"cap": [9, 9, 9, 9, 1.0], "floor": 1.0}])
def test_a_cap_not_above_the_floor_is_refused(columns: dict[str, Any]) -> None:
    settings = FitOptions(growth="logistic").settings

    with pytest.raises(HistoryError, match="cap must be greater than floor"):
        scale_of(read_history(DAYS, Y, RowColumns(**columns), settings=settings), settings)
