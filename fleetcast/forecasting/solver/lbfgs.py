"""Stan's optimiser with Stan's settings: L-BFGS, a line search by the strong Wolfe conditions.

It is here not to find a minimum, but to go the way that Prophet goes.

Algorithms 7.4, 7.5 (L-BFGS), 3.5 and 3.6 (line search) of Nocedal and Wright, Numerical Optimization.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite, sqrt
from typing import Final

import numpy as np

from fleetcast.forecasting.arrays import Vector

_MEMORY: Final = 5
_FIRST_LENGTH: Final = 1e-3
_LEAST_LENGTH: Final = 1e-12
_DECREASE: Final = 1e-4
_CURVATURE: Final = 0.9
_TRIALS: Final = 20
_GROWTH: Final = 10.0
_LEAST_CHANGE: Final = 1e4 * float(np.finfo(np.float64).eps)
"""Of the objective in the last step, relative; below it the search ends."""
_LEAST_PROMISE: Final = 1e7 * float(np.finfo(np.float64).eps)
"""The same of what the slope promises of the next step."""
_MARGIN: Final = 0.01
_HALVE_EVERY: Final = 5


@dataclass(frozen=True, slots=True)
class Visited:
    """A point with the value and the gradient of the objective."""

    x: Vector
    value: float
    gradient: Vector


Objective = Callable[[Vector], Visited]


@dataclass(frozen=True, slots=True)
class _Trial:
    """A point at some length along a direction."""

    length: float
    at: Visited
    slope: float


@dataclass(frozen=True, slots=True)
class _Line:
    objective: Objective
    origin: Visited
    direction: Vector

    @property
    def start(self) -> _Trial:
        return _Trial(0.0, self.origin, float(self.origin.gradient @ self.direction))

    def at(self, length: float) -> _Trial:
        visited = self.objective(self.origin.x + length * self.direction)
        return _Trial(length, visited, float(visited.gradient @ self.direction))


def lbfgs(objective: Objective, x: Vector, *, steps: int) -> Vector:
    """Return the point where the search from `x` ends, after so many steps at most."""
    here, pairs = objective(x), deque[tuple[Vector, Vector]](maxlen=_MEMORY)
    length, direction = _FIRST_LENGTH, -here.gradient
    for _ in range(steps):
        line = _Line(objective, here, direction)
        found = _search(line, length)
        if found is None and pairs:
            pairs.clear()
            direction, length = -here.gradient, _FIRST_LENGTH
            continue
        if found is None:
            break
        there, is_first = found.at, not pairs
        pairs.append((there.x - here.x, there.gradient - here.gradient))
        change = abs(here.value - there.value) / max(abs(here.value), abs(there.value), 1.0)
        step, turn = pairs[-1]
        stretch = float(turn @ turn) / float(step @ turn) if is_first else 1.0
        length = min(1.0, 1.01 * _cubic(line.start, found, stretch, least=_LEAST_LENGTH, most=1.0))
        here, direction = there, -_scaled(there.gradient, pairs)
        promise = abs(float(here.gradient @ direction)) / max(abs(here.value), 1.0)
        if change < _LEAST_CHANGE or promise < _LEAST_PROMISE:
            break
    return here.x


def _scaled(gradient: Vector, pairs: deque[tuple[Vector, Vector]]) -> Vector:
    """Return the gradient times the inverse of the curvature that the last steps have shown."""
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
    """Return a trial that fulfils the strong Wolfe conditions, or None."""
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


def _cubic(start: _Trial, found: _Trial, stretch: float, *, least: float, most: float) -> float:
    """Return where in [least, most] the cubic through a step's two ends is lowest: the next step's length.

    Lengths count in directions that are shorter than the step's by `stretch`.
    """
    x, df0, df1 = found.length * stretch, start.slope / stretch, found.slope / stretch
    rise = found.at.value - start.at.value
    a = (df0 + df1 - 2 * rise / x) / (x * x)
    b = (3 * rise / x - 2 * df0 - df1) / x
    lengths = [least, most]
    square = b * b - 3 * a * df0
    if a and square >= 0:
        lengths += [
            length for sign in (1, -1) if least <= (length := (-b + sign * sqrt(square)) / (3 * a)) <= most
        ]
    return min(lengths, key=lambda length: ((a * length + b) * length + df0) * length)
