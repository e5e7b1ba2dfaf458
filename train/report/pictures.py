"""The geometry of pictures: histograms, a reliability diagram, a customer's readings and forecast.

All coordinates are in the units of an SVG image, which the page's template draws.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fleetcast.readings.customer import Vector
from train.comparison import MOST_RATIO, PARTS_PER_UNIT
from train.report.series import Series

BARS: Final = 40
TICKS: Final = 4
_THOUSANDS: Final = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True, slots=True)
class Area:
    """The size of an image, and the plot inside; labels stand left of it and below."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int


WIDE: Final = Area(width=640, height=260, left=72, right=616, top=16, bottom=214)
SQUARE: Final = Area(width=300, height=300, left=48, right=286, top=16, bottom=254)
"""Of a reliability diagram."""


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
    """How often which value occurs; values below 1 are good."""

    bars: Sequence[Bar]
    one: float | None
    """x of the value 1; None where the picture ends before it."""
    below: Sequence[Label]
    beside: Sequence[Label]


@dataclass(frozen=True, slots=True)
class ReliabilityDiagram:
    """Shares of readings in the intervals of each probability, and the diagonal where they should be."""

    points: Sequence[tuple[float, float]]
    line: str
    """The points as SVG writes them."""
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
    return _bars(counts, edges, [f"{edge:.2g}" for edge in edges[:: BARS // TICKS]])


def ratio_histogram(ratios: Mapping[int, int]) -> Histogram:
    """Return the histogram of `Comparison.ratios`, at least one: from 0 to 2, then a bar of all above."""
    most = int(MOST_RATIO * PARTS_PER_UNIT)
    counts = np.array([ratios.get(part, 0) for part in range(most + 1)])
    edges = np.arange(most + 2) / PARTS_PER_UNIT
    ticks = [f"{edge:g}" for edge in edges[: most + 1 : most // TICKS]]
    return _bars(counts, edges, [*ticks[:-1], f"{ticks[-1]}+"])


def reliability_diagram(coverage: Mapping[float, float]) -> ReliabilityDiagram:
    """Return the diagram of shares by probability, both from 0 to 1."""
    width, height = SQUARE.right - SQUARE.left, SQUARE.bottom - SQUARE.top
    ticks = np.array([0.0, 0.5, 1.0])
    probability = np.array(sorted(coverage))
    share = np.array([coverage[each] for each in probability.tolist()])
    x, y = SQUARE.left + probability * width, SQUARE.bottom - share * height
    return ReliabilityDiagram(
        points=list(zip(x.tolist(), y.tolist(), strict=True)),
        line=_points(x, y),
        below=_labels(SQUARE.left + ticks * width, [f"{tick:.0%}" for tick in ticks]),
        beside=_labels(SQUARE.bottom - ticks * height, [f"{tick:.0%}" for tick in ticks]),
    )


def forecast_picture(series: Series) -> ForecastPicture:
    """Return the picture of a customer's readings and forecast."""
    rows, times = len(series.ds), len(series.times)
    clock = np.concatenate([series.ds, series.times]).astype("datetime64[s]").astype(np.float64)
    values = np.concatenate([series.y, series.yhat, series.lower, series.upper])
    x, level = _scaled(clock, WIDE.left, WIDE.right), _scaled(values, WIDE.bottom, WIDE.top)
    readings, line, lower, upper = np.split(level, np.cumsum([rows, times, times]))
    ahead = x[rows:]
    return ForecastPicture(
        dots=list(zip(x[:rows].tolist(), readings.tolist(), strict=True)),
        line=_points(ahead, line),
        band=_points(np.concatenate([ahead, ahead[::-1]]), np.concatenate([lower, upper[::-1]])),
        below=_labels([x[0], x[rows - 1]], [str(series.ds[0])[:10], str(series.ds[-1])[:10]]),
        beside=_labels([WIDE.bottom, WIDE.top], [short(values.min()), short(values.max())]),
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


def _bars(counts: NDArray[np.int64], edges: Vector, ticks: Sequence[str]) -> Histogram:
    """Return the bars of the counts between `edges`, with a tick at the first edge and at equal distances."""
    x, y = _scaled(edges, WIDE.left, WIDE.right), _scaled(counts, WIDE.bottom, WIDE.top, from_zero=True)
    one = WIDE.left + (WIDE.right - WIDE.left) / float(edges[-1])
    return Histogram(
        bars=[
            Bar(left, height, right - left - 1, WIDE.bottom - height)
            for left, right, height in zip(x, x[1:], y, strict=False)
        ],
        one=one if one < WIDE.right else None,
        below=_labels(x[:: BARS // TICKS], ticks),
        beside=_labels([WIDE.bottom, WIDE.top], ["0", short(counts.max())]),
    )


def _points(x: Vector, y: Vector) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def _labels(places: Iterable[float], texts: Iterable[str]) -> list[Label]:
    return [Label(place, text) for place, text in zip(places, texts, strict=True)]
