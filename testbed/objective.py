"""Prophet's objective, transcribed from prophet.stan, to compare estimates of both implementations."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from prophet import Prophet

from fleetcast.forecasting.parameters import Parameters
from fleetcast.forecasting.solver.problem import Problem


def objective(of: Problem, theta: NDArray[Any], sigma: Any) -> Any:
    """Return minus Stan's lp__ without |δ| / τ, up to a constant; `theta` and `sigma` may be complex."""
    S = of.t_change.size
    k, m, delta, beta = theta[0], theta[1], theta[2 : 2 + S], theta[2 + S :]
    t, hinges, X = of.design[0], of.design[2 : 2 + S], of.design[2 + S :]
    if of.growth == "flat":
        trend = m * np.ones_like(t)
    elif of.growth == "linear":
        trend = k * t + m + delta @ hinges
    else:
        trend = of.cap / (1 + np.exp(-(k * (t - m) + delta @ hinges)))
    yhat = trend * (1 + (beta * of.multiplicative) @ X) + (beta * ~of.multiplicative) @ X
    residual = of.y - yhat
    priors = (k * k + m * m) / 50 + (beta * beta / (2 * of.sigmas**2)).sum()
    return t.size * np.log(sigma) + (residual @ residual) / (2 * sigma**2) + 2 * sigma**2 + priors


def theta_of(parameters: Parameters) -> NDArray[np.float64]:
    return np.concatenate(((parameters.k, parameters.m), parameters.delta, parameters.beta))


def value(of: Problem, parameters: Parameters) -> float:
    smooth = objective(of, theta_of(parameters), parameters.sigma_obs)
    return float(smooth) + float(np.abs(parameters.delta).sum()) / of.tau


def stock_parameters(model: Prophet) -> Parameters:
    first = {name: np.asarray(values)[0] for name, values in model.params.items()}
    scalars = [float(np.ravel(first[name])[0]) for name in ("k", "m", "sigma_obs")]
    return Parameters(scalars[0], scalars[1], np.ravel(first["delta"]), np.ravel(first["beta"]), scalars[2])
