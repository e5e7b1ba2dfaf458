"""From a fitted model to its forecast: trend, features, quantiles."""
