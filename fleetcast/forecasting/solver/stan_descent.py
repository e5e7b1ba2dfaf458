"""Where Prophet's optimiser ends: Stan's L-BFGS, in Stan's parameters, from Prophet's start.

Stan's parameters are x = (k, m, δ, βₘ, βₐ, ln σ): the solver's θ with m for c, and ln σ, as Stan optimises
σ > 0 on a logarithmic scale.  The derivative of |δ| is 0 at δ = 0, as in Stan.
"""

from typing import Final

import numpy as np

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.solver.descent import CurveModel
from fleetcast.forecasting.solver.lbfgs import Evaluation, lbfgs
from fleetcast.forecasting.solver.model_curve import evaluate
from fleetcast.forecasting.solver.objective import TREND_PRECISION

_STEPS: Final = 10_000
"""Most steps of a search, as in Prophet; a few hundred are usual."""
_FEW_STEPS: Final = 200
"""Most steps of a search by a model that is large in the sense of `_MOST_CELLS`."""
_MOST_CELLS: Final = 1_000_000_000
"""Limit of steps times parameters times rows, which bounds a search to seconds."""


def stan_end(model: CurveModel, start: Vector) -> Vector:
    """Return the θ, shape (P,), at which the search from the θ `start` ends.

    With logistic growth k of `start` must not be 0.
    """
    x = np.append(start, 0.0)
    if model.logistic:
        x[1] = -x[1] / x[0]
    steps = min(_STEPS, max(_FEW_STEPS, _MOST_CELLS // (x.size * model.y.size)))
    return _theta(model, lbfgs(lambda x: _evaluation(model, x), x, steps=steps))


def _theta(model: CurveModel, x: Vector) -> Vector:
    """Return the solver's θ of Stan's parameters."""
    theta = x[:-1].copy()
    if model.logistic:
        theta[1] *= -theta[0]
    return theta


def _evaluation(model: CurveModel, x: Vector) -> Evaluation:
    """Return F as a function of Stan's parameters, with its gradient, shape (P + 1,)."""
    curve, index, n, s2 = model.curve, model.index, model.y.size, float(np.exp(2 * x[-1]))
    values = evaluate(curve, _theta(model, x))
    residual = model.y - values.yhat
    rss, free, delta = float(residual @ residual), x.take(index.free), x[index.hinges]
    precision = model.precision.copy()
    precision[: index.trend] = TREND_PRECISION
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
    gradient[index.free] += pull
    gradient[index.hinges] += np.sign(delta) / model.tau
    gradient[-1] = n - rss / s2 + 4 * s2
    return Evaluation(x, float(value), gradient)
