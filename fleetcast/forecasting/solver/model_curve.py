"""The curve of Prophet's model and its derivatives, where they depend on the parameters.

yhat = g·(1 + βₘᵀXₘ) + βₐᵀXₐ, with g = z or cap / (1 + exp(-z)), and z = (k, m, δ)ᵀ (t, 1, hinges).
"""

from dataclasses import dataclass

import numpy as np

from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.solver.problem import Problem


@dataclass(frozen=True, slots=True)
class Curve:
    """The model's rows by their role; θ is (trend scalars, δ, βₘ, βₐ), P long."""

    trend: Matrix
    multiplicative: Matrix
    additive: Matrix
    cap: Vector | None


@dataclass(frozen=True, slots=True)
class Values:
    """The curve at one θ; all of shape (N,)."""

    yhat: Vector
    g: Vector
    factor: Vector
    """1 + βₘᵀXₘ."""
    slope: Vector | None
    """dg / dz, where it is not 1."""
    bend: Vector | None
    """d²g / dz², where it is not 0."""


def curve_of(problem: Problem) -> Curve:
    """Return the curve of a problem; a flat trend has the row of ones only."""
    S = problem.t_change.size
    trend = problem.design[1:2] if problem.growth == "flat" else problem.design[: 2 + S]
    X = problem.design[2 + S :]
    return Curve(trend, X[problem.multiplicative], X[~problem.multiplicative], problem.cap)


def evaluate(curve: Curve, theta: Vector) -> Values:
    """Return the curve at θ."""
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
    """Write the derivatives of yhat, one row per parameter, shape (P, N); those of βₐ must be there."""
    first = len(curve.trend)
    last = first + len(curve.multiplicative)
    weight = values.factor if values.slope is None else values.factor * values.slope
    np.multiply(curve.trend, weight, out=out[:first])
    np.multiply(curve.multiplicative, values.g, out=out[first:last])


def bending(curve: Curve, values: Values, residual: Vector) -> Matrix:
    """Return Σᵢ residualᵢ · (second derivatives of yhatᵢ), shape (P, P)."""
    first = len(curve.trend)
    last = first + len(curve.multiplicative)
    bend = np.zeros((last + len(curve.additive),) * 2)
    mixed = residual if values.slope is None else residual * values.slope
    bend[:first, first:last] = curve.trend @ (curve.multiplicative * mixed).T
    bend[first:last, :first] = bend[:first, first:last].T
    if values.bend is not None:
        bend[:first, :first] = curve.trend @ (curve.trend * (residual * values.factor * values.bend)).T
    return bend
