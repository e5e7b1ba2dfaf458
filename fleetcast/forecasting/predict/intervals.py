"""Quantiles of the forecast: what Prophet estimates from 1,000 random futures, computed without chance.

Prophet's future trend changes its slope at each step with probability p = S d by a Laplace-distributed
amount of scale mean|delta| + 1e-8, where S is the number of changepoints and d the mean spacing of the
future t.  For linear growth the deviation at the h-th step is a multiple of V_h (`characteristic_function`),
to which the forecast adds noise; for flat growth there is noise alone; logistic growth bends V_h
(`logistic_intervals`).
"""

from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

import numpy as np

from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.parameters import Growth, Parameters
from fleetcast.forecasting.predict.future_trend import SlopeChanges
from fleetcast.forecasting.predict.linear_intervals import LinearFutures, linear_deviations
from fleetcast.forecasting.predict.logistic_intervals import logistic_deviations

_NORMAL: Final = NormalDist()


def deviations(  # noqa: PLR0913 - a forecast has this many parts, all but one by name
    probabilities: Sequence[float],
    *,
    growth: Growth,
    parameters: Parameters,
    t_change: Vector,
    y_scale: float,
    rows: int,
    t: Vector,
    multiplicative_terms: Vector,
    cap: Vector | None,
) -> tuple[Matrix, Matrix]:
    """Return the distances of the quantiles from yhat and from the trend, shape (Q, n), in units of y.

    `probabilities` (Q,) lie strictly between 0 and 1, in any order.  `t` (n,) is Prophet's scaled time,
    ascending; rows with t <= 1 are history, where the trend is certain.  `rows` counts the history's rows:
    their mean spacing stands in when there is only one future row.  `multiplicative_terms` (n,) are the
    forecast's; `cap` (n,) is the scaled capacity of logistic growth.

    The result depends on the arguments alone.
    """
    noise = parameters.sigma_obs * y_scale
    normal = np.array([[_NORMAL.inv_cdf(probability)] for probability in probabilities])
    around_yhat = np.repeat(noise * normal, len(t), axis=1)
    around_trend = np.zeros_like(around_yhat)
    first = int(np.searchsorted(t, 1.0, side="right"))
    if growth == "flat" or first == len(t):
        return around_yhat, around_trend
    changes = SlopeChanges.after(parameters, t_change, t=t[first:], rows=rows)
    factor = 1.0 + multiplicative_terms[first:]
    if cap is None:
        futures = LinearFutures.of(
            [changes], y_scale=np.array([y_scale]), noise=np.array([noise]), factor=factor[None]
        )
        (of_yhat,), (of_trend,) = linear_deviations(probabilities, futures, of_trend=True)
    else:
        of_yhat, of_trend = logistic_deviations(
            probabilities,
            changes=changes,
            parameters=parameters,
            t_change=t_change,
            t=t[first:],
            cap=cap[first:] * y_scale,
            noise=noise,
            factor=factor,
        )
    around_yhat[:, first:] = of_yhat
    around_trend[:, first:] = of_trend
    return around_yhat, around_trend
