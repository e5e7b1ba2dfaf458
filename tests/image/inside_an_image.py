"""Run inside an image: print answers to many requests, objectives of many fits, and weights of methods."""

import json
import sys
from pathlib import Path

import numpy as np

from fleetcast.evaluation import CombineOptions, combine
from fleetcast.forecasting import MEMBERS
from fleetcast.forecasting.options import FitOptions, RowColumns
from fleetcast.forecasting.preprocessing.preparation import estimation_problem, prepare
from fleetcast.forecasting.solver.estimate import maximum_a_posteriori
from serving.models import load_packed, look_up_each
from serving.request import Invocation, RequestBudget, RouteModel, respond

REQUESTS = [
    {"period": 7},
    {"period": 400, "interval_width": 0.95},
    {"period": 48, "freq": "h", "quantiles": [0.01, 0.5, 0.9]},
    {"period": 12, "freq": "MS", "components": True},
    {"requests": [{"period": period} for period in (30, 1, 30, 90)]},
]
SERIES = 12


def answers() -> dict[str, str]:
    """Return each archive's answer to each request."""
    bodies = {}
    for path in sorted(Path("/archives").glob("*.tar.gz")):
        for number, request in enumerate(REQUESTS):
            forecaster, body = load_packed(path.read_bytes()), json.dumps(request).encode()
            if forecaster.model.settings.growth == "logistic":
                body = body.replace(b'"period"', b'"cap": 90, "period"')
            response = respond(
                Invocation(body, {}, RouteModel(path.name)),
                look_up_each(lambda _name, forecaster=forecaster: forecaster),
                budget=RequestBudget(),
            )
            assert response.status == 200, response.body
            bodies[f"{path.name} {number}"] = response.body.decode()
    return bodies


def objectives() -> dict[str, float]:
    """Return the least objective of series of every growth and mode."""
    minima = {}
    for seed in range(SERIES):
        draw = np.random.default_rng(seed)
        days = np.arange(200)
        ds = np.datetime64("2024-01-01") + days
        y = 50 + 0.1 * days + 5 * np.sin(days * 2 * np.pi / 7) + draw.normal(0, 2, 200)
        growth = ("linear", "flat", "logistic")[seed % 3]
        mode = ("additive", "multiplicative")[seed % 2]
        columns = RowColumns(cap=120.0 if growth == "logistic" else None)
        prepared = prepare(ds, y, columns, FitOptions(growth=growth, seasonality_mode=mode))
        minima[f"{growth}, {mode}, {seed}"] = maximum_a_posteriori(estimation_problem(prepared)).objective
    return minima


def weights() -> dict[str, dict[str, float]]:
    """Return the weights of the methods besides Prophet's for hourly series."""
    chosen = {}
    for seed in range(SERIES):
        draw = np.random.default_rng(seed)
        hours = np.arange(900)
        stamps = hours * 3_600_000_000
        y = 50 + 5 * np.sin(hours * 2 * np.pi / 24) + draw.normal(0, 1, 900).cumsum() / 5
        together = combine(stamps, y, "h", lambda _: None, CombineOptions(members=tuple(MEMBERS)))
        assert together is not None
        chosen[str(seed)] = dict(together.weights)
    return chosen


if __name__ == "__main__":
    json.dump({"answers": answers(), "objectives": objectives(), "weights": weights()}, sys.stdout)
