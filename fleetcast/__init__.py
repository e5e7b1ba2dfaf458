"""One Prophet forecasting model per customer: fit, forecast and read models."""
