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

from forecasting._problem import Matrix, Vector

Cube: TypeAlias = NDArray[np.float64]

_FREQUENCIES: Final = 48
_CELLS: Final = 48
_REACH: Final = 0.75
"""The table of P(|X| <= x) covers x from 0 to this part of the half-period."""
_CUTOFF: Final = 3.5
"""A Gaussian's characteristic function is taken as zero from here, in units of 1 / its width."""
_PRODUCT_STEPS: Final = 8
"""Up to this horizon the product is multiplied out; beyond, Stirling's series is exact to 1e-5."""
_SMALLEST_SHARE: Final = 1e-30

_HALF_STEPS: Final = (np.arange(_FREQUENCIES) + 0.5) * np.pi
_SQUARED_REACH: Final = (np.arange(_PRODUCT_STEPS) + 0.5) ** 2
# Quadratic spacing: fine near zero, where an atom makes P(|X| <= x) steep.
_NODES: Final = _REACH * (np.arange(_CELLS + 1) / _CELLS) ** 2
_NODE_WIDTHS: Final = np.diff(_NODES)
_SINES: Final = np.sin(np.outer(_HALF_STEPS, _NODES)) * (2.0 / _HALF_STEPS)[:, None]
_COSINES: Final = 2.0 * np.cos(np.outer(_HALF_STEPS, _NODES))
_DISTRIBUTION_AND_DENSITY: Final = np.hstack([_SINES, _COSINES])


def jump_variance(horizons: Vector, change_probability: float) -> Vector:
    """Return Var V_h = 2 p sum of (j + 1/2)^2 for each horizon h >= 1."""
    return change_probability * horizons * (8.0 * horizons * horizons - 2.0) / 12.0


def standard_quantiles(horizons: Vector, shares: Matrix, *, change_probability: float, widths: Cube) -> Cube:
    """Return x with P(|X| <= x) = width, shape (Q, R, M).

    `horizons` (M,) are steps h >= 1 in ascending order, whole numbers up to 8; `shares` (R, M) lie in [0, 1];
    `widths`, of a shape that broadcasts to (Q, R, M), in [0, 1); 0 < change_probability <= 1.  The R rows may
    be several questions to one model, or models with the same change probability.

    Cost: about 25 passes over R * M * 48 numbers, whatever the horizon, and 8 more passes over
    R * min(M, 8) * 8 * 48 of them; nothing depends on how far away the horizon is.
    """
    p = change_probability
    tail = 0.5 - 0.5 * float(widths.max())
    jumps = np.sqrt(np.maximum(shares, _SMALLEST_SHARE) / jump_variance(horizons, p))
    reach = np.log1p((5.0 * p / tail) * horizons)
    half_period = jumps * (horizons * reach) + (4.0 - NormalDist().inv_cdf(tail))
    noise = 1.0 - shares
    resolved = half_period * (_CUTOFF / _HALF_STEPS[-1])
    missing = np.maximum(resolved * resolved - noise, 0.0)
    atom = np.where(missing > 0.0, (1.0 - p) ** horizons, 0.0)

    frequencies = _HALF_STEPS / half_period[..., None]
    continuous = _characteristic_function(horizons, jumps[..., None] * frequencies, p)
    continuous -= atom[..., None]
    frequencies *= frequencies
    frequencies *= 0.5
    continuous *= np.exp((noise + missing)[..., None] * -frequencies)
    frequencies *= missing[..., None]
    frequencies += 1.0
    continuous *= frequencies
    table = continuous @ _DISTRIBUTION_AND_DENSITY
    if missing.any():
        _add_atom(table, atom=atom, deviation=np.sqrt(noise) / half_period)
    return _invert(table, widths) * half_period


def _characteristic_function(horizons: Vector, frequencies: Cube, p: float) -> Cube:
    """Return phi_h(v), shape (R, M, K) like `frequencies`."""
    few = int(np.searchsorted(horizons, _PRODUCT_STEPS, side="right"))
    if few == len(horizons):
        return _product(horizons, frequencies, p)
    return np.concatenate(
        [
            _product(horizons[:few], frequencies[:, :few], p),
            _stirling(horizons[few:, None], frequencies[:, few:], p),
        ],
        axis=1,
    )


def _product(horizons: Vector, frequencies: Cube, p: float) -> Cube:
    """Multiply the factors 1 - p + p / (1 + z^2) out, at most `_PRODUCT_STEPS` of them."""
    steps = _SQUARED_REACH[: int(horizons.max(initial=0.0))]
    taken = np.where(np.arange(len(steps)) < horizons[:, None], steps, 0.0)
    factors = taken[:, :, None] * (frequencies * frequencies)[:, :, None, :]
    factors += 1.0
    np.divide(p, factors, out=factors)
    factors += 1.0 - p
    product: Cube = np.multiply.reduce(factors, axis=2)
    return product


def _stirling(h: Matrix, frequencies: Cube, p: float) -> Cube:
    """Sum the logarithms of the factors by Stirling's series for Gamma(h + 1/2 + i / v).

    The sum over j < h of log(1 + (j + 1/2)^2 v^2) is, with u = h v,
    h (log(1 + u^2) - 2 + 2 arctan(u) / u) - h v^2 / (12 (1 + u^2)) + log(1 + exp(-2 pi / v)) + O(h^-3);
    a factor is the ratio of two such terms, at v sqrt(1 - p) and at v.
    """
    v = np.stack([frequencies * np.sqrt(max(1.0 - p, 1e-12)), frequencies])
    u = h * v
    squares = 1.0 + u * u
    sums = np.log(squares)
    u = np.arctan(u) / u
    sums += 2.0 * u
    sums -= v * v / (12.0 * squares)
    sums *= h
    sums += np.log1p(np.exp(-2.0 * np.pi / v))
    return np.exp(sums[0] - sums[1])


def _add_atom(table: Cube, *, atom: Matrix, deviation: Matrix) -> None:
    """Add noise of this `deviation` (in half-periods), with the weight `atom`, to the table in place."""
    probability, density = table[..., : _CELLS + 1], table[..., _CELLS + 1 :]
    noisy = (deviation > 0.0) & (atom > 0.0)
    probability += np.where(noisy, 0.0, atom)[..., None]
    if noisy.any():
        slope = np.where(noisy, atom / np.maximum(deviation, _SMALLEST_SHARE), 0.0)
        z = _NODES / np.where(noisy, deviation, 1.0)[..., None]
        probability += np.where(noisy, atom, 0.0)[..., None] * two_sided_normal(z)
        density += np.sqrt(2.0 / np.pi) * slope[..., None] * np.exp(-0.5 * z * z)


def two_sided_normal(z: Cube) -> Cube:
    """Return P(|Z| <= z) of a standard normal for z >= 0, to 2e-7 (Abramowitz and Stegun, 7.1.26)."""
    t = 1.0 / (1.0 + 0.3275911 * np.sqrt(0.5) * z)
    series = 1.421413741 + t * (-1.453152027 + t * 1.061405429)
    series = t * (0.254829592 + t * (-0.284496736 + t * series))
    return 1.0 - series * np.exp(-0.5 * z * z)


def _invert(table: Cube, widths: Cube) -> Cube:
    """Return where P reaches each width, in half-periods, by cubic Hermite interpolation of the inverse."""
    probability = table[..., : _CELLS + 1]
    cell = np.count_nonzero(probability < widths[..., None], axis=-1)
    at_zero = cell == 0
    cell = np.clip(cell, 1, _CELLS)
    right = cell + np.arange(0, table.size, table.shape[-1]).reshape(table.shape[:-1])
    values = table.ravel()
    left = right - 1
    start = values[left]
    rise = values[right] - start
    step = _NODE_WIDTHS[cell - 1]
    # A fall (rounding, far in the tail) or a density of zero leaves the straight line.
    rise = np.maximum(rise, _SMALLEST_SHARE)
    t = np.clip((widths - start) / rise, 0.0, 1.0)
    rise /= step
    bend = rise / np.maximum(values[left + _CELLS + 1], rise / 3.0) * (1.0 - t)
    bend -= rise / np.maximum(values[right + _CELLS + 1], rise / 3.0) * t
    y = t * (t * (3.0 - 2.0 * t) + (1.0 - t) * bend)
    return np.where(at_zero, 0.0, _NODES[cell - 1] + step * y)
