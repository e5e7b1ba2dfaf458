"""Readings after an origin that say nothing: whatever changes with them has seen the future."""

from collections.abc import Callable
from typing import Final

import numpy as np

from fleetcast.forecasting.arrays import Vector

GARBAGE: Final[dict[str, Callable[[Vector], Vector]]] = {
    "large": lambda y: 1e9 * np.random.default_rng(1).normal(size=y.size),
    "none": lambda y: np.where(np.arange(y.size) < y.size - 1, np.nan, y),
    "negative": lambda y: -y,
    "zeros": np.zeros_like,
    "huge": lambda y: np.full(y.size, 1e300),
}
"""What takes the place of readings; the last one stays a number, so that the history ends with it."""


def after(y: Vector, at: int, kind: str) -> Vector:
    """Return the readings with garbage from the step `at` on."""
    return np.concatenate((y[:at], GARBAGE[kind](y[at:])))
