"""A hash of every byte of models and forecasts of all kinds: `python -m testbed.forecasts_hash` prints it."""

import sys
from hashlib import sha256
from itertools import product

from fleetcast.forecasting import ForecastOptions, dumps, forecast
from testbed.customers import customer
from testbed.preparation import fit_with


def forecasts_hash() -> str:
    """Return the SHA-256 over three kinds of readings, each growth and each seasonality mode."""
    digest = sha256()
    kinds = ("365 daily", "1,000 irregular", "8,760 hourly")
    for kind, growth, mode in product(kinds, ("linear", "flat", "logistic"), ("additive", "multiplicative")):
        readings = customer(kind)
        model = fit_with(**readings.arguments(growth), seasonality_mode=mode)
        digest.update(dumps(model).encode())
        cap = {"cap": readings.cap[0]} if growth == "logistic" else {}
        for column in forecast(model, ForecastOptions(30, components=True, **cap)).values():
            digest.update(column.tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.stdout.write(forecasts_hash())
