"""Prophet's model: readings go in, a fitted model and its forecasts come out."""

from forecasting._stock import FitError, Model, fit, loads

__all__ = ["FitError", "Model", "fit", "loads"]
