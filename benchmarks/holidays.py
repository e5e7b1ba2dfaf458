"""Forecasts of a holiday by jobs that know it and jobs that do not, for old customers and new ones.

    make bench-holidays

Two made-up fleets have a feast that all customers know and that comes every few weeks: offices by the hour,
which are as empty on a feast as on a Sunday, and shops by the day, which sell more, each by a factor of its
own.  Every fifth customer is new: its few days of readings have no feast.  The readings to forecast have one.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks._report import RESULTS, about
from fleetcast.archive import SUFFIX, unpack
from fleetcast.forecasting import ForecastOptions, forecast, loads
from fleetcast.forecasting.arrays import Flags, Vector

ROOT: Final = Path(__file__).resolve().parents[1]
FIRST: Final = np.datetime64("2024-01-01")
"""A Monday."""
NEW_EVERY: Final = 5
JOBS: Final = {
    "methods of each customer, with the effect of its own Prophet model": ("0", True),
    "with the model of all customers, without the holiday": ("0.7", False),
    "with the model of all customers, with the holiday": ("0.7", True),
}
EXPLANATION: Final = """\
Means over customers of the MASE: of all steps of the horizon, and of those on the feast. Old customers have
all readings, new ones the last few days.
"""


@dataclass(frozen=True)
class Fleet:
    """The readings of customers, of which the last `horizon` are to be forecast."""

    name: str
    times: np.ndarray[Any, np.dtype[np.datetime64]]
    y: Sequence[Vector]
    is_feast: Flags
    horizon: int
    season: int
    """Steps of the season of the MASE."""
    new: int
    """Number of readings of a new customer."""


def offices(customers: int, days: int = 120) -> Fleet:
    """Return offices by the hour."""
    random = np.random.default_rng(1)
    hours = np.arange(24 * (days + 2))
    day, hour = hours // 24, hours % 24
    is_feast = np.isin(day, [17, 39, 57, 75, 92, days + 1])
    readings = []
    for _ in range(customers):
        a, b, c, d = random.normal(size=4) * (1, 1, 0.5, 0.5)
        angle = hour * np.pi / 12
        profile = 4 + a * np.sin(angle) + b * np.cos(angle) + c * np.sin(2 * angle) + d * np.cos(2 * angle)
        is_empty = np.isin(day % 7, (5, 6)) | is_feast
        y = profile * np.where(is_empty, random.uniform(0.3, 0.9), 1.0) + _noise(
            random, hours.size, 0.8, 0.25
        )
        readings.append(y * np.exp(random.normal()))
    times = (FIRST + hours.astype("timedelta64[h]")).astype("datetime64[us]")
    return Fleet("offices by the hour", times, readings, is_feast, 48, 24, 7 * 24)


def shops(customers: int, days: int = 500) -> Fleet:
    """Return shops by the day."""
    random = np.random.default_rng(2)
    day = np.arange(days + 14)
    is_feast = np.isin(day, [*range(40, days - 30, 44), days + 5])
    readings = []
    for _ in range(customers):
        week = np.maximum(1 + 0.25 * random.normal(size=7), 0.2)
        lift = 1 + random.lognormal(-0.5, 0.35) * is_feast
        y = week[day % 7] * lift * np.exp(_noise(random, day.size, 0.6, 0.09))
        readings.append(y * np.exp(random.normal(3, 1)))
    times = (FIRST + day.astype("timedelta64[D]")).astype("datetime64[us]")
    return Fleet("shops by the day", times, readings, is_feast, 14, 7, 24)


def _noise(random: np.random.Generator, size: int, memory: float, spread: float) -> Vector:
    noise = random.normal(size=size) * spread
    for i in range(1, size):
        noise[i] += memory * noise[i - 1]
    return noise


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure both fleets, write holidays.json and holidays.md, and print the latter."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.holidays", description=__doc__)
    parser.add_argument("--customers", type=int, default=30, help="of each fleet (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder (default: %(default)s)")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    facts = about("make bench-holidays", packages=("numpy", "xgboost-cpu"))
    makers: tuple[Callable[[int], Fleet], ...] = (offices, shops)
    results = [measured(make(options.customers)) for make in makers]
    (options.results / "holidays.json").write_text(json.dumps(facts | {"results": results}, indent=1) + "\n")
    text = "".join(_markdown(facts, results))
    (options.results / "holidays.md").write_text(text)
    sys.stdout.write(text)


def measured(fleet: Fleet) -> dict[str, Any]:
    """Return the errors of each job's forecasts."""
    rows = {"seasonal naive": _errors(fleet, [_naive(fleet, y) for y in fleet.y])}
    for name, (share, knows) in JOBS.items():
        with tempfile.TemporaryDirectory() as folder:
            rows[name] = _errors(fleet, _job(Path(folder), fleet, share=share, knows=knows))
    return {"fleet": fleet.name, "customers": len(fleet.y), "rows": rows}


def _job(base: Path, fleet: Fleet, *, share: str, knows: bool) -> list[Vector]:
    """Return the forecasts of the archives that a job of `train` leaves."""
    end = len(fleet.times) - fleet.horizon
    for n, y in enumerate(fleet.y):
        path = base / f"input/data/train/c{n}/data.csv"
        path.parent.mkdir(parents=True)
        first = end - fleet.new if n % NEW_EVERY == 0 else 0
        rows = zip(fleet.times[first:end], y[first:end].tolist(), strict=True)
        path.write_text("ds,y\n" + "".join(f"{ds},{value:.6g}\n" for ds, value in rows))
    feasts = sorted({str(ds) for ds in fleet.times[fleet.is_feast].astype("datetime64[D]")})
    texts = {"models": "auto", "global_share": share, "backtest_horizon": str(fleet.horizon)}
    if knows:
        texts["holidays"] = json.dumps([{"ds": day, "holiday": "feast"} for day in feasts])
    path = base / "input/config/hyperparameters.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(texts))
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(base), "FLEETCAST_LOG_LEVEL": "WARNING"}
    subprocess.run([sys.executable, "-m", "train"], cwd=ROOT, env=environment, check=True)
    archives = [(base / "checkpoints" / f"c{n}{SUFFIX}").read_bytes() for n in range(len(fleet.y))]
    options = ForecastOptions(ds=fleet.times[end:])
    return [np.asarray(forecast(loads(str(unpack(each).model)), options)["yhat"]) for each in archives]


def _naive(fleet: Fleet, y: Vector) -> Vector:
    end = y.size - fleet.horizon
    return np.resize(y[end - fleet.season : end], fleet.horizon)


def _errors(fleet: Fleet, forecasts: Sequence[Vector]) -> dict[str, float]:
    """Return the mean MASE by customers, old or new, and by steps, all or those on the feast."""
    errors: dict[str, list[float]] = {}
    is_feast = fleet.is_feast[-fleet.horizon :]
    for n, (y, yhat) in enumerate(zip(fleet.y, forecasts, strict=True)):
        past = y[: -fleet.horizon]
        sizes = (
            np.abs(y[-fleet.horizon :] - yhat) / np.abs(past[fleet.season :] - past[: -fleet.season]).mean()
        )
        who = "old" if n % NEW_EVERY else "new"
        errors.setdefault(who, []).append(float(sizes.mean()))
        errors.setdefault(f"{who}, feast", []).append(float(sizes[is_feast].mean()))
    return {name: float(np.mean(each)) for name, each in errors.items()}


def _markdown(facts: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    machine = f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}"
    yield f"{facts['date']}, `{facts['command']}`: {machine}; {versions}.\n\n{EXPLANATION}"
    columns = ("old", "old, feast", "new", "new, feast")
    for result in results:
        yield f"\n**{result['fleet']}**: {result['customers']} customers\n\n"
        yield f"| forecast | {' | '.join(columns)} |\n| --- |{' --: |' * len(columns)}\n"
        for name, row in result["rows"].items():
            yield f"| {name} | {' | '.join(format(row[column], '.3f') for column in columns)} |\n"


if __name__ == "__main__":
    main()
