"""Measures of forecasts: y are readings, yhat their forecasts, both of shape (n,), without NaN.

Each measure is a mean over the n rows or a ratio of sums, so it is NaN if there are none.  A value beyond the
range of floats is infinite.
"""

import math
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fleetcast.readings.customer import Vector

Metric: TypeAlias = Literal["mase", "wape"]
"""The measure by which methods are chosen."""
SMALLEST_SIZE: Final = 1e-100
"""|y| + |yhat| up to which both count as 0: logistic growth forecasts 0 as 1e-303."""


def mean_absolute_error(y: Vector, yhat: Vector) -> float:
    """Return MAE = Σ|y - ŷ| / n, in units of y, at least 0; NaN if n is 0.

    Readings of 0 need no care, as nothing is divided by y.

    Hyndman and Koehler (2006), "Another look at measures of forecast accuracy", International Journal of
    Forecasting 22(4), section 2.1.
    """
    return _mean(np.abs(y - yhat))


def root_mean_squared_error(y: Vector, yhat: Vector) -> float:
    """Return RMSE = √(Σ(y - ŷ)² / n), in units of y, at least MAE; NaN if n is 0.

    Readings of 0 need no care, as nothing is divided by y.

    Hyndman and Koehler (2006), section 2.1.
    """
    error = np.abs(y - yhat)
    return math.sqrt(_mean(error * error))


def symmetric_mean_absolute_percentage_error(y: Vector, yhat: Vector) -> float:
    """Return sMAPE = 200 · Σ(|y - ŷ| / (|y| + |ŷ|)) / n, in percent, from 0 to 200; NaN if n is 0.

    A row where y and ŷ are both 0 counts as 0; a row where only one of them is 0 counts as 200.

    Makridakis and Hibon (2000), "The M3-Competition: results, conclusions and implications", International
    Journal of Forecasting 16(4); with absolute values in the denominator, for negative readings.
    """
    error, size = np.abs(y - yhat), np.abs(y) + np.abs(yhat)
    return 200 * _mean(np.divide(error, size, out=np.zeros_like(error), where=size > SMALLEST_SIZE))


def weighted_absolute_percentage_error(y: Vector, yhat: Vector) -> float:
    """Return WAPE = Σ|y - ŷ| / Σ|y|, without a unit, at least 0 (0.1 is 10 %); NaN if n is 0.

    Single readings of 0 need no care.  If all of them are 0, it is infinite, or NaN where the forecast is
    exact.

    Kolassa and Schütz (2007), "Advantages of the MAD/mean ratio over the MAPE", Foresight 6.
    """
    error, size = float(np.abs(y - yhat).sum()), float(np.abs(y).sum())
    return error / size if size > 0 else math.nan if error == 0 else math.inf


def mean_bias(y: Vector, yhat: Vector) -> float:
    """Return bias = Σ(ŷ - y) / n, in units of y: above 0 the forecasts are too high; NaN if n is 0.

    Readings of 0 need no care, as nothing is divided by y.  "Forecast errors" there are y - ŷ.

    Hyndman and Athanasopoulos (2021), "Forecasting: principles and practice", 3rd edition, section 5.8.
    """
    return _mean(yhat - y)


def mean_absolute_scaled_error(y: Vector, yhat: Vector, *, naive_error: float) -> float:
    """Return MASE = MAE / q, without a unit, where q is `naive_error` of the history; NaN if n is 0.

    Below 1 the forecast errs less than the seasonal naive forecast of the history did.  It is infinite or
    NaN if q is 0: the history repeats itself exactly, or is too short.

    Hyndman and Koehler (2006), section 3; with seasons, Hyndman and Athanasopoulos (2021), "Forecasting:
    principles and practice", 3rd edition, section 5.8.
    """
    mae = mean_absolute_error(y, yhat)
    return mae / naive_error if naive_error > 0 else math.nan if mae == 0 else math.inf


def interval_coverage(y: Vector, lower: Vector, upper: Vector) -> float:
    """Return the share of rows with lower ≤ y ≤ upper, from 0 to 1; NaN if n is 0.

    A forecast whose intervals have the right width covers their probability, such as 0.8.  A bound that
    equals the reading covers it, so an interval of width 0 may.

    Christoffersen (1998), "Evaluating interval forecasts", International Economic Review 39(4).
    """
    return _mean((lower <= y) & (y <= upper))


def winkler_score(y: Vector, lower: Vector, upper: Vector, *, probability: float) -> float:
    """Return the mean of u - l + 2 / (1 - p) · (max(l - y, 0) + max(y - u, 0)), in units of y; NaN if n is 0.

    l and u are the bounds of an interval with the probability p, at least 0 and below 1.  The score is at
    least 0, and smaller for better intervals: narrow ones that have the readings inside.  Readings of 0 need
    no care, as nothing is divided by y.

    Winkler (1972), "A decision-theoretic approach to interval estimation", JASA 67(337); Gneiting and
    Raftery (2007), "Strictly proper scoring rules, prediction, and estimation", JASA 102(477), section 6.2.
    """
    outside = np.maximum(lower - y, 0.0) + np.maximum(y - upper, 0.0)
    return _mean(upper - lower + 2 / (1 - probability) * outside)


def beats_seasonal_naive(error: float, naive_error: float) -> bool:
    """Return whether an error is smaller than the seasonal naive forecast's on the same rows.

    Both are the same measure, such as MAE or MASE.  Equal errors do not beat, so it is false where both
    forecasts are exact; a NaN neither beats nor is beaten.
    """
    return error < naive_error


def measure(  # noqa: PLR0913 - a forecast, its interval, and what they are compared with
    y: Vector,
    yhat: Vector,
    lower: Vector | None = None,
    upper: Vector | None = None,
    *,
    naive_error: float,
    probability: float | None = None,
) -> dict[str, float]:
    """Return mae, rmse, smape, wape, bias, coverage, winkler and mase, the measures above, by these names.

    What cannot be measured is left out: coverage without an interval, winkler without its probability as
    well, mase if `naive_error` is 0, wape if all readings are 0, all of them without rows, and values beyond
    the range of floats.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        values = {
            "mae": mean_absolute_error(y, yhat),
            "rmse": root_mean_squared_error(y, yhat),
            "smape": symmetric_mean_absolute_percentage_error(y, yhat),
            "wape": weighted_absolute_percentage_error(y, yhat),
            "bias": mean_bias(y, yhat),
        }
        if lower is not None and upper is not None:
            values["coverage"] = interval_coverage(y, lower, upper)
            if probability is not None:
                values["winkler"] = winkler_score(y, lower, upper, probability=probability)
        values["mase"] = mean_absolute_scaled_error(y, yhat, naive_error=naive_error)
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _mean(values: NDArray[np.float64] | NDArray[np.bool_]) -> float:
    return float(values.mean()) if values.size else math.nan
