"""Each option is declared and checked in one module and used in one other."""

import ast
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fleetcast
from fleetcast.errors import FutureError, SettingError
from fleetcast.forecasting import FitOptions, ForecastOptions

REPOSITORY = Path(fleetcast.__file__).parents[1]
ROOT = REPOSITORY / "fleetcast" / "forecasting"
TEXT_OF_A_MODEL = {"prophet_json/read.py", "prophet_json/write.py"}
"""Modules that read and write Prophet's JSON, which has the settings by name."""


def modules_that_read(option: str) -> set[str]:
    """Return the modules of the library that read the attribute `option` of any object."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == option
    }


@pytest.mark.parametrize(
    ("option", "module"),
    [
        ("changepoint_range", "preprocessing/changepoints.py"),
        ("changepoint_prior_scale", "preprocessing/preparation.py"),
        ("weekly_seasonality", "features/seasonality.py"),
        ("stan_arguments", "fitting.py"),
        ("keep_history", "fitting.py"),
        ("quantiles", "predict/quantile_columns.py"),
    ],
)
def test_an_option_is_read_in_one_module(option: str, module: str) -> None:
    others = {"options.py", "predict/point_forecast.py", "stock_prophet/sampled_forecast.py"}

    assert modules_that_read(option) - others - TEXT_OF_A_MODEL == {module}


@pytest.mark.parametrize("declaration", [FitOptions, ForecastOptions])
def test_no_module_lists_the_options_again(declaration: Any) -> None:
    names = {option.name for option in fields(declaration)}
    lists = {
        path.relative_to(REPOSITORY).as_posix()
        for folder in ("fleetcast", "serving", "train")
        for path in (REPOSITORY / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and len({keyword.arg for keyword in node.keywords} & names) > 5
    }

    assert lists == set()


@pytest.mark.parametrize(
    ("option", "value"),
    [("country_holidays", "Atlantis"), ("seasonalities", [{"name": "trend"}]), ("extra_regressors", ["ds"])],
)
def test_a_wrong_component_is_refused_before_there_are_readings(option: str, value: object) -> None:
    arguments: dict[str, Any] = {option: value}
    with pytest.raises(SettingError):
        FitOptions(**arguments)


def test_a_seasonality_with_the_name_of_a_holiday_is_refused_before_there_are_readings() -> None:
    with pytest.raises(SettingError, match="'fair' is already used for a holiday"):
        FitOptions(
            holidays=[{"ds": "2024-05-01", "holiday": "fair"}],
            seasonalities=[{"name": "fair", "period": 7, "fourier_order": 2}],
        )


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("periods", 0),
        ("periods", True),
        ("periods", 1.5),
        ("freq", "fortnight"),
        ("freq", 7),
        ("quantiles", [0.5, 1.0]),
        ("quantiles", [True]),
        ("interval_width", True),
        ("interval_width", 1.0),
        ("ds", []),
        ("ds", ["soon"]),
    ],
)
def test_forecast_options_refuse_what_no_model_can_forecast(option: str, value: object) -> None:
    arguments: dict[str, Any] = {option: value}
    with pytest.raises(FutureError, match=option):
        ForecastOptions(**arguments)


def test_forecast_options_hold_plain_values() -> None:
    numbers: dict[str, Any] = {"periods": np.int64(3), "quantiles": np.array([0.5]), "interval_width": 0}
    options = ForecastOptions(**numbers)

    assert (options.periods, options.quantiles, options.interval_width) == (3, (0.5,), 0.0)
    assert type(options.periods) is int
