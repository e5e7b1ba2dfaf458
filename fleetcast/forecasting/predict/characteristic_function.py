"""Quantiles of the future trend's random slope changes plus noise, by inverting the characteristic function.

With V_h = sum over j < h of (j + 1/2) B_j L_j, where B_j is Bernoulli(p) and L_j is Laplace(1), this module
answers for X = V_h / scale + noise, standardised: Var X = 1.  `share` is the part of that variance that V_h
has; 1 - share is the part of the Gaussian noise.

The characteristic function of V_h is real and closed:

    phi_h(v) = product over j < h of  1 - p z^2 / (1 + z^2),   z = (j + 1/2) v.

X is symmetric, and for a half-period P beyond the reach of its tails the midpoint rule gives

    P(|X| <= x) = 2 / pi * sum over k of  phi(w_k) sin(w_k x) / (k + 1/2),   w_k = (k + 1/2) pi / P.

Since w_k x depends on k and x / P alone, one fixed matrix of sines serves every horizon and every model.

With probability (1 - p)^h nothing changes and V_h = 0: where the noise is too narrow for the frequencies at
hand, this atom is taken out and added in closed form, and the rest is smoothed by a Gaussian whose second
moment is cancelled (its error is of fourth order in its width).
"""

from statistics import NormalDist
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fleetcast.forecasting.arrays import Matrix, Vector

Cube: TypeAlias = NDArray[np.float64]

_FREQUENCIES: Final = 48
_CELLS: Final = 48
_REACH: Final = 0.75
"""The table of P(|X| <= x) covers x from 0 to this part of the half-period."""
_CUTOFF: Final = 3.5
"""A Gaussian's characteristic function is taken as zero from here, in units of 1 / its width."""
_PRODUCT_STEPS: Final = 8
"""Up to this horizon the product is multiplied out; beyond, Stirling's series is exact to 1e-5."""
_TAILS: Final = 5.0
_LEAST_TAIL: Final = 1e-12
_GAUSSIAN_REACH: Final = 4.0
_SMALLEST: Final = 1e-30
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

    `horizons` (M,) are the steps 1, 2, 3 .. 8 and any after them, ascending, or the first of these; `shares`
    (R, M) lie in [0, 1]; `widths`, of a shape that broadcasts to (Q, R, M), in [0, 1);
    0 < change_probability <= 1, shape (R,).  The R rows may be several questions to one model, or models.

    Cost: about 20 passes over R * M * 48 numbers and 6 over R * min(M, 8)^2 * 48, however far the horizons.
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
    """Return phi_h(v), shape (R, M, K) like `frequencies`; p has the shape (R, 1)."""
    if len(horizons) <= _PRODUCT_STEPS:
        return _product(frequencies, p)
    near, far = frequencies[:, :_PRODUCT_STEPS], frequencies[:, _PRODUCT_STEPS:]
    return np.concatenate([_product(near, p), _stirling(horizons[_PRODUCT_STEPS:, None], far, p)], axis=1)


def _product(frequencies: Cube, p: Matrix) -> Cube:
    """Multiply the factors 1 - p + p / (1 + z^2) out, for the horizons 1, 2, ..."""
    count = frequencies.shape[1]
    factors = _SQUARED_WEIGHTS[:count, :count, None] * (frequencies * frequencies)[:, :, None, :]
    factors += 1.0
    np.divide(p[..., None, None], factors, out=factors)
    factors += (1.0 - p)[..., None, None]
    product: Cube = np.multiply.reduce(factors, axis=2)
    return product


def _stirling(h: Matrix, frequencies: Cube, p: Matrix) -> Cube:
    """Sum the logarithms of the factors by Stirling's series for Gamma(h + 1/2 + i / v).

    The sum over j < h of log(1 + (j + 1/2)^2 v^2) is, with u = h v and but for what depends on h alone,
    h (log(1 + u^2) + 2 arctan(u) / u + 1 / (12 h^2 (1 + u^2))) + log(1 + exp(-2 pi / v)) + O(h^-3);
    a factor is the ratio of two such terms, at v sqrt(1 - p) and at v.  The last logarithm is left out: it
    matters for v > 2 only, which at these horizons the half-period and the smoothing keep out.
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
    """Add noise of this `deviation` (in half-periods), with the weight `atom`, to the table in place."""
    probability, density = table[..., : _CELLS + 1], table[..., _CELLS + 1 :]
    noisy = (deviation > 0.0) & (atom > 0.0)
    if not noisy.any():
        probability += atom[..., None]
        return
    z = _NODES / np.where(noisy, deviation, _SMALLEST)[..., None]
    probability += atom[..., None] * np.where(noisy[..., None], two_sided_normal(z), 1.0)
    slope = np.where(noisy, np.sqrt(2.0 / np.pi) * atom / np.maximum(deviation, _SMALLEST), 0.0)
    density += slope[..., None] * np.exp(-0.5 * z * z)


def two_sided_normal(z: Cube) -> Cube:
    """Return P(|Z| <= z) of a standard normal for z >= 0, to 2e-7 (Abramowitz and Stegun, 7.1.26).

    The series is divided by its value at 0, 1e-9 below 1, so that P begins at 0: with a jump there a search
    for a quantile would end anywhere within it.
    """
    t = 1.0 / (1.0 + 0.3275911 * np.sqrt(0.5) * z)
    series = 1.421413741 + t * (-1.453152027 + t * 1.061405429)
    series = t * (0.254829592 + t * (-0.284496736 + t * series))
    probability: Cube = 1.0 - (series / _SERIES_AT_0) * np.exp(-0.5 * z * z)
    return probability


def _invert(table: Cube, widths: Cube) -> Cube:
    """Return where P reaches each width, in half-periods, by cubic Hermite interpolation of the inverse."""
    cell = (table[..., 1:_CELLS] < widths[..., None]).sum(axis=-1)
    step = _NODE_WIDTHS[cell]
    at = cell + np.arange(0, table.size, table.shape[-1]).reshape(table.shape[:-1])
    values = table.ravel()
    start = values[at]
    # A fall (rounding, far in the tail) or a density of zero leaves the straight line.
    rise = np.maximum(values[at + 1] - start, _SMALLEST)
    t = np.minimum(np.maximum((widths - start) / rise, 0.0), 1.0)
    rise /= step
    # Slopes of the inverse up to three times the chord's keep the cubic rising.
    least = rise / 3.0
    left = 1.0 - t
    at += _CELLS + 1
    bend = left * (rise / np.maximum(values[at], least))
    bend -= t * (rise / np.maximum(values[at + 1], least))
    x: Cube = _NODES[cell] + step * t * (t * (1.0 + left + left) + left * bend)
    return x
