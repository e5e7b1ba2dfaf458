"""Models of every kind, which stock Prophet fits for comparison."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from prophet import Prophet
from prophet.serialize import model_to_json

logging.getLogger("prophet").setLevel(logging.ERROR)
logging.getLogger("cmdstanpy").disabled = True

STOCK_WARNINGS = pytest.mark.filterwarnings("ignore::DeprecationWarning")
"""Prophet uses functions that pandas has deprecated."""

HOLIDAYS = pd.DataFrame(
    {
        "ds": pd.to_datetime(
            [
                "2020-01-15 00:00",
                "2020-02-12 13:00",
                "2020-05-12 00:00",
                "2020-04-30 00:00",
                "2020-05-02 00:00",
            ]
        ),
        "holiday": ["away", "away", "fair", "away", "race"],
        "lower_window": [-1, -1, 0, -1, 0],
        "upper_window": [1, 1, 0, 2, 0],
        "prior_scale": [5.0, 5.0, np.nan, 5.0, np.nan],
    }
)


@dataclass(frozen=True)
class Case:
    """One kind of model."""

    frame: Callable[[], pd.DataFrame]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    seasonalities: tuple[Mapping[str, Any], ...] = ()
    regressors: tuple[Mapping[str, Any], ...] = ()
    country: str | None = None
    freq: str = "D"

    def unfitted(self) -> Prophet:
        arguments = dict(self.arguments)
        if "holidays" in arguments:
            arguments["holidays"] = arguments["holidays"].copy()  # Prophet writes into it
        model = Prophet(**arguments)
        for seasonality in self.seasonalities:
            model.add_seasonality(**seasonality)
        for regressor in self.regressors:
            model.add_regressor(**regressor)
        if self.country:
            model.add_country_holidays(self.country)
        return model

    def columns(self, frame: pd.DataFrame) -> dict[str, Any]:
        """Return the columns of the rows, as `fit` and `ForecastOptions` take them."""
        conditions = [s["condition_name"] for s in self.seasonalities if s.get("condition_name")]
        return {
            "cap": frame.get("cap"),
            "floor": frame.get("floor"),
            "regressors": {r["name"]: frame[r["name"]].to_numpy() for r in self.regressors},
            "conditions": {name: frame[name].to_numpy() for name in conditions},
        }

    def declared(self) -> dict[str, Any]:
        """Return the fields of `FitOptions`."""
        return {
            "seasonalities": self.seasonalities,
            "extra_regressors": self.regressors,
            "country_holidays": self.country,
            **self.arguments,
        }

    def future(self, model: Prophet, periods: int, *, include_history: bool = False) -> pd.DataFrame:
        frame = model.make_future_dataframe(periods, freq=self.freq, include_history=include_history)
        rng = np.random.default_rng(7)
        history = self.frame()
        for name in ("cap", "floor"):
            if name in history:
                frame[name] = np.resize(history[name].to_numpy(), len(frame))
        for regressor in self.regressors:
            frame[regressor["name"]] = rng.choice(history[regressor["name"]].to_numpy(), len(frame))
        if "workday" in history:
            frame["workday"] = frame.ds.dt.day_of_week < 5
        return frame


def series(rows: int = 120, freq: str = "D", start: str = "2020-01-01 06:00") -> pd.DataFrame:
    rng = np.random.default_rng(rows)
    ds = pd.date_range(start, periods=rows, freq=freq)
    y = 20 + np.linspace(0, 5, rows) + 2 * np.sin(np.arange(rows) / 3) + rng.normal(size=rows)
    return pd.DataFrame({"ds": ds, "y": y})


def _with_everything() -> pd.DataFrame:
    frame, rng = series(), np.random.default_rng(1)
    frame["temperature"] = rng.normal(5, 3, len(frame))
    frame["open"] = (rng.random(len(frame)) < 0.3).astype(float)
    frame["workday"] = frame.ds.dt.day_of_week < 5
    return frame


def _limited(cap: Any = 50.0, floor: float | None = None) -> Callable[[], pd.DataFrame]:
    return lambda: series().assign(cap=cap, **({} if floor is None else {"floor": floor}))


def _irregular() -> pd.DataFrame:
    frame, rng = series(), np.random.default_rng(2)
    seconds = np.sort(rng.integers(0, 86_400 * 150, len(frame)))
    frame["ds"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(seconds, unit="s")
    return frame.sample(frac=1, random_state=1)


def _with_gaps() -> pd.DataFrame:
    frame = series()
    frame.loc[[3, 50, 119], "y"] = np.nan
    return frame


def _with_duplicates() -> pd.DataFrame:
    frame = series()
    frame.loc[10:20, "ds"] = frame.ds[10]
    return frame


CASES = {
    "additive": Case(series),
    "multiplicative": Case(series, {"seasonality_mode": "multiplicative"}),
    "mixed, holidays, regressors, condition": Case(
        _with_everything,
        {"holidays": HOLIDAYS, "holidays_mode": "multiplicative"},
        (
            {"name": "workweek", "period": 7, "fourier_order": 2, "condition_name": "workday"},
            {"name": "monthly", "period": 30.5, "fourier_order": 3, "mode": "multiplicative"},
        ),
        ({"name": "temperature"}, {"name": "open", "mode": "multiplicative", "prior_scale": 0.5}),
    ),
    "flat": Case(series, {"growth": "flat"}),
    "logistic with floor": Case(_limited(50.0, 1.0), {"growth": "logistic"}),
    "logistic multiplicative, moving cap": Case(
        _limited(np.linspace(40, 60, 120)), {"growth": "logistic", "seasonality_mode": "multiplicative"}
    ),
    "minmax": Case(series, {"scaling": "minmax"}),
    "logistic minmax with floor": Case(_limited(50.0, 1.0), {"growth": "logistic", "scaling": "minmax"}),
    "logistic minmax": Case(_limited(50.0), {"growth": "logistic", "scaling": "minmax"}),
    "country": Case(lambda: series(400), country="US"),
    "country and own holidays": Case(
        lambda: series(400),
        {"holidays": HOLIDAYS.drop(columns="prior_scale"), "seasonality_mode": "multiplicative"},
        country="DE",
    ),
    "hourly": Case(lambda: series(300, "h"), freq="h"),
    "quarter-hourly": Case(lambda: series(700, "15min"), freq="15min"),
    "rows without reading": Case(_with_gaps),
    "irregular, not in order": Case(_irregular),
    "equal timestamps": Case(_with_duplicates),
    "no changepoints": Case(series, {"changepoints": []}),
    "dates of changepoints": Case(series, {"changepoints": ["2020-02-01", "2020-01-20"]}),
    "n_changepoints=0": Case(series, {"n_changepoints": 0}),
    "short": Case(lambda: series(12)),
    "yearly": Case(lambda: series(800), {"yearly_seasonality": 4, "weekly_seasonality": False}),
    "trend alone": Case(series, {"weekly_seasonality": False}),
    "weekly by demand": Case(lambda: series(10, "10D"), {"weekly_seasonality": True}),
    "before 1970": Case(lambda: series(100, start="1960-01-01")),
    "without intervals": Case(series, {"uncertainty_samples": 0}),
    "own weekly": Case(
        series, {}, ({"name": "weekly", "period": 7, "fourier_order": 5, "prior_scale": 0.1},)
    ),
}


@lru_cache
def fitted(name: str) -> Prophet:
    return CASES[name].unfitted().fit(CASES[name].frame())


@lru_cache
def text(name: str) -> str:
    return model_to_json(fitted(name))
