"""The objective F, minus Prophet's log posterior, and the optimality conditions of its minimum.

    F(k, m, δ, β, σ) = N ln σ + RSS / (2σ²) + 2σ² + (k² + m²) / 50 + |δ|₁ / τ + Σ βⱼ² / (2 sⱼ²)

The priors are those of Prophet's Stan program: k, m ~ normal(0, 5), δ ~ double_exponential(0, τ),
β ~ normal(0, s), σ ~ normal(0, ½).  F omits constants, as Stan's `~` does.

Reference: S. J. Taylor and B. Letham, Forecasting at scale, The American Statistician 72, 2018.
"""

from dataclasses import dataclass
from math import inf, log, sqrt

import numpy as np
from numpy.typing import NDArray

from fleetcast.forecasting.arrays import Matrix, Vector

TREND_PRECISION = 1 / 25
"""1 / variance of the prior of k and of m."""
SMALLEST_VARIANCE = 1e-16
"""Variance of the scaled noise below which the likelihood is unbounded in practice."""


class NoSolutionError(ArithmeticError):
    """The minimum of F was not reached, or F has none."""


@dataclass(frozen=True, slots=True)
class ParameterIndex:
    """The indices of the parameters in the vector θ = (trend scalars, δ, β)."""

    trend: int
    """Number of trend scalars: 2 for k and m, 1 for m alone."""
    hinges: slice
    """The indices of δ, the parameters with an absolute value in F."""
    free: NDArray[np.intp]
    """The indices of the free parameters, which are all others, shape (Q,)."""


def parameter_index(*, trend: int, S: int, K: int) -> ParameterIndex:
    """Return the indices for numbers of trend scalars, of changepoints S and of features K."""
    free = np.concatenate((np.arange(trend), np.arange(trend + S, trend + S + K)))
    return ParameterIndex(trend, slice(trend, trend + S), free)


@dataclass(frozen=True, slots=True)
class Prior:
    """The quadratic that the priors of the free parameters add to F, at one θ."""

    value: float
    gradient: Vector
    """Shape (Q,)."""
    curvature: Matrix
    """Shape (Q, Q)."""


def variance(rss: float, n: int) -> float:
    """Return the σ² that minimises F for a sum of squared residuals: the root of 4σ⁴ + Nσ² = RSS.

    Raises NoSolutionError if rounding has made RSS so negative that there is no root.
    """
    if 16 * rss < -n * n:
        raise NoSolutionError("rounding hides the sum of the squared residuals")
    return 2 * rss / (n + sqrt(n * n + 16 * rss))


def objective(rss: float, n: int, *, prior: float, delta: Vector, tau: float) -> float:
    """Return F at the best σ for these residuals; `prior` is the value of the free parameters' priors."""
    s2 = variance(rss, n)
    if s2 <= 0:
        return -inf
    return n * log(s2) / 2 + rss / (2 * s2) + 2 * s2 + prior + float(np.abs(delta).sum()) / tau


def violation(free: Vector, hinges: Vector, *, delta: Vector, tau: float) -> float:
    """Return the largest violation of the optimality conditions, in units of the penalty 1 / τ.

    `free`, shape (Q,), and `hinges`, shape (S,), are the gradient of -F without its term in |δ|.  At the
    minimum it is 0 for a free parameter, sign(δ) / τ if δ ≠ 0, and between -1 / τ and 1 / τ if δ = 0 (the
    Karush-Kuhn-Tucker conditions).
    """
    worst = float(np.abs(free).max()) * tau
    if not delta.size:
        return worst
    pull, signs = hinges * tau, np.sign(delta)
    return max(worst, float((np.abs(pull - signs) - (signs == 0)).max()))


def tolerance(squares: Vector, y: Vector, *, s2: float, tau: float) -> float:
    """Return the violation up to which a point counts as the minimum.

    If the level of y is far above the noise, the rounding of y in float64 limits what can be reached.
    `squares`, shape (P,), are the sums of squares of the derivatives of yhat by each parameter.
    """
    rounding = float(np.finfo(np.float64).eps) * float(np.abs(y).max())
    return max(1e-7, 8 * rounding * sqrt(float(squares.max())) * tau / s2)
