"""A prior for the directions that the data leave open: what Prophet's optimiser does there, as an objective.

Prophet's optimiser starts on the straight line through the first and the last reading, with β = 0.  In a
direction of q = (trend scalars, β) that the readings do not determine, such as the level against the weekly
season where no reading is from a Sunday, only the priors pull, and it stays near that start q₀.  The exact
minimum θ* of F does not.  So F gets the term ½ (q - q₀)ᵀ R (q - q₀) in those directions:

    M = J Jᵀ + σ² diag(0, 1/s²),  J = derivatives of the curve by q at θ*, shape (Q, N)
    D = diag(min(1, 3 Mⱼⱼ / N)),  μₒ = min(400 σ², 1e-4 N)
    U diag(μ) Uᵀ = D^-½ M D^-½;   for each μᵢ < μₒ:
    cᵢ = μᵢ dᵢ² / (2σ²),  dᵢ = uᵢᵀ D^½ (q₀ - q*)          what F would rise by on the whole way to q₀
    fᵢ = (1 - μᵢ/μₒ) (1 - (cᵢ/30)²)₊                     the part of the way to go
    R = D^½ U diag(μᵢ fᵢ / (σ² (1 - fᵢ))) Uᵀ D^½

With cᵢ = 0 this lifts the curvature of F to μₒ / σ² in every direction, and leaves it where it is higher.
docs/explanation/model.md says it in words.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.solver.logistic import trend_starts
from fleetcast.forecasting.solver.problem import Problem

_LEAST_CURVATURE: Final = 400.0
"""In units of σ²: a direction is open if its standard error is above 1/20 of the scale of y ..."""
_LEAST_SHARE: Final = 1e-4
"""... and if the readings weigh it with less than this share of their number."""
_MOST_COST: Final = 30.0
"""In units of F, nearly eight standard errors: the data decide against a start that costs more."""
_COMMON: Final = 3.0
"""A feature whose mean square is above 1 / 3 has the scale 1; a rare or tiny one has a smaller scale."""
_LEAST_REMAINDER: Final = 1e-12
"""Of the way that is not gone, so that R stays finite where the data do not speak at all."""


@dataclass(frozen=True, slots=True)
class StartPrior:
    """A normal prior of the free parameters besides Prophet's own."""

    start: Vector
    """Its centre q₀, shape (Q,)."""
    precision: Matrix
    """R, shape (Q, Q)."""

    def gradient(self, free: Vector) -> Vector:
        """Return R (q - q₀)."""
        return self.precision @ (free - self.start)


def prophet_start(problem: Problem) -> Vector:
    """Return where Prophet's optimiser starts: (k, m, β), (m, β) of flat growth, (k, c, β) of logistic."""
    t, y = problem.design[0], problem.y
    beta = np.zeros(problem.sigmas.size)
    if problem.growth == "flat":
        return np.concatenate(((y.mean(),), beta))
    if problem.cap is not None:
        return np.concatenate((trend_starts(t, y, problem.cap)[0], beta))
    k = (y[-1] - y[0]) / (t[-1] - t[0])
    return np.concatenate(((k, y[0] - k * t[0]), beta))


def start_prior(  # noqa: PLR0913 - all that the formula has, by name
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
    """Return the prior that the point `at` needs, or None where no direction is open.

    `squares` is J Jᵀ of the free parameters at that point, `precision` 1 / variance of their priors, `trend`
    how many of them are the trend's.  `start` returns q₀.  `slope` is the gradient of F, where the point is
    not the minimum of F.  May raise `LinAlgError`.
    """
    M = squares.copy()
    M.flat[trend * (len(M) + 1) :: len(M) + 1] += s2 * precision[trend:]
    scale = np.minimum(1.0, _COMMON / n * M.diagonal())
    least = min(_LEAST_CURVATURE * s2, _LEAST_SHARE * n)
    above = M.copy()
    above.flat[:: len(M) + 1] -= least * scale
    try:
        np.linalg.cholesky(above)
    except np.linalg.LinAlgError:
        root = np.sqrt(scale)[:, None]
        mu, U = np.linalg.eigh(M / (root * root.T))
        mu, U = np.maximum(mu[mu < least], 0.0), U[:, mu < least]
        centre = start()
        way = (centre - at) @ (root * U)
        if slope is not None:  # one step of Newton's along each direction leads to the minimum
            way += s2 * (slope @ (U / root)) / np.maximum(mu, np.finfo(np.float64).tiny)
        pull = _pull(mu, way, least=least, s2=s2)
        return StartPrior(centre, (root * U * pull) @ (root * U).T) if pull.any() else None
    return None


def _pull(mu: Vector, way: Vector, *, least: float, s2: float) -> Vector:
    """Return the precision along each open direction: μ f / (σ² (1 - f)), with its limit for μ = 0."""
    cost = mu * way**2 / (2 * s2)
    part = (1 - mu / least) * np.maximum(1 - (cost / _MOST_COST) ** 2, 0.0)
    return np.where(mu > 0, mu * part / np.maximum(1 - part, _LEAST_REMAINDER), least) / s2
