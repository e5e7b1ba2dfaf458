"""Prophet's trend: piecewise linear, piecewise logistic, or flat, with its own order of operations."""

import numpy as np

from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.parameters import Growth, Parameters

LARGEST_EXPONENT = 709.0
"""Largest exponent of e whose power is finite; above it the logistic trend is practically 0."""


def trend(
    growth: Growth, parameters: Parameters, t_change: Vector, *, t: Vector, cap: Vector | None
) -> Vector:
    """Return the scaled trend above the floor at the scaled times t, shape (H,); cap is scaled too."""
    if growth == "flat":
        return parameters.m * np.ones_like(t)
    if cap is None:
        k_t, m_t = lines(parameters, t_change, t=t)
        return k_t * t + m_t
    return _logistic(t, cap, parameters, t_change)


def lines(parameters: Parameters, t_change: Vector, *, t: Vector) -> tuple[Vector, Vector]:
    """Return the slope and the intercept of the linear trend at each scaled time, shape (H,) each."""
    delta_t = (t_change <= t[:, None]) * parameters.delta
    k_t: Vector = delta_t.sum(axis=1) + parameters.k
    m_t: Vector = (delta_t * -t_change).sum(axis=1) + parameters.m
    return k_t, m_t


def _logistic(t: Vector, cap: Vector, parameters: Parameters, t_change: Vector) -> Vector:
    """Return the logistic trend, whose offsets gamma make it continuous at the changepoints."""
    k, m, delta = parameters.k, parameters.m, parameters.delta
    rates = np.concatenate(([k], np.cumsum(delta) + k))
    gamma = np.zeros(len(t_change))
    for i, s in enumerate(t_change):
        gamma[i] = (s - m - np.sum(gamma)) * (1 - rates[i] / rates[i + 1])
    k_t, m_t = np.full_like(t, k), np.full_like(t, m)
    for s, delta_s, gamma_s in zip(t_change, delta, gamma, strict=True):
        after = t >= s
        k_t[after] += delta_s
        m_t[after] += gamma_s
    saturation: Vector = 1 + np.exp(np.minimum(-k_t * (t - m_t), LARGEST_EXPONENT))
    return cap / saturation
