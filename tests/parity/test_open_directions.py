"""In directions that the readings leave open, our forecast equals Prophet's."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from prophet import Prophet

from fleetcast.forecasting import ForecastOptions, Model, forecast
from fleetcast.forecasting.preprocessing.preparation import estimation_problem
from fleetcast.forecasting.solver.estimate import maximum_a_posteriori
from fleetcast.forecasting.solver.problem import Problem
from testbed.objective import stock_parameters, value
from testbed.preparation import fit_with, prepared
from testbed.stock_cases import STOCK_WARNINGS

pytestmark = STOCK_WARNINGS

LOGISTIC = {"growth": "logistic"}
MULTIPLICATIVE = {"seasonality_mode": "multiplicative"}


def readings(ds: Any, *, year: float = 0.0) -> pd.DataFrame:
    """Return a level of 100 with a week, a day, noise and, if it is asked for, a year."""
    generator = np.random.default_rng(0)
    ds = pd.DatetimeIndex(ds)
    season = 5 * np.sin(2 * np.pi * ds.day_of_week / 7) + 8 * np.sin(np.pi * (ds.hour - 6) / 12)
    season += year * np.sin(2 * np.pi * ds.day_of_year / 365.25)
    return pd.DataFrame({"ds": ds, "y": 100 + season + generator.normal(0, 2, len(ds)), "cap": 160.0})


def days(periods: int) -> pd.DatetimeIndex:
    return pd.date_range("2023-01-02", periods=periods, freq="D")


def on(weekdays: range, periods: int = 602) -> pd.DataFrame:
    ds = days(periods)
    return readings(ds[ds.day_of_week.isin(weekdays)])


def between(first: int, last: int, periods: int = 60) -> pd.DataFrame:
    ds = pd.date_range("2023-01-02", periods=24 * periods, freq="h")
    return readings(ds[(ds.hour >= first) & (ds.hour <= last)])


def without_months(months: range) -> pd.DataFrame:
    ds = days(3 * 365)
    return readings(ds[~ds.month.isin(months)], year=15)


def both(
    frame: pd.DataFrame, future: Any, later: float | None = None, **arguments: Any
) -> tuple[Any, Model, Any]:
    """Return stock's yhat, our model and its forecast, of the same readings and timestamps.

    A regressor keeps its last value, or has the value `later`.
    """
    regressors = [name for name in frame if name not in {"ds", "y", "cap"}]
    stock = Prophet(**arguments)
    for name in regressors:
        stock.add_regressor(name)
    future = pd.DataFrame({"ds": future, "cap": frame.cap.iloc[0]})
    future = future.assign(**{n: frame[n].iloc[-1] if later is None else later for n in regressors})
    theirs = stock.fit(frame.copy()).predict(future.copy())
    if "holidays" in arguments:
        arguments["holidays"] = arguments["holidays"].to_dict("list")
    cap = frame.cap.to_numpy() if arguments.get("growth") == "logistic" else None
    columns = {name: frame[name].to_numpy() for name in regressors}
    ours = fit_with(frame.ds.to_numpy(), frame.y.to_numpy(), cap=cap, regressors=columns or None, **arguments)
    assert isinstance(ours, Model)
    assert ours.engine == "fleetcast"
    table = forecast(
        ours,
        ForecastOptions(
            ds=future.ds.to_numpy(),
            cap=None if cap is None else cap[0],
            regressors={name: future[name].to_numpy() for name in regressors} or None,
        ),
    )
    return theirs.yhat.to_numpy(), ours, table


def unseen_days(frame: pd.DataFrame) -> NDArray[Any]:
    future = pd.date_range(frame.ds.min(), frame.ds.max() + pd.Timedelta("14D"), freq="D")
    return future[~future.day_of_week.isin(frame.ds.dt.day_of_week)].to_numpy()


def unseen_hours(frame: pd.DataFrame) -> NDArray[Any]:
    future = pd.date_range(frame.ds.min(), frame.ds.max() + pd.Timedelta("7D"), freq="h")
    return future[~future.hour.isin(frame.ds.dt.hour)].to_numpy()


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"scaling": "minmax"},
        {"growth": "flat"},
        MULTIPLICATIVE,
        MULTIPLICATIVE | {"growth": "flat"},
        {"seasonality_prior_scale": 0.1},
    ],
    ids=str,
)
@pytest.mark.parametrize("weekdays", [range(6), range(5)], ids=["Monday to Saturday", "Monday to Friday"])
def test_weekdays_never_seen_are_forecast_as_prophet_does(weekdays: range, arguments: dict[str, Any]) -> None:
    frame = on(weekdays)

    stock, _, ours = both(frame, unseen_days(frame), **arguments)

    assert np.abs(ours["yhat"] - stock).max() <= 0.25 * np.ptp(frame.y)


@pytest.mark.parametrize("arguments", [LOGISTIC, LOGISTIC | MULTIPLICATIVE], ids=str)
@pytest.mark.parametrize("weekdays", [range(6), range(5)], ids=["Monday to Saturday", "Monday to Friday"])
def test_with_logistic_growth_weekdays_never_seen_are_where_roundings_take_prophet(
    weekdays: range, arguments: dict[str, Any]
) -> None:
    frame, margin = on(weekdays), 0.25 * np.ptp(on(weekdays).y)
    noise = np.random.default_rng(1).normal(size=len(frame))

    # a last bit of y, or another processor's roundings, takes either model's Sunday from one level to another
    pairs = [
        both(frame.assign(y=frame.y * (1 + size * noise)), unseen_days(frame), **arguments)
        for size in (0, 1e-13, 3e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8, -1e-8)
    ]
    stock, ours = [pair[0] for pair in pairs], np.median([pair[2]["yhat"] for pair in pairs], axis=0)

    assert (ours >= np.min(stock, axis=0) - margin).all()
    assert (ours <= np.max(stock, axis=0) + margin).all()


@pytest.mark.parametrize("arguments", [{}, MULTIPLICATIVE, LOGISTIC, LOGISTIC | MULTIPLICATIVE], ids=str)
def test_hours_never_seen_are_forecast_as_prophet_does(arguments: dict[str, Any]) -> None:
    frame = between(8, 20)

    stock, _, ours = both(frame, unseen_hours(frame), **arguments)

    assert np.abs(ours["yhat"] - stock).max() <= 0.25 * np.ptp(frame.y)


@pytest.mark.parametrize("arguments", [{}, MULTIPLICATIVE], ids=str)
def test_months_never_seen_stay_near_the_readings(arguments: dict[str, Any]) -> None:
    frame = without_months(range(7, 10))
    future = days(3 * 365)[days(3 * 365).month.isin(range(7, 10))]

    stock, _, ours = both(frame, future, **arguments)

    assert np.abs(ours["yhat"] - stock).max() <= 0.5 * np.ptp(frame.y)


@pytest.mark.parametrize("arguments", [{}, MULTIPLICATIVE, LOGISTIC], ids=str)
@pytest.mark.parametrize("later", [0.0, 1.0])
def test_a_regressor_that_never_changed_has_prophets_effect(later: float, arguments: dict[str, Any]) -> None:
    frame = readings(days(400)).assign(promotion=1.0)

    stock, _, ours = both(frame, days(430)[-30:], later, **arguments)

    assert np.abs(ours["yhat"] - stock).max() <= 0.25 * np.ptp(frame.y)


@pytest.mark.parametrize("size", [0, 1e-13, 1e-12, 1e-11, 1e-10])
def test_the_effect_of_a_regressor_that_never_changed_does_not_depend_on_roundings(size: float) -> None:
    frame = readings(days(400)).assign(promotion=1.0)
    noise = np.random.default_rng(1).normal(size=len(frame))

    *_, exact = both(frame, days(430)[-30:], 0.0, **LOGISTIC)
    *_, rounded = both(frame.assign(y=frame.y * (1 + size * noise)), days(430)[-30:], 0.0, **LOGISTIC)

    assert np.abs(exact["yhat"] - rounded["yhat"]).max() <= 0.02 * np.ptp(frame.y)


def test_a_holiday_on_every_day_takes_nothing_from_the_level() -> None:
    frame = readings(days(400))
    holidays = pd.DataFrame({"holiday": "always", "ds": days(400)})

    stock, _, ours = both(frame, days(430)[-30:], holidays=holidays)

    assert np.abs(ours["yhat"] - stock).max() <= 0.25 * np.ptp(frame.y)
    assert np.abs(ours["yhat"] - frame.y.mean()).max() <= np.ptp(frame.y)


def test_a_regressor_that_is_the_weekend_shares_its_effect_as_in_prophet() -> None:
    frame = readings(days(400))
    frame["weekend"] = (frame.ds.dt.day_of_week >= 5).astype(float)

    stock, _, ours = both(frame, days(430)[-30:])

    assert np.abs(ours["yhat"] - stock).max() <= 0.25 * np.ptp(frame.y)


@pytest.mark.parametrize("arguments", [{}, MULTIPLICATIVE], ids=str)
@pytest.mark.parametrize("periods", [47, 100])
def test_with_few_readings_weekdays_never_seen_stay_in_their_range(
    periods: int, arguments: dict[str, Any]
) -> None:
    frame = on(range(6), periods)

    _, _, ours = both(frame, unseen_days(frame), **arguments)

    assert len(frame) < 100
    assert np.abs(ours["yhat"] - frame.y.mean()).max() <= np.ptp(frame.y)


@pytest.mark.parametrize("arguments", [{}, MULTIPLICATIVE], ids=str)
def test_the_trend_is_the_level(arguments: dict[str, Any]) -> None:
    for frame in (on(range(6)), on(range(5)), between(8, 20)):
        model = fit_with(frame.ds.to_numpy(), frame.y.to_numpy(), **arguments)

        trend = forecast(model, ForecastOptions(7))["trend"]

        assert np.abs(trend - frame.y.mean()).max() <= 0.25 * np.ptp(frame.y)


def problem_of(frame: pd.DataFrame, **arguments: Any) -> Problem:
    cap = frame.cap.to_numpy() if arguments.get("growth") == "logistic" else None
    return estimation_problem(prepared(frame.ds.to_numpy(), frame.y.to_numpy(), cap=cap, **arguments))


@pytest.mark.parametrize("arguments", [{}, MULTIPLICATIVE, LOGISTIC, LOGISTIC | MULTIPLICATIVE], ids=str)
@pytest.mark.parametrize("frame", [on(range(6)), between(8, 20, 40)], ids=["weekdays", "hours"])
def test_where_directions_are_open_our_objective_is_still_not_above_prophets(
    frame: pd.DataFrame, arguments: dict[str, Any]
) -> None:
    problem = problem_of(frame, **arguments)
    stock = value(problem, stock_parameters(Prophet(**arguments).fit(frame.copy())))

    solution = maximum_a_posteriori(problem)

    assert solution.objective <= stock + 1e-6 * abs(stock)
    assert solution.objective == pytest.approx(value(problem, solution.parameters), rel=1e-9)
