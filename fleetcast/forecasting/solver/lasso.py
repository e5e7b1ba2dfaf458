"""The changepoints' part of one step: a lasso whose penalty depends on its own residuals.

    minimise  N ln σ + RSS(e) / (2σ²) + 2σ² + |δ + e|₁ / τ   over e and σ
    RSS(e) = c - 2 rᵀe + eᵀA e

If the signs of δ + e are assumed, e is linear in the penalty λ = σ² / τ, and σ² is the root of a quadratic
equation.  So the search is for the signs only, by a primal-dual active set method which admits the strongest
of each run of neighbouring candidates.  If that method cycles, the signs are found one coordinate at a time
at a fixed λ (the classical active set method), with σ² in a bracket that is narrowed from above.

References: M. Hintermüller, K. Ito and K. Kunisch, The primal-dual active set strategy as a semismooth Newton
method, SIAM Journal on Optimization 13, 2002; M. R. Osborne, B. Presnell and B. A. Turlach, A new approach to
variable selection in least squares problems, IMA Journal of Numerical Analysis 20, 2000.
"""

from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np

from fleetcast.forecasting.arrays import Flags, Matrix, Vector
from fleetcast.forecasting.solver.objective import variance

_SLACK = 1 + 1e-9
"""Factor by which a gradient must exceed the penalty for its δ to leave zero."""
_MOST_TRIALS = 30
"""Most values of σ² that are tried in the bracket."""
_STEPS_PER_CHANGEPOINT = 10
"""Most steps of the classical active set method for each changepoint."""
_RELATIVE_RIDGE = 1e-12
"""Ridge, as a share of the largest diagonal element, that makes linearly dependent changepoints solvable."""
_SMALLEST_SHARE = 1e-15
"""Part of a sum of squares below which it is rounding."""


@dataclass(frozen=True, slots=True)
class ScaledLasso:
    """The problem above, for S changepoints."""

    A: Matrix
    """Shape (S, S)."""
    pull: Vector
    """r, shape (S,): minus half the gradient of RSS at e = 0."""
    rss: float
    """c > 0: RSS at e = 0."""
    at: Vector
    """δ, shape (S,)."""
    n: int
    """N, the number of readings."""
    tau: float


class _Candidate(NamedTuple):
    """The solution for assumed signs."""

    delta: Vector
    """δ + e, shape (S,)."""
    pull: Vector
    """r - A e, shape (S,), which the penalty λ must balance."""
    s2: float
    """σ²."""


def scaled_lasso(problem: ScaledLasso) -> tuple[Vector, float]:
    """Return δ + e, shape (S,), and σ² at the minimum; raises `LinAlgError` if it is not found."""
    if not problem.at.size:
        return problem.at, variance(problem.rss, problem.n)
    try:
        return _primal_dual(problem)
    except np.linalg.LinAlgError:
        return _bracketed(problem)


def _primal_dual(problem: ScaledLasso) -> tuple[Vector, float]:
    """Solve by the primal-dual active set method; raises `LinAlgError` if it cycles."""
    signs = np.sign(problem.at)
    tried: set[bytes] = set()
    while (key := signs.tobytes()) not in tried:
        tried.add(key)
        candidate = _candidate(problem, signs)
        wrong, entering = _contradictions(problem, signs, candidate)
        if not (wrong.any() or entering.any()):
            return candidate.delta, candidate.s2
        if wrong.any():
            signs[wrong] = 0
            problem = _with_zeros(problem, wrong)
        signs[entering] = np.sign(candidate.pull[entering])
    raise np.linalg.LinAlgError("the signs of the lasso cycle")


def _candidate(problem: ScaledLasso, signs: Vector) -> _Candidate:
    """Solve for e and σ² if δ + e has these signs; δ must be zero where a sign is zero."""
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
    """Return where δ + e contradicts its assumed sign, and where a zero has to become nonzero."""
    # only the strongest of each run of neighbours: a change between two changepoints pulls at many
    strength = np.zeros(signs.size + 2)
    own = strength[1:-1]
    np.abs(candidate.pull, out=own)
    own[signs != 0] = 0
    entering = own > candidate.s2 / problem.tau * _SLACK
    entering &= own >= strength[:-2]
    entering &= own >= strength[2:]
    return candidate.delta * signs < 0, entering


def _with_zeros(problem: ScaledLasso, zero: Flags) -> ScaledLasso:
    """Return the same problem expanded around δ with zeros at these indices."""
    moved = np.where(zero, problem.at, 0)
    if not moved.any():
        return problem
    pull = problem.pull + problem.A @ moved
    rss = problem.rss + float(moved @ (problem.pull + pull))
    return ScaledLasso(problem.A, pull, rss, problem.at - moved, problem.n, problem.tau)


def _bracketed(problem: ScaledLasso) -> tuple[Vector, float]:
    """Solve by trials of σ² in a bracket, each with the classical active set method."""
    origin = _with_zeros(problem, problem.at != 0)
    low, high = 0.0, variance(origin.rss, origin.n)
    s2 = high
    for _ in range(_MOST_TRIALS):
        delta = _one_at_a_time(problem, s2 / problem.tau)
        signs = np.sign(delta)
        candidate = _candidate(_with_zeros(problem, signs == 0), signs)
        wrong, entering = _contradictions(problem, signs, candidate)
        if not (wrong.any() or entering.any()):
            return candidate.delta, candidate.s2
        implied = variance(_rss(problem, delta - problem.at), problem.n)
        low, high = (low, s2) if implied < s2 else (s2, high)
        trials = (candidate.s2, implied, sqrt(low * high))
        s2 = next((trial for trial in trials if low < trial < high), high)
    raise np.linalg.LinAlgError("the variance of the lasso was not found")


def _rss(problem: ScaledLasso, e: Vector) -> float:
    """Return RSS(e), at least its rounding."""
    rss = problem.rss - float(e @ (2 * problem.pull - problem.A @ e))
    return max(rss, _SMALLEST_SHARE * problem.rss)


def _one_at_a_time(problem: ScaledLasso, penalty: float) -> Vector:
    """Return the δ + e that minimises RSS / 2 + penalty |δ + e|₁; each step lowers that sum."""
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
    raise np.linalg.LinAlgError("the signs of the lasso were not found")


def _ridged_solve(A: Matrix, b: Vector) -> Vector:
    """Solve A x = b with a ridge that only matters if A is singular."""
    ridge = _RELATIVE_RIDGE * np.diag(A).max(initial=0.0)
    return np.linalg.solve(A + ridge * np.eye(b.size), b)
