"""The weights of the methods in a combined forecast: those that forecast the backtests best.

They minimise the mean absolute error of the weighted mean over the backtests by exponentiated gradient steps,
from a start that favours methods with small errors of their own.  The result is the mean over all steps,
so that a part of the start remains: equally good methods share the weight, and a small change of the readings
changes the weights little.

Kivinen and Warmuth (1997), "Exponentiated gradient versus gradient descent for linear predictors",
Information and Computation 132(1).
"""

from typing import Final

import numpy as np

from fleetcast.forecasting.arrays import Flags, Matrix, Vector

_SHARPNESS: Final = 3.0
"""The weight at the start falls with this power of a method's error."""
_MOST_ERROR: Final = 10.0
"""A method whose error is more than this many times the smallest has no weight."""
_STEPS: Final = 30
"""Number of gradient steps."""
_RATE: Final = 0.5
"""Length of the first gradient step; the n-th is shorter by √n."""
_TINY: Final = 1e-3
"""Smaller weights become 0."""


def best_weights(forecasts: Matrix, y: Vector, favour: Vector, counts: Flags) -> Matrix:
    """Return the weights of K methods for W choices of the rows, shape (W, K): at least 0, each with sum 1.

    `forecasts`, shape (K, R), are the methods' forecasts of R rows, and `y`, shape (R,), the readings.
    `favour`, shape (K,), is a factor of each method's weight at the start.  `counts`, shape (W, R), says
    which rows belong to each choice, at least one.  Nothing may be NaN.
    """
    errors = forecasts - y
    share = counts / counts.sum(axis=1, keepdims=True)
    error = share @ np.abs(errors).T
    least = error.min(axis=1, keepdims=True)
    exact = error == 0
    weights = favour * (least / np.where(exact, 1.0, error)) ** _SHARPNESS * (error <= _MOST_ERROR * least)
    weights = np.where(exact.any(axis=1, keepdims=True), exact, weights)
    weights /= weights.sum(axis=1, keepdims=True)
    share /= np.where(least > 0, least, np.inf)  # an exact forecast has no better one
    usable = weights > 0
    total = np.zeros_like(weights)
    for step in range(_STEPS):
        gradient = (np.sign(weights @ errors) * share) @ errors.T
        weights = weights * np.exp(np.where(usable, gradient, 0.0) * (-_RATE / (1 + step) ** 0.5))
        weights /= weights.sum(axis=1, keepdims=True)
        total += weights
    total /= _STEPS
    total[total < _TINY] = 0.0
    return np.asarray(total / total.sum(axis=1, keepdims=True), np.float64)
