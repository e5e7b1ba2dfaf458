"""Stan's optimiser with Stan's settings: L-BFGS with a line search by the strong Wolfe conditions.

Its purpose is not to find a minimum, which `descent` does better, but to end where Prophet ends: the
constants and the order of operations are Stan's.

Reference: J. Nocedal and S. J. Wright, Numerical Optimization, 2nd edition, 2006, algorithms 7.4 and 7.5
(L-BFGS), 3.5 and 3.6 (line search).
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite, sqrt
from typing import Final

import numpy as np

from fleetcast.forecasting.arrays import Vector

_MEMORY: Final = 5
"""Steps from which the curvature is estimated."""
_FIRST_LENGTH: Final = 1e-3
"""Length of the first step, in gradients."""
_LEAST_LENGTH: Final = 1e-12
"""Shortest initial length of a line search."""
_DECREASE: Final = 1e-4
"""c₁ of the Wolfe conditions: part of the promised decrease that a step must reach."""
_CURVATURE: Final = 0.9
"""c₂ of the Wolfe conditions: part of the slope that a step may leave."""
_TRIALS: Final = 20
"""Most extensions of a line search."""
_GROWTH: Final = 10.0
"""Factor of an extension."""
_LEAST_CHANGE: Final = 1e4 * float(np.finfo(np.float64).eps)
"""Relative change of the objective in a step below which the search ends."""
_LEAST_PROMISE: Final = 1e7 * float(np.finfo(np.float64).eps)
"""Relative decrease that the slope promises of the next step, below which the search ends."""
_MARGIN: Final = 0.01
"""Part of the bracket, at each end, in which the cubic's minimum is replaced by the middle."""
_HALVE_EVERY: Final = 5
"""The bracket is halved in every trial whose number is a multiple of this."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The objective at a point."""

    x: Vector
    """Shape (P,)."""
    value: float
    gradient: Vector
    """Shape (P,)."""


Objective = Callable[[Vector], Evaluation]


@dataclass(frozen=True, slots=True)
class _Trial:
    """The objective at some length along a direction."""

    length: float
    at: Evaluation
    slope: float
    """The derivative with respect to the length."""


@dataclass(frozen=True, slots=True)
class _Line:
    """The objective along a direction."""

    objective: Objective
    origin: Evaluation
    direction: Vector

    @property
    def start(self) -> _Trial:
        """The trial of length 0."""
        return _Trial(0.0, self.origin, float(self.origin.gradient @ self.direction))

    def at(self, length: float) -> _Trial:
        """Evaluate the objective at a length."""
        evaluation = self.objective(self.origin.x + length * self.direction)
        return _Trial(length, evaluation, float(evaluation.gradient @ self.direction))


def lbfgs(objective: Objective, x: Vector, *, steps: int) -> Vector:
    """Return the point, shape (P,), at which the search from `x` ends, after at most `steps` steps."""
    here, pairs = objective(x), deque[tuple[Vector, Vector]](maxlen=_MEMORY)
    length, direction = _FIRST_LENGTH, -here.gradient
    for _ in range(steps):
        line = _Line(objective, here, direction)
        trial = _search(line, length)
        if trial is None and pairs:
            pairs.clear()
            direction, length = -here.gradient, _FIRST_LENGTH
            continue
        if trial is None:
            break
        there, is_first = trial.at, not pairs
        pairs.append((there.x - here.x, there.gradient - here.gradient))
        change = abs(here.value - there.value) / max(abs(here.value), abs(there.value), 1.0)
        step, turn = pairs[-1]
        stretch = float(turn @ turn) / float(step @ turn) if is_first else 1.0
        length = min(1.0, 1.01 * _cubic(line.start, trial, stretch, least=_LEAST_LENGTH, most=1.0))
        here, direction = there, -_scaled(there.gradient, pairs)
        promise = abs(float(here.gradient @ direction)) / max(abs(here.value), 1.0)
        if change < _LEAST_CHANGE or promise < _LEAST_PROMISE:
            break
    return here.x


def _scaled(gradient: Vector, pairs: deque[tuple[Vector, Vector]]) -> Vector:
    """Return the gradient times the inverse Hessian that the last steps imply (two-loop recursion)."""
    q, parts = gradient.copy(), []
    for step, change in reversed(pairs):
        part = float(step @ q) / float(step @ change)
        q -= part * change
        parts.append(part)
    step, change = pairs[-1]
    q *= float(step @ change) / float(change @ change)
    for (step, change), part in zip(pairs, reversed(parts), strict=True):
        q += (part - float(change @ q) / float(step @ change)) * step
    return q


def _search(line: _Line, length: float) -> _Trial | None:
    """Return a trial that satisfies the strong Wolfe conditions, or None if there is none."""
    start = before = line.start
    for number in range(_TRIALS):
        trial = line.at(length)
        if not isfinite(trial.at.value):
            length = (before.length + length) / 2
            continue
        if _too_high(start, trial) or (number > 0 and trial.at.value >= before.at.value):
            return _zoom(line, before, trial)
        if abs(trial.slope) <= -_CURVATURE * start.slope:
            return trial
        if trial.slope >= 0:
            return _zoom(line, trial, before)
        before, length = trial, length * _GROWTH
    return None


def _zoom(line: _Line, low: _Trial, high: _Trial) -> _Trial | None:
    """Return such a trial between `low`, the lower one, and `high`, or None."""
    start = line.start
    for number in range(1, 10 * _TRIALS):
        width = abs(low.length - high.length)
        if width <= 1e-16:  # noqa: PLR2004 - Stan's
            return None
        ends = sorted((low.length, high.length))
        length = _between(low, high)
        if number % _HALVE_EVERY == 0 or not ends[0] + _MARGIN * width <= length <= ends[1] - _MARGIN * width:
            length = (low.length + high.length) / 2
        trial = line.at(length)
        if not isfinite(trial.at.value) or _too_high(start, trial) or trial.at.value >= low.at.value:
            high = trial
            continue
        if abs(trial.slope) <= -_CURVATURE * start.slope:
            return trial
        if trial.slope * (high.length - low.length) >= 0:
            high = low
        low = trial
    return None


def _too_high(start: _Trial, trial: _Trial) -> bool:
    """Return whether a trial violates the first Wolfe condition."""
    return trial.at.value > start.at.value + _DECREASE * trial.length * start.slope


def _between(low: _Trial, high: _Trial) -> float:
    """Return the minimum of the cubic through two trials and their slopes; infinity where it has none."""
    rise = (low.at.value - high.at.value) / (low.length - high.length)
    middle = low.slope + high.slope - 3 * rise
    square = middle * middle - low.slope * high.slope
    if not square >= 0:
        return inf
    root = sqrt(square) if high.length >= low.length else -sqrt(square)
    share = (high.slope + root - middle) / (high.slope - low.slope + 2 * root)
    return high.length - (high.length - low.length) * share


def _cubic(start: _Trial, end: _Trial, stretch: float, *, least: float, most: float) -> float:
    """Return the length of the next step: where in [least, most] the cubic through the last step is lowest.

    The cubic has the values and slopes of both ends of the step; a length of 1 is the step's own divided by
    `stretch`.
    """
    x, df0, df1 = end.length * stretch, start.slope / stretch, end.slope / stretch
    rise = end.at.value - start.at.value
    a = (df0 + df1 - 2 * rise / x) / (x * x)
    b = (3 * rise / x - 2 * df0 - df1) / x
    lengths = [least, most]
    square = b * b - 3 * a * df0
    if a and square >= 0:
        lengths += [
            length for sign in (1, -1) if least <= (length := (-b + sign * sqrt(square)) / (3 * a)) <= most
        ]
    return min(lengths, key=lambda length: ((a * length + b) * length + df0) * length)
