"""What the solver minimises: minus Prophet's log posterior, and how far a point is from its minimum.

    F(k, m, δ, β, σ) = N ln σ + RSS / (2σ²) + 2σ² + (k² + m²) / 50 + |δ|₁ / τ + Σ β² / (2 s²)

The priors are those of Prophet's Stan program: k, m ~ normal(0, 5), δ ~ double_exponential(0, τ),
β ~ normal(0, s), σ ~ normal(0, ½).  F leaves out what depends on nothing, as Stan's `~` does.
"""

from dataclasses import dataclass
from math import inf, log, sqrt

import numpy as np
from numpy.typing import NDArray

from fleetcast.forecasting.arrays import Matrix, Vector

TREND_PRECISION = 1 / 25
"""1 / variance of the prior of k and of m."""
SMALLEST_VARIANCE = 1e-16
"""Of the scaled noise: below it the likelihood has no maximum worth the name."""


class NoSolutionError(ArithmeticError):
    """The minimum was not reached, or there is none."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the parameters stand in the vector θ = (trend, δ, β)."""

    trend: int
    """How many scalars come before δ: k and m, or m alone."""
    hinges: slice
    """The place of δ, which carries the absolute value."""
    free: NDArray[np.intp]
    """The places of all others, Q in number."""


def places(*, trend: int, S: int, K: int) -> Places:
    """Return the places for so many trend scalars, changepoints and features."""
    free = np.concatenate((np.arange(trend), np.arange(trend + S, trend + S + K)))
    return Places(trend, slice(trend, trend + S), free)


@dataclass(frozen=True, slots=True)
class Prior:
    """A quadratic for what the free parameters' priors add to F: its value, gradient and curvature."""

    value: float
    gradient: Vector
    """Shape (Q,)."""
    curvature: Matrix
    """Shape (Q, Q)."""


def variance(rss: float, n: int) -> float:
    """Return the σ² that minimises F for given residuals: the root of 4σ⁴ + Nσ² = RSS.

    Raises NoSolutionError where rounding has made RSS so negative that there is none.
    """
    if 16 * rss < -n * n:
        raise NoSolutionError("Rounding hides the sum of the squared residuals")
    return 2 * rss / (n + sqrt(n * n + 16 * rss))


def objective(rss: float, n: int, *, prior: float, delta: Vector, tau: float) -> float:
    """Return F at the best σ for these residuals; `prior` is the free parameters' part."""
    s2 = variance(rss, n)
    if s2 <= 0:
        return -inf
    return n * log(s2) / 2 + rss / (2 * s2) + 2 * s2 + prior + float(np.abs(delta).sum()) / tau


def violation(free: Vector, hinges: Vector, *, delta: Vector, tau: float) -> float:
    """Return the largest violation of the optimality conditions, in units of the penalty 1 / τ.

    `free` and `hinges` are the gradient of -F but for its term in |δ|.  At the minimum it is 0 for a free
    parameter, sign(δ) / τ where δ ≠ 0, and between -1 / τ and 1 / τ where δ = 0.
    """
    worst = float(np.abs(free).max()) * tau
    if not delta.size:
        return worst
    pull, signs = hinges * tau, np.sign(delta)
    return max(worst, float((np.abs(pull - signs) - (signs == 0)).max()))


def tolerance(squares: Vector, y: Vector, *, s2: float, tau: float) -> float:
    """Return the violation up to which a point is taken for the minimum.

    Where the level of y is far above the noise, float64 cannot do better than its rounding of y, seen
    through the gradient.  `squares` are the sums of squares of the design's rows.
    """
    rounding = float(np.finfo(np.float64).eps) * float(np.abs(y).max())
    return max(1e-7, 8 * rounding * sqrt(float(squares.max())) * tau / s2)
