"""Where Prophet's optimiser ends: Stan's L-BFGS in Stan's own parameters, from Prophet's start."""

from typing import Final

import numpy as np

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.solver.descent import CurveModel
from fleetcast.forecasting.solver.lbfgs import Visited, lbfgs
from fleetcast.forecasting.solver.model_curve import evaluate
from fleetcast.forecasting.solver.objective import TREND_PRECISION

_STEPS: Final = 10_000
"""Prophet's limit; a few hundred are the rule."""
_FEW_STEPS: Final = 200
_CELLS: Final = 1_000_000_000
"""Steps times parameters times rows: above, a search has `_FEW_STEPS` only, so that it ends in seconds."""


def stan_end(model: CurveModel, start: Vector) -> Vector:
    """Return the θ where the search from the θ `start` ends; k of logistic growth must not be 0.

    Stan's parameters are (k, m, δ, β, ln σ), with m for the solver's c.
    """
    x = np.append(start, 0.0)
    if model.logistic:
        x[1] = -x[1] / x[0]
    steps = min(_STEPS, max(_FEW_STEPS, _CELLS // (x.size * model.y.size)))
    return _theta(model, lbfgs(lambda x: _visit(model, x), x, steps=steps))


def _theta(model: CurveModel, x: Vector) -> Vector:
    theta = x[:-1].copy()
    if model.logistic:
        theta[1] *= -theta[0]
    return theta


def _visit(model: CurveModel, x: Vector) -> Visited:
    """Return F with σ as a parameter, and its gradient; that of |δ| is 0 at 0, as Stan's is."""
    curve, where, n, s2 = model.curve, model.places, model.y.size, float(np.exp(2 * x[-1]))
    values = evaluate(curve, _theta(model, x))
    residual = model.y - values.yhat
    rss, free, delta = float(residual @ residual), x.take(where.free), x[where.hinges]
    precision = model.precision.copy()
    precision[: where.trend] = TREND_PRECISION
    pull = precision * free
    value = n * x[-1] + rss / (2 * s2) + 2 * s2 + float(pull @ free) / 2 + np.abs(delta).sum() / model.tau

    weighted = residual * values.factor
    if values.slope is not None:
        weighted *= values.slope
    parts = (
        curve.trend @ weighted,
        curve.multiplicative @ (residual * values.g),
        curve.additive @ residual,
        (0.0,),
    )
    gradient = np.concatenate(parts) / -s2
    if model.logistic:
        gradient[0] -= x[1] * gradient[1]
        gradient[1] *= -x[0]
    gradient[where.free] += pull
    gradient[where.hinges] += np.sign(delta) / model.tau
    gradient[-1] = n - rss / s2 + 4 * s2
    return Visited(x, float(value), gradient)
