"""Whether the readings leave a direction of the parameters open, from the curvature of the objective alone.

With q = (k, m, beta), J the derivatives of the curve by q and M = J J' + sigma^2 diag(0, 0, 1 / s^2): a
direction is open where M has less curvature than min(400 sigma^2, 1e-4 N) D, D = diag(min(1, 3 M_jj / N)).
"""

import numpy as np

from fleetcast.forecasting.arrays import Matrix
from fleetcast.forecasting.parameters import Parameters
from fleetcast.forecasting.solver.problem import Problem

LEAST_CURVATURE = 400.0
LEAST_SHARE = 1e-4


def is_open(of: Problem, at: Parameters) -> bool:
    """Return whether a direction is open at these parameters."""
    J = _derivatives(of, at)
    ridge = np.concatenate((np.zeros(len(J) - of.sigmas.size), of.sigmas**-2.0))
    M = J @ J.T + np.diag(at.sigma_obs**2 * ridge)
    N = of.y.size
    D = np.minimum(1.0, 3 * M.diagonal() / N)
    root = np.sqrt(np.maximum(D, 1e-300))
    least = min(LEAST_CURVATURE * at.sigma_obs**2, LEAST_SHARE * N)
    return bool(np.linalg.eigvalsh(M / np.multiply.outer(root, root))[0] < least)


def _derivatives(of: Problem, at: Parameters) -> Matrix:
    """Return dyhat/dq, one row for each of k (none if flat), m (c if logistic) and beta."""
    S = of.t_change.size
    t, ones, hinges, X = of.design[0], of.design[1], of.design[2 : 2 + S], of.design[2 + S :]
    gain = 1.0 + (at.beta * of.multiplicative) @ X
    if of.growth == "flat":
        trend, by_trend = at.m * ones, (ones * gain)[None]
    elif of.growth == "linear":
        trend, by_trend = at.k * t + at.m + at.delta @ hinges, np.array([t * gain, ones * gain])
    else:
        cap = np.ones_like(t) if of.cap is None else of.cap
        share = 1 / (1 + np.exp(-np.clip(at.k * (t - at.m) + at.delta @ hinges, -700, 700)))
        trend, slope = cap * share, cap * share * (1 - share) * gain
        by_trend = np.array([t * slope, slope])
    return np.concatenate((by_trend, np.where(of.multiplicative[:, None], trend * X, X)))
