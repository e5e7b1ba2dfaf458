"""Fleets of made-up customers, and global models that XGBoost trained on them."""

from functools import cache
from typing import Any, Final

import numpy as np
import xgboost

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import Stamps, microseconds
from fleetcast.forecasting.members import GriddedHistory
from fleetcast.global_model import (
    PLAIN_FEATURES,
    GlobalModel,
    GlobalSettings,
    Part,
    RelativeErrors,
    Series,
    TrainingRows,
    plain_errors,
    plain_rows,
    trees_of,
)
from fleetcast.global_model.series import step_length

CYCLES: Final = {"h": (24, 168), "15min": (96, 672), "D": (7, 28), "W-MON": (4, 52)}
"""Short and long cycle, in steps, by frequency."""
_FIRST: Final = int(microseconds(["2024-01-01"])[0])
"""A Monday."""


def stamps(freq: str, size: int) -> Stamps:
    length = step_length(freq)
    assert length is not None
    return _FIRST + length * np.arange(size)


def readings(freq: str, size: int, seed: int) -> Vector:
    """Return a customer's readings: a level, a short and a long cycle of their own, and noise."""
    random = np.random.default_rng(seed)
    short, long = CYCLES[freq]
    steps = np.arange(size)
    daily = random.gamma(2.0, size=short)
    weekly = np.repeat(random.normal(size=long // short) * 0.3, short)
    drift = np.cumsum(random.normal(size=size)) * 0.02
    level = np.exp(random.normal(2, 1))
    y: Vector = level * (
        5 + daily[steps % short] + weekly[steps % long] + drift + random.normal(size=size) * 0.2
    )
    return y


def series(freq: str, y: Vector) -> Series:
    times = stamps(freq, y.size)
    last = int(times[np.isfinite(y)][-1])
    found = Series.of(GriddedHistory.of(times, y, freq), last, freq)
    assert found is not None
    return found


def rows_of(freq: str, horizon: int, seeds: range) -> TrainingRows:
    """Return the rows of one customer for each seed."""
    size = max(6 * CYCLES[freq][0], 4 * CYCLES[freq][1])
    parts = [
        plain_rows(series(freq, readings(freq, size, seed)), horizon, most=300, seed=seed) for seed in seeds
    ]
    return TrainingRows(
        *(
            np.concatenate([getattr(part, name) for part in parts if part is not None])
            for name in ("x", "target", "times")
        )
    )


@cache
def plain_model(freq: str = "h", horizon: int = 48, rounds: int = 60, **parameters: Any) -> GlobalModel:
    """Return a model of 30 customers, with the errors that it makes for 10 others."""
    rows = rows_of(freq, horizon, range(30))
    options = {
        "objective": "reg:absoluteerror",
        "base_score": 0,
        "max_depth": 5,
        "eta": 0.1,
        "nthread": 1,
        "seed": 1,
    }
    booster = xgboost.train(options | parameters, xgboost.DMatrix(rows.x, rows.target), rounds)
    trees = trees_of(booster.save_raw("json"))
    errors = RelativeErrors.of(
        *plain_errors(trees, rows_of(freq, horizon, range(100, 110))), horizon=horizon, cycle=CYCLES[freq][0]
    )
    settings = GlobalSettings(freq=freq, horizon=horizon, plain_errors=errors)
    return GlobalModel(settings, {"plain": Part(trees, PLAIN_FEATURES)})
