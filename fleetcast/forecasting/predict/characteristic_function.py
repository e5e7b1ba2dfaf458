"""Quantiles of a future trend's random slope changes plus noise, from their characteristic function.

V_h = sum over j < h of (j + 1/2) B_j L_j, with B_j Bernoulli(p) and L_j Laplace(1), is the trend's
deviation after h steps.  This module computes quantiles of X = V_h / scale + noise, standardised to Var X =
1; `share` is the part of that variance that V_h contributes, 1 - share the part of the Gaussian noise.

The characteristic function of V_h is real and has a closed form:

    phi_h(v) = product over j < h of  1 - p z^2 / (1 + z^2),   z = (j + 1/2) v.

X is symmetric.  If half a period P exceeds the range of its tails, the midpoint rule gives

    P(|X| <= x) = 2 / pi * sum over k of  phi(w_k) sin(w_k x) / (k + 1/2),   w_k = (k + 1/2) pi / P.

w_k x depends on k and x / P only, so that one fixed matrix of sines serves every horizon and every model.

With probability (1 - p)^h there is no change and V_h = 0.  If the noise is too narrow for the highest
frequency, this atom is removed from phi and added in closed form, and the rest is smoothed by a Gaussian
whose second moment is cancelled, so that the error is of fourth order in its width.

References: J. Gil-Pelaez, Note on the inversion theorem, Biometrika 38, 1951; M. Abramowitz and I. A. Stegun,
Handbook of Mathematical Functions, 1964, formula 7.1.26.
"""

from statistics import NormalDist
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fleetcast.forecasting.arrays import Matrix, Vector

Cube: TypeAlias = NDArray[np.float64]

_FREQUENCIES: Final = 48
"""K, the number of terms of the sum over k."""
_CELLS: Final = 48
"""Number of intervals of the table of P(|X| <= x)."""
_REACH: Final = 0.75
"""Largest x of that table, as a part of the half-period."""
_CUTOFF: Final = 3.5
"""Frequency, in 1 / width, from which on a Gaussian's characteristic function counts as 0."""
_PRODUCT_STEPS: Final = 8
"""Horizon up to which the product is multiplied out; beyond it Stirling's series is exact to 1e-5."""
_TAILS: Final = 5.0
"""Factor of safety in the estimate of the tail of V_h."""
_LEAST_TAIL: Final = 1e-12
"""Smallest tail probability for which the half-period is made long enough."""
_GAUSSIAN_REACH: Final = 4.0
"""Standard deviations of noise added to the half-period."""
_SMALLEST: Final = 1e-30
"""Replaces a divisor of 0."""
_SERIES_AT_0: Final = 0.254829592 + (-0.284496736 + (1.421413741 + (-1.453152027 + 1.061405429)))
_NORMAL: Final = NormalDist()

_HALF_STEPS: Final = (np.arange(_FREQUENCIES) + 0.5) * np.pi
# Row h - 1 holds (j + 1/2)^2 for j < h, then zeros.
_SQUARED_WEIGHTS: Final = np.tril(np.tile((np.arange(_PRODUCT_STEPS) + 0.5) ** 2, (_PRODUCT_STEPS, 1)))
# Quadratic spacing: fine near zero, where an atom makes P(|X| <= x) steep.
_NODES: Final = _REACH * (np.arange(_CELLS + 1) / _CELLS) ** 2
_NODE_WIDTHS: Final = np.diff(_NODES)
_SINES: Final = np.sin(np.outer(_HALF_STEPS, _NODES)) * (2.0 / _HALF_STEPS)[:, None]
_COSINES: Final = 2.0 * np.cos(np.outer(_HALF_STEPS, _NODES))
_DISTRIBUTION_AND_DENSITY: Final = np.hstack([_SINES, _COSINES])


def jump_variance(horizons: Vector) -> Vector:
    """Return Var V_h / p = 2 * sum of (j + 1/2)^2 for each horizon h."""
    return horizons * (8.0 * horizons * horizons - 2.0) / 12.0


def standard_quantiles(horizons: Vector, shares: Matrix, *, change_probability: Vector, widths: Cube) -> Cube:
    """Return x with P(|X| <= x) = width, shape (Q, R, M).

    `horizons`, shape (M,), are the steps 1, 2, … 8 and any later ones, ascending, or the first of these;
    `shares`, shape (R, M), lie in [0, 1]; `widths`, broadcast to (Q, R, M), in [0, 1); `change_probability`,
    shape (R,), in (0, 1].  The R rows may belong to several models, or to several shares of one model.

    The cost is about 20 passes over R * M * 48 numbers and 6 over R * min(M, 8)^2 * 48, at any horizon.
    """
    p = change_probability[:, None]
    tail = max(0.5 - 0.5 * float(widths.max()), _LEAST_TAIL)
    jumps = np.sqrt(np.maximum(shares, _SMALLEST) / (p * jump_variance(horizons)))
    reach = horizons * np.log1p((_TAILS * p / tail) * horizons)
    half_period = jumps * reach + (_GAUSSIAN_REACH - _NORMAL.inv_cdf(tail))
    noise = 1.0 - shares
    resolved = half_period * (_CUTOFF / _HALF_STEPS[-1])
    missing = np.maximum(resolved * resolved - noise, 0.0)
    atom = (missing > 0.0) * (1.0 - p) ** horizons

    frequencies = _HALF_STEPS / half_period[..., None]
    continuous = _characteristic_function(horizons, jumps[..., None] * frequencies, p)
    continuous -= atom[..., None]
    frequencies *= frequencies
    continuous *= np.exp((-0.5 * (noise + missing))[..., None] * frequencies)
    frequencies *= (0.5 * missing)[..., None]
    frequencies += 1.0
    continuous *= frequencies
    table = continuous @ _DISTRIBUTION_AND_DENSITY
    if atom.any():
        _add_atom(table, atom=atom, deviation=np.sqrt(noise) / half_period)
    quantiles: Cube = _invert(table, widths) * half_period
    return quantiles


def _characteristic_function(horizons: Vector, frequencies: Cube, p: Matrix) -> Cube:
    """Return phi_h at `frequencies`, shape (R, M, K); p is of shape (R, 1)."""
    if len(horizons) <= _PRODUCT_STEPS:
        return _product(frequencies, p)
    near, far = frequencies[:, :_PRODUCT_STEPS], frequencies[:, _PRODUCT_STEPS:]
    return np.concatenate([_product(near, p), _stirling(horizons[_PRODUCT_STEPS:, None], far, p)], axis=1)


def _product(frequencies: Cube, p: Matrix) -> Cube:
    """Return the product of the factors 1 - p + p / (1 + z^2) for the first horizons."""
    count = frequencies.shape[1]
    factors = _SQUARED_WEIGHTS[:count, :count, None] * (frequencies * frequencies)[:, :, None, :]
    factors += 1.0
    np.divide(p[..., None, None], factors, out=factors)
    factors += (1.0 - p)[..., None, None]
    product: Cube = np.multiply.reduce(factors, axis=2)
    return product


def _stirling(h: Matrix, frequencies: Cube, p: Matrix) -> Cube:
    """Return the product of the factors by Stirling's series for Gamma(h + 1/2 + i / v).

    With u = h v, the sum over j < h of log(1 + (j + 1/2)^2 v^2) is, up to terms in h alone,
    h (log(1 + u^2) + 2 arctan(u) / u + 1 / (12 h^2 (1 + u^2))) + log(1 + exp(-2 pi / v)) + O(h^-3).
    The logarithm of the product is the difference of two such sums, at v sqrt(1 - p) and at v.  The term
    log(1 + exp(-2 pi / v)) is omitted: it matters for v > 2 only, which the half-period and the smoothing
    exclude at these horizons.
    """
    u = np.empty((2, *frequencies.shape))
    np.multiply(h, frequencies, out=u[1])
    np.multiply(np.sqrt(np.maximum(1.0 - p, 1e-12))[..., None], u[1], out=u[0])
    squares = u * u
    squares += 1.0
    sums = np.log(squares)
    sums += np.divide(1.0 / (12.0 * h * h), squares, out=squares)
    angles = np.arctan(u)
    angles /= u
    angles *= 2.0
    sums += angles
    logarithm: Cube = h * (sums[0] - sums[1])
    np.exp(logarithm, out=logarithm)
    return logarithm


def _add_atom(table: Cube, *, atom: Matrix, deviation: Matrix) -> None:
    """Add a Gaussian of this standard deviation, in half-periods, and weight `atom` to the table in place."""
    probability, density = table[..., : _CELLS + 1], table[..., _CELLS + 1 :]
    has_noise = (deviation > 0.0) & (atom > 0.0)
    if not has_noise.any():
        probability += atom[..., None]
        return
    z = _NODES / np.where(has_noise, deviation, _SMALLEST)[..., None]
    probability += atom[..., None] * np.where(has_noise[..., None], two_sided_normal(z), 1.0)
    slope = np.where(has_noise, np.sqrt(2.0 / np.pi) * atom / np.maximum(deviation, _SMALLEST), 0.0)
    density += slope[..., None] * np.exp(-0.5 * z * z)


def two_sided_normal(z: Cube) -> Cube:
    """Return P(|Z| <= z) of a standard normal for z >= 0, to 2e-7 (Abramowitz and Stegun, 7.1.26).

    The series is divided by its value at 0, which is 1e-9 below 1, so that P(0) = 0: with a jump at 0 the
    search for a quantile would be undetermined there.
    """
    t = 1.0 / (1.0 + 0.3275911 * np.sqrt(0.5) * z)
    series = 1.421413741 + t * (-1.453152027 + t * 1.061405429)
    series = t * (0.254829592 + t * (-0.284496736 + t * series))
    probability: Cube = 1.0 - (series / _SERIES_AT_0) * np.exp(-0.5 * z * z)
    return probability


def _invert(table: Cube, widths: Cube) -> Cube:
    """Return x with P(|X| <= x) = width, in half-periods, by cubic Hermite interpolation of the inverse."""
    cell = (table[..., 1:_CELLS] < widths[..., None]).sum(axis=-1)
    step = _NODE_WIDTHS[cell]
    at = cell + np.arange(0, table.size, table.shape[-1]).reshape(table.shape[:-1])
    values = table.ravel()
    start = values[at]
    # With a decrease (rounding, far in the tail) or a density of 0 the interpolation is linear.
    rise = np.maximum(values[at + 1] - start, _SMALLEST)
    t = np.minimum(np.maximum((widths - start) / rise, 0.0), 1.0)
    rise /= step
    # Slopes of the inverse up to three times the chord's keep the cubic monotonic (Fritsch and Carlson 1980).
    least = rise / 3.0
    left = 1.0 - t
    at += _CELLS + 1
    curvature = left * (rise / np.maximum(values[at], least))
    curvature -= t * (rise / np.maximum(values[at + 1], least))
    x: Cube = _NODES[cell] + step * t * (t * (1.0 + left + left) + left * curvature)
    return x
