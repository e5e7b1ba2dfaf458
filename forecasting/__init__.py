"""Prophet's model in NumPy: readings go in, a fitted model and its forecasts come out."""
