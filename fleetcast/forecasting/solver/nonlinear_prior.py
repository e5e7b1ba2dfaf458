"""The prior of `_start_prior` where the curve is not linear in its parameters.

Two kinds of directions can be open there: of the free parameters alone; and, where terms multiply the trend,
a trend all of whose changes grow as it does, while the terms shrink.  The second leaves δ out of the open
direction's prior, as it follows the others.
"""

import numpy as np

from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.solver.descent import CurveModel, Point
from fleetcast.forecasting.solver.ridge_lasso import Expansion
from fleetcast.forecasting.solver.start_prior import StartPrior, start_prior


def prior_at(
    model: CurveModel, point: Point, around: Expansion, centre: Vector | None = None
) -> StartPrior | None:
    """Return the prior that a point needs, or None where no direction is open.

    The centre is a θ; without it, it is the point, as if that were the minimum.
    """
    found = _of_free(model, point, around, centre)
    scaled = _of_scale(model, point, around, centre)
    if found is None or scaled is None:
        return found or scaled
    return StartPrior(found.start, found.precision + scaled.precision)


def _of_free(model: CurveModel, point: Point, around: Expansion, centre: Vector | None) -> StartPrior | None:
    free, trend = model.places.free, model.places.trend
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


def _of_scale(model: CurveModel, point: Point, around: Expansion, centre: Vector | None) -> StartPrior | None:
    """Do the same for (s, β), where s scales k, m and δ alike; s is 1 at the centre."""
    theta, where = point.theta, model.places
    if model.logistic or not len(model.curve.multiplicative) or not theta[where.hinges].any():
        return None
    centre_q = (theta if centre is None else centre).take(where.free)
    onto = _onto_scale(centre_q, trend=where.trend)
    at = onto @ theta.take(where.free)
    along = _along_scale(theta, at[0], trend=where.hinges.stop)
    precision = np.concatenate(((0.0,), model.precision[where.trend :]))
    slope = precision * at - along @ around.b / point.s2
    found = start_prior(
        along @ around.G @ along.T,
        precision,
        trend=1,
        at=at,
        start=lambda: onto @ centre_q,
        n=model.y.size,
        s2=point.s2,
        slope=None if centre is None else slope,
    )
    return None if found is None else StartPrior(centre_q, onto.T @ found.precision @ onto)


def _onto_scale(q: Vector, *, trend: int) -> Matrix:
    """Return what turns free parameters into (s, β), shape (1 + K, Q), with s = 1 for those of `q`."""
    onto = np.zeros((1 + q.size - trend, q.size))
    onto[0, :trend] = q[:trend] / (q[:trend] @ q[:trend])
    onto[1:, trend:] = np.eye(q.size - trend)
    return onto


def _along_scale(theta: Vector, s: float, *, trend: int) -> Matrix:
    """Return the derivatives of θ by (s, β), shape (1 + K, P)."""
    along = np.zeros((1 + theta.size - trend, theta.size))
    along[0, :trend] = theta[:trend] / s
    along[1:, trend:] = np.eye(theta.size - trend)
    return along
