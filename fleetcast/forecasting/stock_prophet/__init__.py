"""Stock Prophet: it fits what the solver leaves to it, and forecasts with models of MCMC samples.

Importing this package does not import Prophet, pandas or Stan; the first call does.
"""

from fleetcast.forecasting.stock_prophet.fallback import sampled_model, stock_parameters
from fleetcast.forecasting.stock_prophet.sampled_forecast import forecast_by_samples

__all__ = ["forecast_by_samples", "sampled_model", "stock_parameters"]
