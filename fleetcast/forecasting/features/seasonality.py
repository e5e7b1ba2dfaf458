"""Seasonalities: which of them a history gets, and their Fourier features.

The fit uses a recurrence that is fast and within 1e-9 (`fill_fourier_rows`); a forecast uses Prophet's own
expressions, to the last bit (`fourier_series`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fleetcast.errors import SettingError
from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.calendar import DAY, SECOND, Stamps, least_step
from fleetcast.forecasting.features.reserved_names import BUILT_IN, check_name
from fleetcast.forecasting.limits import MOST_FOURIER_TERMS
from fleetcast.forecasting.option_checks import positive, whole
from fleetcast.forecasting.settings import Mode, Order, Settings, mode


@dataclass(frozen=True, slots=True)
class Seasonality:
    """One seasonal component, with the arguments of Prophet's `add_seasonality`; the period is in days."""

    name: str
    period: float
    fourier_order: int
    prior_scale: float
    mode: Mode
    condition_name: str | None = None


_ARGUMENTS = ("name", "period", "fourier_order", "prior_scale", "mode", "condition_name")


def added_seasonality(arguments: Mapping[str, Any], settings: Settings) -> Seasonality:
    """Return the seasonality of `add_seasonality`'s arguments; raises SettingError."""
    unknown = [name for name in arguments if name not in _ARGUMENTS]
    missing = [name for name in _ARGUMENTS[:3] if name not in arguments]
    if unknown or missing:
        raise SettingError(
            f"a seasonality has name, period, fourier_order and may have prior_scale, mode, condition_name; "
            f"{(unknown or missing)[0]!r} is {'none of them' if unknown else 'missing'}"
        )
    name, condition = arguments["name"], arguments.get("condition_name")
    scale = arguments.get("prior_scale")
    return Seasonality(
        name=name if name in BUILT_IN else check_name(name, kind="seasonality"),
        period=positive(f"period of {name!r}", arguments["period"]),
        fourier_order=whole(
            f"fourier_order of {name!r}", arguments["fourier_order"], least=1, most=MOST_FOURIER_TERMS
        ),
        prior_scale=settings.seasonality_prior_scale
        if scale is None
        else positive(f"prior_scale of {name!r}", scale),
        mode=mode(f"mode of {name!r}", arguments.get("mode") or settings.seasonality_mode),
        condition_name=None if condition is None else check_name(condition, kind="condition", taken=(name,)),
    )


def with_automatic(
    added: Sequence[Seasonality], ds: Stamps, *, settings: Settings
) -> tuple[Seasonality, ...]:
    """Return the added seasonalities and the built-in ones that a history `ds`, ascending, gets.

    The yearly one needs two years; the weekly one two weeks and a spacing below a week; the daily one two
    days and a spacing below a day.  An argument other than "auto" overrules that, and replaces an added
    seasonality of the same name.
    """
    span = int(ds[-1] - ds[0])
    spacing = _smallest_step(ds)
    seasonalities = {seasonality.name: seasonality for seasonality in added}
    for name, period, argument, disable, terms in (
        ("yearly", 365.25, settings.yearly_seasonality, span < 730 * DAY, 10),
        ("weekly", 7, settings.weekly_seasonality, span < 14 * DAY or spacing >= 7 * DAY, 3),
        ("daily", 1, settings.daily_seasonality, span < 2 * DAY or spacing >= DAY, 4),
    ):
        order = _order(argument, disabled=disable or name in seasonalities, default=terms)
        if order:
            seasonalities[name] = Seasonality(
                name, period, order, settings.seasonality_prior_scale, settings.seasonality_mode
            )
    return tuple(seasonalities.values())


def _order(argument: Order, *, disabled: bool, default: int) -> int:
    """Return the number of Fourier terms of a built-in seasonality; 0 for none."""
    if argument == "auto":
        return 0 if disabled else default
    if isinstance(argument, bool):
        return default if argument else 0
    return argument


def _smallest_step(ds: Stamps) -> int:
    """Return the smallest step between different timestamps, in microseconds."""
    return least_step(ds) or least_step(np.unique(ds))


def days(ds: Stamps) -> Vector:
    """Return days since 1970, with the rounding of pandas."""
    return ds / SECOND / 86_400


def fill_fourier_rows(out: Matrix, t: Vector, *, period: float) -> None:
    """Fill `out`, shape (2 * order, N), with sin(2πkt / period) and cos(2πkt / period) for k = 1..order.

    `t`, shape (N,), and `period` are in days.  Higher harmonics follow from the first by the addition theorem
    sin((k+1)φ) = 2·cos φ·sin kφ − sin((k−1)φ), and the same for the cosine: within 1e-9 of `fourier_series`.
    """
    phase = t / period
    phase -= np.floor(phase)
    phase *= 2 * np.pi
    pairs = out.reshape(-1, 2, t.size)
    np.sin(phase, out=pairs[0, 0])
    np.cos(phase, out=pairs[0, 1])
    if len(pairs) == 1:
        return
    twice = 2 * pairs[0, 1]
    np.multiply(pairs[0], twice, out=pairs[1])
    pairs[1, 1] -= 1
    for k in range(2, len(pairs)):
        np.multiply(pairs[k - 1], twice, out=pairs[k])
        pairs[k] -= pairs[k - 2]


def fill_seasonal_rows(out: Matrix, ds: Stamps, seasonalities: Iterable[Seasonality]) -> None:
    """Fill `out`, shape (2 * sum of orders, N), with the Fourier rows of the seasonalities in order.

    If `ds`, ascending, has equal steps and a period is a whole number of them, one cycle is computed and
    repeated.
    """
    t, row = days(ds), 0
    step = least_step(ds)
    is_regular = step > 0 and step * (ds.size - 1) == ds[-1] - ds[0]
    for seasonality in seasonalities:
        rows = out[row : row + 2 * seasonality.fourier_order]
        cycle = seasonality.period * DAY / step if is_regular else ds.size
        if cycle < ds.size / 2 and cycle == int(cycle):
            rows[:, : int(cycle)] = _fourier_rows(t[: int(cycle)], seasonality)
            _repeat(rows, int(cycle))
        else:
            fill_fourier_rows(rows, t, period=seasonality.period)
        row += len(rows)


def _fourier_rows(t: Vector, seasonality: Seasonality) -> Matrix:
    """Return the rows that `fill_fourier_rows` fills."""
    rows = np.empty((2 * seasonality.fourier_order, t.size))
    fill_fourier_rows(rows, t, period=seasonality.period)
    return rows


def _repeat(rows: Matrix, cycle: int) -> None:
    """Copy the first `cycle` columns to all later ones, twice as many in each step."""
    done, columns = cycle, rows.shape[1]
    while done < columns:
        more = min(done, columns - done)
        rows[:, done : done + more] = rows[:, :more]
        done += more


def harmonics(seasonalities: Iterable[Seasonality]) -> Vector:
    """Return k / period for k = 1..order of each seasonality in order, in 1 / days."""
    factors = [np.arange(1, s.fourier_order + 1) / s.period for s in seasonalities]
    return np.concatenate(factors) if factors else np.empty(0)


def fourier_series(t: Vector, frequencies: Vector) -> Matrix:
    """Return a sine and a cosine for each frequency at the times `t`, shape (N, 2 * len(frequencies)).

    `t`, shape (N,), is in days, `frequencies` in 1 / days.  The angle is (k / period)·(2π·t), in Prophet's
    order of operations.
    """
    angle = np.multiply.outer(np.pi * 2 * t, frequencies)
    features = np.empty((t.size, 2 * frequencies.size))
    np.sin(angle, out=features[:, 0::2])
    np.cos(angle, out=features[:, 1::2])
    return features
