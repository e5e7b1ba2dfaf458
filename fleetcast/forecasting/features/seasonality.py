"""Seasonalities: which ones a history gets; Fourier features, fast for the fit, exact for the forecast."""

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
    """One seasonal component, as Prophet's `add_seasonality` takes it; the period is in days."""

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
    """Return the added seasonalities and the built-in ones the history `ds` (ascending) calls for.

    Yearly needs two years; weekly two weeks and a spacing below a week; daily two days and a spacing below
    a day.  An argument other than "auto" overrules that, and replaces an added seasonality of the same name.
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
    if argument == "auto":
        return 0 if disabled else default
    if isinstance(argument, bool):
        return default if argument else 0
    return argument


def _smallest_step(ds: Stamps) -> int:
    return least_step(ds) or least_step(np.unique(ds))


def days(ds: Stamps) -> Vector:
    """Return days since 1970, rounded as pandas rounds them."""
    return ds / SECOND / 86_400


def fill_fourier_rows(out: Matrix, t: Vector, *, period: float) -> None:
    """Fill `out` of shape (2 * order, len(t)) with sin(2πkt / period), cos(2πkt / period), k = 1..order.

    `t` and `period` are in days.  Harmonics come from the first one by the angle addition
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
    """Fill `out` of shape (2 * orders, len(ds)) with the Fourier rows of each seasonality in turn.

    Where `ds` (ascending) is regular and a period is a whole number of its steps, one cycle is computed
    and then repeated.
    """
    t, row = days(ds), 0
    step = least_step(ds)
    regular = step > 0 and step * (ds.size - 1) == ds[-1] - ds[0]
    for seasonality in seasonalities:
        rows = out[row : row + 2 * seasonality.fourier_order]
        cycle = seasonality.period * DAY / step if regular else ds.size
        if cycle < ds.size / 2 and cycle == int(cycle):
            rows[:, : int(cycle)] = _fourier_rows(t[: int(cycle)], seasonality)
            _repeat(rows, int(cycle))
        else:
            fill_fourier_rows(rows, t, period=seasonality.period)
        row += len(rows)


def _fourier_rows(t: Vector, seasonality: Seasonality) -> Matrix:
    rows = np.empty((2 * seasonality.fourier_order, t.size))
    fill_fourier_rows(rows, t, period=seasonality.period)
    return rows


def _repeat(rows: Matrix, cycle: int) -> None:
    """Repeat the first `cycle` columns over all of them, doubling what is there."""
    done, columns = cycle, rows.shape[1]
    while done < columns:
        more = min(done, columns - done)
        rows[:, done : done + more] = rows[:, :more]
        done += more


def harmonics(seasonalities: Iterable[Seasonality]) -> Vector:
    """Return k / period for k = 1..order of each seasonality in turn, in 1 / days."""
    factors = [np.arange(1, s.fourier_order + 1) / s.period for s in seasonalities]
    return np.concatenate(factors) if factors else np.empty(0)


def fourier_series(t: Vector, frequencies: Vector) -> Matrix:
    """Return the seasonal features of `t`, shape (len(t), 2 * len(frequencies)): sine, cosine for each.

    `t` in days, `frequencies` in 1 / days.  The angle is (k / period)·(2π·t), rounded in Prophet's order.
    """
    angle = np.multiply.outer(np.pi * 2 * t, frequencies)
    features = np.empty((t.size, 2 * frequencies.size))
    np.sin(angle, out=features[:, 0::2])
    np.cos(angle, out=features[:, 1::2])
    return features
