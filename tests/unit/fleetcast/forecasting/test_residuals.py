"""The residuals that a fit leaves in its model."""

import numpy as np
import pytest

from fleetcast.forecasting import ForecastOptions, dumps, forecast, loads
from testbed.preparation import fit_with


@pytest.mark.parametrize("growth", ["linear", "flat"])
@pytest.mark.parametrize("changepoints", [None, []])
def test_residuals_are_the_readings_minus_the_forecast_of_the_history(
    growth: str, changepoints: list[str] | None
) -> None:
    generator = np.random.default_rng(0)
    ds = np.datetime64("2025-01-01", "us") + np.sort(generator.integers(0, 100 * 86_400, 300)) * 1_000_000
    y = 10 + np.sin(np.arange(300) / 7) + generator.normal(0, 0.2, 300)

    model = fit_with(ds, y, growth=growth, changepoints=changepoints)

    assert model.residuals == pytest.approx(y - forecast(model, ForecastOptions(ds=ds))["yhat"], abs=1e-9)
    assert loads(dumps(model)).residuals is None
