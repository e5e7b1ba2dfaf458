"""The changepoints' part of one step: a lasso whose penalty follows from its own residuals.

    minimise  N ln σ + RSS(e) / (2σ²) + 2σ² + |δ + e|₁ / τ   over e and σ
    RSS(e) = c - 2 rᵀe + eᵀA e

For known signs of δ + e the solution is linear in the penalty λ = σ² / τ, and σ² is the root of a quadratic
equation; so the search is for the signs only: a primal-dual active set (Hintermüller, Ito, Kunisch 2002)
that admits, of each run of neighbouring candidates, the strongest.  Where that goes in circles, the signs
come from the classical active set, one coordinate at a time at a fixed λ, within a bracket for σ².
"""

from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np

from fleetcast.forecasting.arrays import Flags, Matrix, Vector
from fleetcast.forecasting.solver.objective import variance

_SLACK = 1 + 1e-9
"""How far beyond the penalty a gradient must be to count."""
_ROUNDS = 30
_STEPS_PER_CHANGEPOINT = 10
_RELATIVE_RIDGE = 1e-12
"""Lets changepoints that are linearly dependent be solved for."""
_SMALLEST_SHARE = 1e-15
"""Of a sum of squares: what rounding leaves of it at least."""


@dataclass(frozen=True, slots=True)
class ScaledLasso:
    """The problem above: `at` is δ, shape (S,); `pull` is r; `rss` is c > 0."""

    A: Matrix
    pull: Vector
    rss: float
    at: Vector
    n: int
    tau: float


class _Candidate(NamedTuple):
    """What one assumption about the signs leads to."""

    delta: Vector
    pull: Vector
    """r - A e, to be compared with the penalty."""
    s2: float


def scaled_lasso(problem: ScaledLasso) -> tuple[Vector, float]:
    """Return δ + e and σ² at the minimum; raise `LinAlgError` where it is not found."""
    if not problem.at.size:
        return problem.at, variance(problem.rss, problem.n)
    try:
        return _primal_dual(problem)
    except np.linalg.LinAlgError:
        return _bracketed(problem)


def _primal_dual(problem: ScaledLasso) -> tuple[Vector, float]:
    signs = np.sign(problem.at)
    seen: set[bytes] = set()
    while (key := signs.tobytes()) not in seen:
        seen.add(key)
        candidate = _given(problem, signs)
        wrong, entering = _contradictions(problem, signs, candidate)
        if not (wrong.any() or entering.any()):
            return candidate.delta, candidate.s2
        if wrong.any():
            signs[wrong] = 0
            problem = _with_zeros(problem, wrong)
        signs[entering] = np.sign(candidate.pull[entering])
    raise np.linalg.LinAlgError("The signs of the lasso go in circles.")


def _given(problem: ScaledLasso, signs: Vector) -> _Candidate:
    """Solve for e and σ² as if `signs` were the signs of δ + e; δ must be zero where they are."""
    active = signs.nonzero()[0]
    s, r, rows = signs.take(active), problem.pull.take(active), problem.A.take(active, axis=0)
    u, v = np.linalg.solve(rows.take(active, axis=1), np.array((r, s)).T).T
    # RSS = (c - r·u) + (s·v) λ², so that 4σ⁴ + Nσ² = RSS is quadratic in σ²
    rss = max(problem.rss - float(r.dot(u)), _SMALLEST_SHARE * problem.rss)
    discriminant = problem.n**2 + 4 * (4 - float(s.dot(v)) / problem.tau**2) * rss
    s2 = 2 * rss / (problem.n + sqrt(max(discriminant, 0.0)))
    e = u - (s2 / problem.tau) * v
    delta = problem.at.copy()
    delta[active] += e
    return _Candidate(delta, problem.pull - e.dot(rows), s2)


def _contradictions(problem: ScaledLasso, signs: Vector, candidate: _Candidate) -> tuple[Flags, Flags]:
    """Return where δ has another sign than assumed, and where it should not have been assumed zero."""
    # the strongest of each run of neighbours: a kink between two changepoints pulls at many
    strength = np.zeros(signs.size + 2)
    own = strength[1:-1]
    np.abs(candidate.pull, out=own)
    own[signs != 0] = 0
    entering = own > candidate.s2 / problem.tau * _SLACK
    entering &= own >= strength[:-2]
    entering &= own >= strength[2:]
    return candidate.delta * signs < 0, entering


def _with_zeros(problem: ScaledLasso, zero: Flags) -> ScaledLasso:
    """Move the point δ to zero at these places."""
    moved = np.where(zero, problem.at, 0)
    if not moved.any():
        return problem
    pull = problem.pull + problem.A @ moved
    rss = problem.rss + float(moved @ (problem.pull + pull))
    return ScaledLasso(problem.A, pull, rss, problem.at - moved, problem.n, problem.tau)


def _bracketed(problem: ScaledLasso) -> tuple[Vector, float]:
    """Find σ² from above, with the signs found one at a time for every trial."""
    origin = _with_zeros(problem, problem.at != 0)
    low, high = 0.0, variance(origin.rss, origin.n)
    s2 = high
    for _ in range(_ROUNDS):
        delta = _one_at_a_time(problem, s2 / problem.tau)
        signs = np.sign(delta)
        candidate = _given(_with_zeros(problem, signs == 0), signs)
        wrong, entering = _contradictions(problem, signs, candidate)
        if not (wrong.any() or entering.any()):
            return candidate.delta, candidate.s2
        implied = variance(_rss(problem, delta - problem.at), problem.n)
        low, high = (low, s2) if implied < s2 else (s2, high)
        trials = (candidate.s2, implied, sqrt(low * high))
        s2 = next((trial for trial in trials if low < trial < high), high)
    raise np.linalg.LinAlgError("The variance of the lasso was not found.")


def _rss(problem: ScaledLasso, e: Vector) -> float:
    rss = problem.rss - float(e @ (2 * problem.pull - problem.A @ e))
    return max(rss, _SMALLEST_SHARE * problem.rss)


def _one_at_a_time(problem: ScaledLasso, penalty: float) -> Vector:
    """Return the δ + e that minimises RSS / 2 + penalty |δ + e|₁; every step lowers that sum."""
    delta, signs = problem.at.copy(), np.sign(problem.at)
    for _ in range(_STEPS_PER_CHANGEPOINT * (delta.size + 5)):
        pull = problem.pull - problem.A @ (delta - problem.at)
        active = signs.nonzero()[0]
        step = np.zeros_like(delta)
        step[active] = _ridged_solve(problem.A[np.ix_(active, active)], (pull - penalty * signs)[active])
        crossing = ((delta + step) * signs < 0).nonzero()[0]
        if crossing.size:
            reach = -delta[crossing] / step[crossing]
            delta += reach.min() * step
            first = crossing[reach.argmin()]
            delta[first] = signs[first] = 0
            continue
        delta += step
        pull -= problem.A @ step
        strongest = np.where(signs == 0, np.abs(pull), 0).argmax()
        if signs[strongest] != 0 or abs(pull[strongest]) <= penalty * _SLACK:
            return delta
        signs[strongest] = np.sign(pull[strongest])
    raise np.linalg.LinAlgError("The signs of the lasso were not found.")


def _ridged_solve(A: Matrix, b: Vector) -> Vector:
    ridge = _RELATIVE_RIDGE * np.diag(A).max(initial=0.0)
    return np.linalg.solve(A + ridge * np.eye(b.size), b)
