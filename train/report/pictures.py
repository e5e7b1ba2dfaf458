"""Pictures as SVG text: a histogram, and a customer's readings with the model's forecast."""

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from fleetcast.readings.customer.readings import Vector

WIDTH, HEIGHT, MARGIN = 860, 220, 44
INK, MUTED, ACCENT = "#1f2933", "#9aa5b1", "#c2410c"
TICKS = 4


def histogram(values: Sequence[float], *, title: str, bins: int = 40) -> str:
    """Return how often which value occurs, the largest hundredth gathered in the last bar."""
    top = float(np.quantile(values, 0.99)) or 1.0
    counts, edges = np.histogram(np.minimum(values, top), bins=bins, range=(0.0, top))
    x, y = _scale(edges, MARGIN, WIDTH - MARGIN), _scale(counts, HEIGHT - MARGIN, MARGIN, zero=True)
    bars = "".join(
        f'<rect x="{left:.1f}" y="{height:.1f}" width="{right - left - 1:.1f}" '
        f'height="{HEIGHT - MARGIN - height:.1f}" fill="{ACCENT}" fill-opacity="0.7"/>'
        for left, right, height in zip(x, x[1:], y, strict=False)
    )
    labels = (
        (place, f"{edge:.2g}")
        for place, edge in zip(x[:: bins // TICKS], edges[:: bins // TICKS], strict=True)
    )
    return _picture(title, bars + _labels_below(labels))


def forecast(  # noqa: PLR0913 -- one picture, all its parts by name
    *,
    title: str,
    ds: NDArray[np.datetime64],
    y: Vector,
    times: NDArray[np.datetime64],
    yhat: Vector,
    lower: Vector,
    upper: Vector,
) -> str:
    """Return the readings y at ds as dots, and yhat with its interval at `times`, ascending, as a band."""
    clock = np.concatenate([ds, times]).astype("datetime64[s]").astype(np.float64)
    x = _scale(clock, MARGIN, WIDTH - MARGIN)
    level = _scale(np.concatenate([y, yhat, lower, upper]), HEIGHT - MARGIN, MARGIN)
    seen, middle, low, high = np.split(level, np.cumsum([len(ds), len(times), len(times)]))
    band = _points(np.concatenate([x[len(ds) :], x[len(ds) :][::-1]]), np.concatenate([low, high[::-1]]))
    dots = "".join(
        f'<circle cx="{a:.1f}" cy="{b:.1f}" r="1.5"/>' for a, b in zip(x[: len(ds)], seen, strict=True)
    )
    line = _points(x[len(ds) :], middle)
    parts = [
        f'<polygon points="{band}" fill="{ACCENT}" fill-opacity="0.18"/>',
        f'<g fill="{MUTED}">{dots}</g>',
        f'<polyline points="{line}" fill="none" stroke="{ACCENT}" stroke-width="1.5"/>',
        _labels_below([(x[0], str(ds[0])[:10]), (x[len(ds) - 1], str(ds[-1])[:10])]),
        _labels_beside(level, np.concatenate([y, yhat, lower, upper])),
    ]
    return _picture(title, "".join(parts))


def _scale(values: NDArray[np.generic], start: float, end: float, *, zero: bool = False) -> Vector:
    numbers = np.asarray(values, dtype=np.float64)
    low = 0.0 if zero else float(numbers.min())
    span = float(numbers.max()) - low or 1.0
    return start + (numbers - low) / span * (end - start)


def _points(x: Vector, y: Vector) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))


def _labels_below(labels: Iterable[tuple[float, str]]) -> str:
    return "".join(
        f'<text x="{x:.0f}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">{escape(text)}</text>'
        for x, text in labels
    )


def _labels_beside(places: Vector, values: Vector) -> str:
    ends = (int(values.argmin()), int(values.argmax()))
    return "".join(
        f'<text x="{MARGIN - 6}" y="{places[end] + 4:.0f}" text-anchor="end">{values[end]:.4g}</text>'
        for end in ends
    )


def _picture(title: str, content: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}" '
        f'font-family="sans-serif" font-size="11" fill="{INK}">'
        f'<text x="{MARGIN}" y="18" font-size="13">{escape(title)}</text>{content}</svg>'
    )
