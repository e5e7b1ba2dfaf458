"""The geometry of pictures: a histogram, and a customer's readings with the model's forecast.

All coordinates are in the units of an SVG image of `WIDTH` times `HEIGHT`, which the page's template draws.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fleetcast.readings.customer import Vector
from train.report.series import Series

WIDTH: Final = 640
HEIGHT: Final = 260
LEFT: Final = 72
"""Where the plot begins; the labels of its values stand before it."""
RIGHT: Final = WIDTH - 24
TOP: Final = 16
BOTTOM: Final = HEIGHT - 46
BARS: Final = 40
TICKS: Final = 4
_THOUSANDS: Final = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle by its left upper corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Label:
    """A text beside or below the plot."""

    at: float
    """x of a label below the plot, y of one beside it."""
    text: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often which value occurs."""

    bars: Sequence[Bar]
    below: Sequence[Label]
    beside: Sequence[Label]


@dataclass(frozen=True, slots=True)
class ForecastPicture:
    """Readings as dots, the forecast as a line, its interval as a band."""

    dots: Sequence[tuple[float, float]]
    line: str
    """Points as SVG writes them: `x,y x,y`."""
    band: str
    below: Sequence[Label]
    beside: Sequence[Label]


def histogram(values: Sequence[float]) -> Histogram:
    """Return the histogram of `values`, all 0 or more; the last bar counts the largest hundredth."""
    top = float(np.quantile(values, 0.99)) or 1.0
    counts, edges = np.histogram(np.minimum(values, top), bins=BARS, range=(0.0, top))
    x, y = _scaled(edges, LEFT, RIGHT), _scaled(counts, BOTTOM, TOP, from_zero=True)
    return Histogram(
        bars=[
            Bar(left, height, right - left - 1, BOTTOM - height)
            for left, right, height in zip(x, x[1:], y, strict=False)
        ],
        below=_labels(x[:: BARS // TICKS], [f"{edge:.2g}" for edge in edges[:: BARS // TICKS]]),
        beside=_labels([BOTTOM, TOP], ["0", short(counts.max())]),
    )


def forecast_picture(series: Series) -> ForecastPicture:
    """Return the picture of a customer's readings and forecast."""
    rows, times = len(series.ds), len(series.times)
    clock = np.concatenate([series.ds, series.times]).astype("datetime64[s]").astype(np.float64)
    values = np.concatenate([series.y, series.yhat, series.lower, series.upper])
    x, level = _scaled(clock, LEFT, RIGHT), _scaled(values, BOTTOM, TOP)
    readings, line, lower, upper = np.split(level, np.cumsum([rows, times, times]))
    ahead = x[rows:]
    return ForecastPicture(
        dots=list(zip(x[:rows].tolist(), readings.tolist(), strict=True)),
        line=_points(ahead, line),
        band=_points(np.concatenate([ahead, ahead[::-1]]), np.concatenate([lower, upper[::-1]])),
        below=_labels([x[0], x[rows - 1]], [str(series.ds[0])[:10], str(series.ds[-1])[:10]]),
        beside=_labels([BOTTOM, TOP], [short(values.min()), short(values.max())]),
    )


def short(value: float) -> str:
    """Return a number in a few characters, such as `1.23M`."""
    rounded = float(f"{value:.3g}")
    for unit, letter in _THOUSANDS:
        if unit <= abs(rounded) < 1e12:  # noqa: PLR2004 -- above, no letter is known well enough
            return f"{rounded / unit:.3g}{letter}"
    return f"{rounded:.3g}"


def _scaled(values: NDArray[np.generic], start: float, end: float, *, from_zero: bool = False) -> Vector:
    """Return the values mapped from their range, or from 0 to their largest, to `start` ... `end`."""
    numbers = np.asarray(values, dtype=np.float64)
    low = 0.0 if from_zero else float(numbers.min())
    span = float(numbers.max()) - low or 1.0
    return start + (numbers - low) / span * (end - start)


def _points(x: Vector, y: Vector) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def _labels(places: Iterable[float], texts: Iterable[str]) -> list[Label]:
    return [Label(place, text) for place, text in zip(places, texts, strict=True)]
