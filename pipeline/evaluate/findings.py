"""What is wrong with the new readings of one customer: few kinds, each with its number and a sentence."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from fleetcast.errors import FutureError
from fleetcast.forecasting.members import steps_ahead
from fleetcast.readings.customer import Readings, Vector
from train.customer import freq_of

KINDS: Final[Mapping[str, str]] = {
    "gaps": "steps without a reading, from the archive's end to the last new reading",
    "duplicates": "new readings at a time that another one has",
    "negative": "new readings below 0, where the history has none",
    "constant": "new readings that all have one value, where the history has several",
    "level": "mean size of new readings, as a multiple of the forecasts', where that is above 3 or below 1/3",
    "spacing": "new readings, where they come at other steps than those of the training",
    "rows left out": "rows without a value of a regressor or condition that the model needs",
    "no naive forecast": "readings up to the archive's end, where they do not suffice for a naive forecast",
}
"""What the number of each kind counts."""
LEAST_READINGS: Final = 10
"""Fewest new readings from which spacing, level and constancy are judged."""
MOST_RATIO: Final = 3.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of a kind in `KINDS`."""

    kind: str
    number: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What findings come from."""

    after: Readings
    """The new readings, ascending in time, at least one."""
    yhat: Vector
    """Their forecasts."""
    last: int
    """The time of the archive's last reading, in microseconds since 1970."""
    freq: str | None
    """The step of the training."""
    history: Readings | None
    """Readings up to the archive's end, where there are any."""
    is_never_negative: bool
    """Whether the training set `non_negative`: its forecasts are never below 0."""


def findings(evidence: Evidence) -> Iterator[Finding]:
    """Yield what is wrong, in the order of `KINDS`."""
    after, count = evidence.after, len(evidence.after.ds)
    spacing = _spacing(evidence)
    if not spacing and (missing := _missing_steps(evidence)):
        yield Finding("gaps", missing, f"{missing} steps of {evidence.freq!r} have no reading")
    if repeated := count - len(np.unique(after.ds)):
        yield Finding(
            "duplicates", repeated, f"{repeated} of {count} readings are at a time that another has"
        )
    negative = int((after.y < 0).sum())
    if negative and _has_no_negative(evidence):
        yield Finding(
            "negative", negative, f"{negative} of {count} readings are below 0, and none was before"
        )
    if count >= LEAST_READINGS:
        yield from _of_values(evidence)
    if spacing:
        yield Finding("spacing", count, spacing)
    if left_out := after.dropped_rows:
        yield Finding("rows left out", left_out, after.notes[-1])


def _of_values(evidence: Evidence) -> Iterator[Finding]:
    y, history = evidence.after.y, evidence.history
    was_constant = history is not None and bool((history.y == history.y[0]).all())
    if (y == y[0]).all() and not was_constant:
        yield Finding("constant", len(y), f"all {len(y)} readings are {y[0]:g}")
    with np.errstate(over="ignore"):
        size, expected = float(np.abs(y).mean()), float(np.abs(evidence.yhat).mean())
    ratio = size / expected if expected > 0 else 1.0
    if np.isfinite(ratio) and not 1 / MOST_RATIO <= ratio <= MOST_RATIO:
        rounded = float(f"{ratio:.3g}")
        yield Finding(
            "level", rounded, f"the readings are {size:.4g} in the mean, the forecasts {expected:.4g}"
        )


def _spacing(evidence: Evidence) -> str:
    """Return a sentence about the step of the readings; empty where it is that of the training."""
    if evidence.freq is None or len(evidence.after.ds) < LEAST_READINGS:
        return ""
    found = freq_of(evidence.after.ds)
    if found in {None, evidence.freq}:
        return ""
    return f"its readings come every {found!r}, and came every {evidence.freq!r} in the training"


def _missing_steps(evidence: Evidence) -> int:
    """Return how many steps after the archive's end, up to the last reading, have no reading."""
    if evidence.freq is None:
        return 0
    try:
        steps = steps_ahead(evidence.last, evidence.after.ds.view(np.int64), evidence.freq)
    except FutureError:
        return 0
    places = np.unique(np.rint(steps))
    return int(places[-1]) - int((places > 0).sum())


def _has_no_negative(evidence: Evidence) -> bool:
    if evidence.history is None:
        return evidence.is_never_negative
    return float(evidence.history.y.min()) >= 0
