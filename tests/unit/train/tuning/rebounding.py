"""A fleet whose days alternate between high and low, which trees forecast, and no method of one customer."""

from pathlib import Path

import numpy as np

from container import Paths
from tests.unit.jobs import tree

CUSTOMERS = 12
HOURS = 24 * 36
POOR = {"models": "auto", "global_rounds": "2", "global_eta": "0.01", "backtest_horizon": "24"}
"""Settings of trees that learn nothing."""
SPACE = '{"global_rounds": [2, 60], "global_eta": [0.2], "global_share": [0.3]}'


def hours(*, seed: int, last: float = 1.0) -> str:
    """Return a CSV file of hourly readings; those of the last day are multiplied by `last`."""
    generator = np.random.default_rng(seed)
    ds = np.datetime64("2025-01-01T00") + np.arange(HOURS)
    day = np.arange(HOURS) // 24
    high = np.where(generator.random(HOURS // 24) < 0.5, 0.1, 0.9)
    high[1::2] = 1 - high[: HOURS // 24 : 2]
    y = 20 + 10 * high[day] * np.sin(np.pi * (np.arange(HOURS) % 24) / 24) + generator.normal(0, 0.2, HOURS)
    y[-24:] *= last
    return "timestamp,consumption\n" + "".join(f"{t},{v:.3f}\n" for t, v in zip(ds, y, strict=True))


def fleet(base: Path, *, last: float = 1.0, **hyperparameters: str) -> Paths:
    files = {f"{number:02}/data.csv": hours(seed=number, last=last) for number in range(CUSTOMERS)}
    return tree(base, files, **{**POOR, "tune_space": SPACE, **hyperparameters})
