"""The program `refresh`: forecasts of trained customers from their newest readings, without a training."""
