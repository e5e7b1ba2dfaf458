"""The curve yhat of Prophet's model and its derivatives, where they depend on the parameters.

    yhat = g (1 + βₘᵀXₘ) + βₐᵀXₐ
    z = (k, m, δ)ᵀ (t, 1, hinges)
    g = z                              linear and flat growth
    g = cap / (1 + exp(-z))            logistic growth

N rows, P parameters; all numbers are scaled.
"""

from dataclasses import dataclass

import numpy as np

from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.solver.problem import Problem


@dataclass(frozen=True, slots=True)
class Curve:
    """The rows of the design by their role; θ is (trend scalars, δ, βₘ, βₐ)."""

    trend: Matrix
    """t, ones and hinges, shape (2 + S, N); of a flat trend the ones alone."""
    multiplicative: Matrix
    """Xₘ, shape (Kₘ, N)."""
    additive: Matrix
    """Xₐ, shape (Kₐ, N)."""
    cap: Vector | None
    """Shape (N,); logistic growth only."""


@dataclass(frozen=True, slots=True)
class Values:
    """The curve at one θ; all of shape (N,)."""

    yhat: Vector
    g: Vector
    """The trend."""
    factor: Vector
    """1 + βₘᵀXₘ."""
    slope: Vector | None
    """dg / dz; None if it is 1 everywhere."""
    second: Vector | None
    """d²g / dz²; None if it is 0 everywhere."""


def curve_of(problem: Problem) -> Curve:
    """Return the curve of a problem; a flat trend has the row of ones only."""
    S = problem.t_change.size
    trend = problem.design[1:2] if problem.growth == "flat" else problem.design[: 2 + S]
    X = problem.design[2 + S :]
    return Curve(trend, X[problem.multiplicative], X[~problem.multiplicative], problem.cap)


def evaluate(curve: Curve, theta: Vector) -> Values:
    """Return the curve at `theta`, shape (P,)."""
    first, last = len(curve.trend), len(theta) - len(curve.additive)
    z = theta[:first] @ curve.trend
    factor = 1 + theta[first:last] @ curve.multiplicative
    added = theta[last:] @ curve.additive
    if curve.cap is None:
        return Values(z * factor + added, z, factor, None, None)
    tangent = np.tanh(z / 2)  # never overflows
    g = curve.cap * (1 + tangent) / 2
    slope = g * (1 - tangent) / 2
    return Values(g * factor + added, g, factor, slope, -slope * tangent)


def jacobian(curve: Curve, values: Values, *, out: Matrix) -> None:
    """Write the derivatives of yhat into `out`, shape (P, N), one row for each parameter.

    The rows of βₐ are Xₐ at every θ: the caller has written them.
    """
    first = len(curve.trend)
    last = first + len(curve.multiplicative)
    weight = values.factor if values.slope is None else values.factor * values.slope
    np.multiply(curve.trend, weight, out=out[:first])
    np.multiply(curve.multiplicative, values.g, out=out[first:last])


def second_derivatives(curve: Curve, values: Values, residual: Vector) -> Matrix:
    """Return the residuals' sum Σᵢ rᵢ ∇²yhatᵢ, shape (P, P)."""
    first = len(curve.trend)
    last = first + len(curve.multiplicative)
    H = np.zeros((last + len(curve.additive),) * 2)
    mixed = residual if values.slope is None else residual * values.slope
    H[:first, first:last] = curve.trend @ (curve.multiplicative * mixed).T
    H[first:last, :first] = H[:first, first:last].T
    if values.second is not None:
        H[:first, :first] = curve.trend @ (curve.trend * (residual * values.factor * values.second)).T
    return H
