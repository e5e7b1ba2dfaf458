"""Stock Prophet opens a model that has other methods' part, and forecasts Prophet's part of it."""

import json

import pandas as pd
import pytest
from prophet.serialize import model_from_json

from fleetcast.forecasting import ForecastOptions, dumps, forecast
from testbed.combined import combined_model, hourly
from testbed.stock_cases import STOCK_WARNINGS

pytestmark = STOCK_WARNINGS


def test_stock_prophet_forecasts_the_model_without_the_correction() -> None:
    model = combined_model(*hourly())
    future = pd.date_range("2024-03-01", periods=48, freq="h")

    stock = model_from_json(dumps(model)).predict(pd.DataFrame({"ds": future}))
    ours = forecast(model, ForecastOptions(ds=future.to_numpy(), components=True))

    assert "fleetcast" in json.loads(dumps(model))
    assert ours["yhat"] - ours["correction"] == pytest.approx(stock["yhat"].to_numpy(), rel=1e-9)
