"""The prior of open directions (`start_prior`) where the curve is not linear in its parameters.

Two kinds of directions can be open:

- a direction of the free parameters q = (trend scalars, β), as in the additive model;
- a scale s of the whole trend, k, m and δ alike, while the effects that multiply it shrink by the same
  factor.  Its prior is a prior of q too: δ follows, as F ties it to k and m.
"""

import numpy as np

from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.solver.descent import CurveModel, Point
from fleetcast.forecasting.solver.ridge_lasso import Expansion
from fleetcast.forecasting.solver.start_prior import StartPrior, start_prior


def prior_at(
    model: CurveModel, point: Point, around: Expansion, centre: Vector | None = None
) -> StartPrior | None:
    """Return the prior for the directions that are open at a point, or None if there are none.

    `around` is the expansion of RSS there; `centre` is the θ of the prior's centre, shape (P,), the point's
    own if None.
    """
    of_free = _prior_of_free(model, point, around, centre)
    of_scale = _prior_of_scale(model, point, around, centre)
    if of_free is None or of_scale is None:
        return of_free or of_scale
    return StartPrior(of_free.start, of_free.precision + of_scale.precision)


def _prior_of_free(
    model: CurveModel, point: Point, around: Expansion, centre: Vector | None
) -> StartPrior | None:
    """Return the prior of open directions among the free parameters."""
    free, trend = model.index.free, model.index.trend
    at, precision = point.theta.take(free), model.precision
    slope = np.concatenate((np.zeros(trend), (precision * at)[trend:])) - around.b.take(free) / point.s2
    return start_prior(
        around.G.take(free, axis=0).take(free, axis=1),
        precision,
        trend=trend,
        at=at,
        start=lambda: at if centre is None else centre.take(free),
        n=model.y.size,
        s2=point.s2,
        slope=None if centre is None else slope,
    )


def _prior_of_scale(
    model: CurveModel, point: Point, around: Expansion, centre: Vector | None
) -> StartPrior | None:
    """Return the prior of open directions of (s, β); s scales k, m and δ alike and is 1 at the centre."""
    theta, index = point.theta, model.index
    if model.logistic or not len(model.curve.multiplicative) or not theta[index.hinges].any():
        return None
    centre_q = (theta if centre is None else centre).take(index.free)
    onto = _onto_scale(centre_q, trend=index.trend)
    at = onto @ theta.take(index.free)
    along = _along_scale(theta, at[0], trend=index.hinges.stop)
    precision = np.concatenate(((0.0,), model.precision[index.trend :]))
    slope = precision * at - along @ around.b / point.s2
    prior = start_prior(
        along @ around.G @ along.T,
        precision,
        trend=1,
        at=at,
        start=lambda: onto @ centre_q,
        n=model.y.size,
        s2=point.s2,
        slope=None if centre is None else slope,
    )
    return None if prior is None else StartPrior(centre_q, onto.T @ prior.precision @ onto)


def _onto_scale(q: Vector, *, trend: int) -> Matrix:
    """Return the linear map from free parameters to (s, β), shape (1 + K, Q); s is 1 at `q`."""
    onto = np.zeros((1 + q.size - trend, q.size))
    onto[0, :trend] = q[:trend] / (q[:trend] @ q[:trend])
    onto[1:, trend:] = np.eye(q.size - trend)
    return onto


def _along_scale(theta: Vector, s: float, *, trend: int) -> Matrix:
    """Return the derivatives of θ with respect to (s, β), shape (1 + K, P)."""
    along = np.zeros((1 + theta.size - trend, theta.size))
    along[0, :trend] = theta[:trend] / s
    along[1:, trend:] = np.eye(theta.size - trend)
    return along
