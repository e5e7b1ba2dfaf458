"""Regressors, conditions, cap and floor: which values are accepted, and that unused ones are refused."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from fleetcast.errors import FutureError, HistoryError
from fleetcast.forecasting import ForecastOptions, Model, dumps, forecast
from testbed.preparation import fit_with

DAYS = np.datetime64("2024-01-01", "us") + np.arange(60) * np.timedelta64(1, "D")
Y = 10 + np.sin(np.arange(60.0)) + np.random.default_rng(1).normal(0, 0.1, 60)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
FLAGS = np.arange(60) % 3 == 0


def model_with_columns() -> Model:
    model = fit_with(
        DAYS,
        Y,
        regressors={"r": Y * Y},
        conditions={"open": Y > 10},
        seasonalities=[{"name": "s", "period": 7, "fourier_order": 2, "condition_name": "open"}],
    )
    assert isinstance(model, Model)
    return model


@pytest.mark.parametrize(
    "flags",
    [
        FLAGS,
        FLAGS.astype(object),
        FLAGS.astype(int),
        FLAGS.astype(float),
        FLAGS.astype(np.uint8),
        FLAGS.tolist(),
        pd.Series(FLAGS).astype("boolean"),
    ],
)
def test_booleans_are_regressors_of_0_and_1_and_conditions(flags: Any) -> None:
    season = {"name": "open days", "period": 7, "fourier_order": 2, "condition_name": "open"}

    def text(column: Any) -> str:
        columns = {"regressors": {"promotion": column}, "conditions": {"open": column}}
        model = fit_with(DAYS, Y + FLAGS, seasonalities=[season], **columns)
        table = forecast(model, ForecastOptions(ds=DAYS, **columns))
        return dumps(model) + table["yhat"].tobytes().hex()

    assert text(flags) == text(FLAGS.astype(float))


@pytest.mark.parametrize(
    "values",
    [
        np.where(FLAGS, "True", "False"),
        np.where(FLAGS, None, 1.0),
        np.array([pd.NA, *FLAGS[1:]], dtype=object),
        DAYS,
        Y + 1j,
        [[1.0]] * 60,
    ],
)
@pytest.mark.parametrize("kind", ["regressor", "condition"])
def test_a_column_without_numbers_or_booleans_is_refused_by_name(values: Any, kind: str) -> None:
    season = {"name": "open days", "period": 7, "fourier_order": 2, "condition_name": "promotion"}
    seasonalities = [season] if kind == "condition" else []

    with pytest.raises(HistoryError, match=f"{kind} 'promotion' must be"):
        fit_with(DAYS, Y, seasonalities=seasonalities, **{f"{kind}s": {"promotion": values}})


@pytest.mark.parametrize("name", ["weather", "R"])
@pytest.mark.parametrize("kind", ["regressors", "conditions"])
def test_a_column_that_the_model_does_not_use_is_refused_by_name(name: str, kind: str) -> None:
    columns: dict[str, dict[str, Any]] = {"regressors": {"r": 1.0}, "conditions": {"open": True}}
    columns[kind][name] = 1.0

    with pytest.raises(FutureError, match=f"{kind}: this model does not use '{name}'; it uses '(r|open)'"):
        forecast(model_with_columns(), ForecastOptions(2, **columns))


@pytest.mark.parametrize("limit", ["cap", "floor"])
def test_a_limit_that_the_model_does_not_use_is_refused_by_name(limit: str) -> None:
    with pytest.raises(FutureError, match=f"{limit} has no use, as this model"):
        forecast(fit_with(DAYS, Y), ForecastOptions(2, **{limit: 5.0}))


def test_a_floor_that_the_fit_did_not_have_is_refused_by_name() -> None:
    model = fit_with(DAYS, Y, growth="logistic", cap=20.0)

    with pytest.raises(FutureError, match="floor has no use, as this model was fitted without a floor"):
        forecast(model, ForecastOptions(2, cap=20.0, floor=1.0))
