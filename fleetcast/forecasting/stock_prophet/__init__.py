"""Stock Prophet, for what the solver does not cover: MCMC samples, Stan's arguments, data without a minimum.

Importing the room imports neither Prophet nor pandas: its functions do so when they are called.
"""

from fleetcast.forecasting.stock_prophet.fallback import sampled_model, stock_parameters
from fleetcast.forecasting.stock_prophet.sampled_forecast import forecast_by_samples

__all__ = ["forecast_by_samples", "sampled_model", "stock_parameters"]
