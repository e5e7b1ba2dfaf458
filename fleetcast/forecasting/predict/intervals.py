"""Quantiles of the forecast, computed from the distribution of which Prophet draws 1,000 random futures.

Prophet's future trend changes its slope at each step with probability p = S d by a Laplace-distributed
amount of scale mean|delta| + 1e-8, where S is the number of changepoints and d the mean spacing of the
future t.  With linear growth the deviation at the h-th step is a multiple of V_h (`characteristic_function`),
to which the forecast adds noise; with flat growth there is noise alone; with logistic growth the trend is a
nonlinear function of V_h (`logistic_intervals`).

Reference: S. J. Taylor and B. Letham, Forecasting at scale, The American Statistician 72, 2018, section
3.1.4.
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


def deviations(  # noqa: PLR0913 - the parts of a forecast, all but one by name
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
    """Return the distances of the quantiles from yhat and from the trend, shape (Q, H) each, in units of y.

    `probabilities`, shape (Q,), lie strictly between 0 and 1, in any order.  `t`, shape (H,), is scaled
    time, ascending; rows with t <= 1 are history, where the trend is certain.  `rows` is the number of the
    history's rows, whose mean spacing is used if there is only one future row.  `multiplicative_terms`,
    shape (H,), are shares of the trend; `cap`, shape (H,), is the scaled capacity of logistic growth.
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
