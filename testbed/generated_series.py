"""Series of every kind that Prophet takes, one for each seed."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from testbed.stock_cases import Case

FREQUENCIES: Final = {
    "5min": 3000,
    "15min": 3000,
    "30min": 3000,
    "h": 3000,
    "3h": 3000,
    "6h": 3000,
    "12h": 3000,
    "D": 3000,
    "B": 2500,
    "W-SUN": 1000,
    "2W-WED": 400,
    "MS": 400,
    "QS": 150,
}
"""Thirteen steps between readings, and the most readings of each."""
COUNTRIES: Final = ("US", "DE", "GB", "IN")
DAY: Final = pd.Timedelta("1D")
CLOSED_SHARE: Final = 0.45


@dataclass(frozen=True)
class Generated:
    """A series, its model, and timestamps whose weekday, hour or month no reading has."""

    case: Case
    closed: str
    """What no reading has: "weekdays", "hours", "months", or "" for nothing."""
    unseen: pd.DatetimeIndex
    """Timestamps of that kind between the readings, and soon after the last."""


def generated(seed: int) -> Generated:
    """Return the series of a seed: the same on every machine."""
    draw = np.random.default_rng([20, seed])
    freq = str(draw.choice(list(FREQUENCIES)))
    rows = int(np.exp(draw.uniform(np.log(2), np.log(FREQUENCIES[freq] + 1))))
    closed = _closed(draw, freq)
    all_dates = pd.date_range(_start(draw), periods=4 * rows + 400, freq=freq)
    shut = _is_shut(draw, all_dates, closed)
    if shut.all():
        closed, shut = "", np.zeros(len(all_dates), np.bool_)
    ds = all_dates[~shut]
    ds = ds[_with_gaps(draw, rows, len(ds))]
    near = all_dates[(all_dates > ds[0]) & (all_dates < ds[-1] + min(28 * DAY, (ds[-1] - ds[0]) / 10)) & shut]
    frame, arguments, seasonalities, regressors = _model(draw, ds)
    country = str(draw.choice(COUNTRIES)) if draw.random() < 0.15 else None
    case = Case(frame.copy, arguments, seasonalities, regressors, country, freq)
    return Generated(case, closed, near[:: max(1, len(near) // 200)])


def future(of: Case, ds: pd.DatetimeIndex) -> pd.DataFrame:
    """Return the rows of these timestamps with values that the history has."""
    history = of.frame()
    frame = pd.DataFrame({"ds": ds})
    for name in history.columns.difference(["ds", "y", "workday"]):
        frame[name] = np.resize(history[name].to_numpy(), len(frame))
    if "workday" in history:
        frame["workday"] = frame.ds.dt.day_of_week < 5
    return frame


def _start(draw: Generator) -> pd.Timestamp:
    return pd.Timestamp("1995-01-01") + int(draw.integers(0, 10_000)) * DAY


def _closed(draw: Generator, freq: str) -> str:
    kinds = []
    if freq not in {"MS", "QS", "W-SUN", "2W-WED"}:
        kinds = ["weekdays", "months"]
    if freq in {"5min", "15min", "30min", "h", "3h"}:
        kinds.append("hours")
    return str(draw.choice(kinds)) if kinds and draw.random() < CLOSED_SHARE else ""


def _is_shut(draw: Generator, ds: pd.DatetimeIndex, closed: str) -> NDArray[np.bool_]:
    if closed == "weekdays":
        return np.isin(ds.day_of_week, draw.choice(7, int(draw.integers(1, 4)), replace=False))
    if closed == "hours":
        first = int(draw.integers(5, 10))
        return np.asarray((ds.hour < first) | (ds.hour >= first + int(draw.integers(6, 14))))
    if closed == "months":
        return np.isin(ds.month, (int(draw.integers(12)) + np.arange(draw.integers(2, 6))) % 12 + 1)
    return np.zeros(len(ds), np.bool_)


def _with_gaps(draw: Generator, rows: int, available: int) -> NDArray[np.int_]:
    """Return the places of the readings: all, a random part, or all but a long gap."""
    kind = draw.random()
    if kind < 0.7 or rows < 5:
        return np.arange(min(rows, available))
    if kind < 0.85:
        return np.sort(draw.choice(min(available, 2 * rows), min(rows, available), replace=False))
    gap = int(draw.integers(1, rows))
    places = np.concatenate((np.arange(rows // 2), rows // 2 + gap + np.arange(rows - rows // 2)))
    return places[places < available]


def _readings(draw: Generator, ds: pd.DatetimeIndex) -> NDArray[np.float64]:
    """Return readings with a bent trend, a week, a day, a year and noise, of any level and size."""
    days = (ds - ds[0]) / DAY
    t = np.asarray(days / max(days[-1], 1e-9))
    curve = draw.normal() * t + np.maximum(t - draw.random(), 0) * draw.normal(0, 2)
    for period in (7.0, 1.0, 365.25):
        curve = curve + draw.choice([0.0, 0.2, 1.0]) * np.sin(2 * np.pi * days / period + draw.uniform(0, 6))
    noise = draw.choice([0.02, 0.2, 0.2, 1.0]) * draw.normal(size=len(ds))
    level = draw.choice([0.0, 3.0, 10.0, 50.0]) * draw.choice([1.0, 1.0, 1.0, -1.0])
    y = np.asarray((level + curve + noise) * 10 ** draw.uniform(-3, 5))
    kind = draw.random()
    if kind < 0.02:
        return np.full(len(ds), y[0])
    return np.round(y) if kind < 0.15 else y


def _model(draw: Generator, ds: pd.DatetimeIndex) -> tuple[pd.DataFrame, dict[str, Any], Any, Any]:
    frame = pd.DataFrame({"ds": ds, "y": _readings(draw, ds)})
    modes = ["additive", "multiplicative"]
    arguments: dict[str, Any] = {
        "growth": str(draw.choice(["linear", "linear", "flat", "logistic"])),
        "seasonality_mode": str(draw.choice(modes)),
        "scaling": str(draw.choice(["absmax", "absmax", "absmax", "minmax"])),
        "uncertainty_samples": 0,
    }
    for name in ("yearly_seasonality", "weekly_seasonality", "daily_seasonality"):
        arguments[name] = [*["auto"] * 4, True, False, int(draw.integers(1, 12))][int(draw.integers(7))]
    if draw.random() < 0.3:
        arguments["changepoint_prior_scale"] = float(10 ** draw.uniform(-3, 0))
        arguments["n_changepoints"] = int(draw.integers(1, 40))
    if draw.random() < 0.3:
        arguments["holidays"] = _holidays(draw, ds)
        arguments["holidays_mode"] = str(draw.choice(modes))
    if arguments["growth"] == "logistic":
        _limit(draw, frame)
    regressors = _regressors(draw, frame) if draw.random() < 0.35 else ()
    seasonalities: tuple[dict[str, Any], ...] = ()
    if draw.random() < 0.15:
        frame["workday"] = frame.ds.dt.day_of_week < 5
        condition = {"condition_name": "workday", "mode": str(draw.choice(modes))}
        seasonalities = ({"name": "workweek", "period": 7, "fourier_order": 2, **condition},)
    return frame, arguments, seasonalities, regressors


def _limit(draw: Generator, frame: pd.DataFrame) -> None:
    """Add a cap above all readings, fixed or moving, and now and then a floor below them."""
    low, high = float(frame.y.min()), float(frame.y.max())
    room = (high - low) or abs(high) or 1.0
    if low <= 0 or draw.random() < 0.3:
        frame["floor"] = low - draw.uniform(0.1, 1) * room
    moving = np.linspace(0, draw.choice([0.0, 0.0, 1.0]) * room, len(frame))
    frame["cap"] = high + draw.uniform(0.05, 2) * room + moving


def _holidays(draw: Generator, ds: pd.DatetimeIndex) -> pd.DataFrame:
    count = int(draw.integers(1, 12))
    days = ds[draw.integers(0, len(ds), count)].normalize()
    names = draw.choice(["fair", "race", "closing"], count)
    table = pd.DataFrame({"ds": days, "holiday": names}).drop_duplicates()
    return table.assign(lower_window=-int(draw.integers(0, 3)), upper_window=int(draw.integers(0, 3)))


def _regressors(draw: Generator, frame: pd.DataFrame) -> tuple[dict[str, Any], ...]:
    """Add one to three columns that explain some of the readings."""
    size, rows = float(frame.y.std()) if len(frame) > 1 else 0.0, len(frame)
    base = draw.normal(5, 3, rows)
    columns = {
        "temperature": base,
        "open": (draw.random(rows) < 0.3).astype(float),
        "tiny": 1e-3 * draw.normal(size=rows),
        "alike": base + draw.choice([0.0, 1e-4, 0.1]) * draw.normal(size=rows),
    }
    names = draw.choice(list(columns), int(draw.integers(1, 4)), replace=False)
    declared = []
    for name in map(str, names):
        frame[name] = columns[name]
        spread = float(columns[name].std()) or 1.0
        frame["y"] += draw.choice([0.0, 0.5]) * size * columns[name] / spread
        mode = str(draw.choice(["additive", "multiplicative"]))
        raw = {"standardize": False} if name == "tiny" else {}
        declared.append({"name": name, "mode": mode, **raw})
    if "cap" in frame:
        frame["cap"] = np.maximum(frame.cap, frame.y + 0.01 * (size or 1))
    if "floor" in frame:
        frame["floor"] = min(float(frame.floor.iloc[0]), float(frame.y.min()) - 0.01 * (size or 1))
    return tuple(declared)
