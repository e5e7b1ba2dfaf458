"""The arguments of Prophet's constructor: defaults, types and errors."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fleetcast.errors import SettingError
from fleetcast.forecasting import FitOptions


def test_without_arguments_the_defaults_are_prophets() -> None:
    settings = FitOptions().settings

    assert (settings.n_changepoints, settings.changepoint_range, settings.interval_width) == (25, 0.8, 0.8)
    assert (settings.growth, settings.holidays_mode, settings.uncertainty_samples) == (
        "linear",
        "additive",
        1000,
    )


def test_holidays_mode_follows_seasonality_mode_unless_given() -> None:
    follows = FitOptions(seasonality_mode="multiplicative")
    differs = FitOptions(seasonality_mode="multiplicative", holidays_mode="additive")

    assert follows.settings.holidays_mode == "multiplicative"
    assert replace(follows, seasonality_mode="additive").settings.holidays_mode == "additive"
    assert differs.settings.holidays_mode == "additive"


def test_numbers_may_be_numpy_numbers() -> None:
    numbers: dict[str, Any] = {
        "n_changepoints": np.int64(3),
        "interval_width": np.float32(0.5),
        "weekly_seasonality": np.bool_(1),
    }
    settings = FitOptions(**numbers).settings

    assert (settings.n_changepoints, settings.interval_width, settings.weekly_seasonality) == (3, 0.5, True)
    assert type(settings.n_changepoints) is int


def test_changepoints_set_their_number() -> None:
    settings = FitOptions(changepoints=pd.to_datetime(["2020-02-01", "2020-01-20"])).settings

    assert settings.n_changepoints == 2
    assert settings.changepoints == (1_580_515_200_000_000, 1_579_478_400_000_000)


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("growth", "cubic", "'linear', 'flat', 'logistic'"),
        ("changepoints", ["soon"], "dates without a time zone"),
        ("changepoints", ["2020-01-01T00:00Z"], "dates without a time zone"),
        ("n_changepoints", -1, "whole number of at least 0"),
        ("n_changepoints", True, "whole number"),
        ("changepoint_range", 1.1, "from 0 to 1"),
        ("yearly_seasonality", "always", "'auto', True, False or a number"),
        ("weekly_seasonality", -1, "'auto', True, False or a number"),
        ("daily_seasonality", 1.5, "'auto', True, False or a number"),
        ("seasonality_mode", "both", "'additive', 'multiplicative'"),
        ("seasonality_prior_scale", 0, "above 0"),
        ("holidays_prior_scale", "ten", "above 0"),
        ("changepoint_prior_scale", float("inf"), "finite"),
        ("mcmc_samples", -5, "whole number of at least 0"),
        ("interval_width", 1, "at least 0 and below 1"),
        ("uncertainty_samples", None, "whole number"),
        ("stan_backend", "PYSTAN", "'CMDSTANPY' or left out"),
        ("scaling", "log", "'absmax', 'minmax'"),
        ("holidays_mode", "none", "'additive', 'multiplicative'"),
        ("holidays", 3, "columns ds and holiday"),
    ],
)
def test_a_bad_value_is_refused_by_name_value_and_what_is_accepted(
    name: str, value: object, accepted: str
) -> None:
    with pytest.raises(SettingError) as refusal:
        FitOptions(**{name: value})

    assert str(refusal.value).startswith(name)
    assert accepted in str(refusal.value)
