"""A prior for directions that the readings leave open: it keeps the estimate near Prophet's start there.

Prophet's optimiser starts on the straight line through the first and the last reading, with β = 0.  In a
direction of q = (trend scalars, β) that the readings do not determine, such as the level against the weekly
season if no reading is from a Sunday, only the priors of q pull, and the optimiser stops near its start q₀.
The exact minimum q* of F can be far from it.  F therefore gets the term ½ (q - q₀)ᵀ R (q - q₀):

    M = J Jᵀ + σ² diag(0, 1/s²),  J = ∂yhat/∂q at q*, shape (Q, N)
    D = diag(min(1, 3 Mⱼⱼ / N)),  μₒ = min(400 σ², 1e-4 N)
    U diag(μ) Uᵀ = D^-½ M D^-½;   for each μᵢ < μₒ, an open direction:
    cᵢ = μᵢ dᵢ² / (2σ²),  dᵢ = uᵢᵀ D^½ (q₀ - q*)         increase of F from q* to q₀ in this direction
    fᵢ = (1 - μᵢ/μₒ) (1 - (cᵢ/30)²)₊                    part of the distance to q₀ that is covered
    R = D^½ U diag(μᵢ fᵢ / (σ² (1 - fᵢ))) Uᵀ D^½

If cᵢ = 0, this raises the curvature of F to μₒ / σ² in each open direction.  Without one R is 0.
docs/explanation/model.md gives the reasons.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.solver.logistic import trend_starts
from fleetcast.forecasting.solver.problem import Problem

_OPEN_BELOW_CURVATURE: Final = 400.0
"""Curvature, in units of σ², of a direction whose standard error is 1/20 of the scale of y."""
_OPEN_BELOW_SHARE: Final = 1e-4
"""Curvature as a share of N; an open direction is below this and below the limit above."""
_MOST_COST: Final = 30.0
"""Increase of F, nearly eight standard errors, above which the readings decide against Prophet's start."""
_COMMON: Final = 3.0
"""A feature whose mean square is above 1 / 3 has the scale 1 in D; a rare or small one has less."""
_LEAST_REMAINDER: Final = 1e-12
"""Lower bound of 1 - f, so that R stays finite if the readings say nothing about a direction."""


@dataclass(frozen=True, slots=True)
class StartPrior:
    """A normal prior of the free parameters, in addition to Prophet's priors."""

    start: Vector
    """The centre q₀, shape (Q,)."""
    precision: Matrix
    """R, the inverse of the covariance, shape (Q, Q)."""

    def gradient(self, free: Vector) -> Vector:
        """Return R (q - q₀) for q = `free`, shape (Q,)."""
        return self.precision @ (free - self.start)


def prophet_start(problem: Problem) -> Vector:
    """Return q₀: (k, m, β) for linear growth, (m, β) for flat, (k, c, β) with c = -k m for logistic."""
    t, y = problem.design[0], problem.y
    beta = np.zeros(problem.sigmas.size)
    if problem.growth == "flat":
        return np.concatenate(((y.mean(),), beta))
    if problem.cap is not None:
        return np.concatenate((trend_starts(t, y, problem.cap)[0], beta))
    k = (y[-1] - y[0]) / (t[-1] - t[0])
    return np.concatenate(((k, y[0] - k * t[0]), beta))


def start_prior(  # noqa: PLR0913 - the formula's variables, by name
    squares: Matrix,
    precision: Vector,
    *,
    trend: int,
    at: Vector,
    start: Callable[[], Vector],
    n: int,
    s2: float,
    slope: Vector | None = None,
) -> StartPrior | None:
    """Return the prior for the directions that are open at a point, or None if there are none.

    Parameters
    ----------
    squares : J Jᵀ of the free parameters at the point, shape (Q, Q).
    precision : 1 / variance of their own priors, shape (Q,).
    trend : how many of them, from the first, are trend scalars.
    at : the free parameters of the point, shape (Q,).
    start : returns q₀, shape (Q,); called only if a direction is open.
    n : number of readings.
    s2 : σ² at the point.
    slope : gradient of F at the point, shape (Q,); None if the point is the minimum of F.

    Raises `LinAlgError` if the eigenvalues cannot be computed.
    """
    M = squares.copy()
    M.flat[trend * (len(M) + 1) :: len(M) + 1] += s2 * precision[trend:]
    scale = np.minimum(1.0, _COMMON / n * M.diagonal())
    least = min(_OPEN_BELOW_CURVATURE * s2, _OPEN_BELOW_SHARE * n)
    above = M.copy()
    above.flat[:: len(M) + 1] -= least * scale
    try:
        np.linalg.cholesky(above)
    except np.linalg.LinAlgError:
        root = np.sqrt(scale)[:, None]
        mu, U = np.linalg.eigh(M / (root * root.T))
        mu, U = np.maximum(mu[mu < least], 0.0), U[:, mu < least]
        centre = start()
        distance = (centre - at) @ (root * U)
        if slope is not None:  # from the minimum, which is one Newton step away in each direction
            distance += s2 * (slope @ (U / root)) / np.maximum(mu, np.finfo(np.float64).tiny)
        pull = _pull(mu, distance, least=least, s2=s2)
        return StartPrior(centre, (root * U * pull) @ (root * U).T) if pull.any() else None
    return None


def _pull(mu: Vector, distance: Vector, *, least: float, s2: float) -> Vector:
    """Return the precision in each open direction: μ f / (σ² (1 - f)), and μₒ / σ² for μ = 0."""
    cost = mu * distance**2 / (2 * s2)
    part = (1 - mu / least) * np.maximum(1 - (cost / _MOST_COST) ** 2, 0.0)
    return np.where(mu > 0, mu * part / np.maximum(1 - part, _LEAST_REMAINDER), least) / s2
