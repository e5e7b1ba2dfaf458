"""Customers with few readings on real hourly series, with another job's `fleet_statistics` and without them.

    make bench-fleet TABLES='a.csv.gz b.csv.gz'

A table has the columns unique_id, ds, y.  Half of its series are the fleet of the other half: they have all
readings before the last hours, the other series only a few of these.  Then both change places.  The last
hours are forecast, which no choice has seen.
"""

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from tqdm import tqdm

from benchmarks._report import RESULTS, about
from fleetcast.evaluation import LEAST_CUSTOMERS, FleetMeans, FleetSums, measure, naive_error
from fleetcast.forecasting import ForecastOptions, forecast
from fleetcast.readings.customer import Readings
from train.customer.estimate import estimate
from train.methods import Methods
from train.settings import TrainSettings

READINGS: Final = (30, 36, 48, 72, 168)
METHODS: Final = ("Prophet's model", "`auto`", "`auto`, `fleet_statistics`")
COLUMNS: Final = {
    "mase": ("MASE", ".2f"),
    "coverage": ("coverage of 80 %", ".2f"),
    "winkler": ("Winkler score", ".1f"),
}
EXPLANATION: Final = """\
Means over series. All figures but the coverage are in units of the naive error of the whole history. `auto`
has calibrated intervals.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each table, write few_readings.json and few_readings.md, and print the latter."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.few_readings", description=__doc__)
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("--every", type=int, default=1, help="measure every n-th series of each table")
    parser.add_argument("--hours", type=int, default=48, help="to forecast (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder (default: %(default)s)")
    options = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    command = f"make bench-fleet TABLES='{' '.join(path.name for path in options.tables)}'"
    command += f" EVERY={options.every}" if options.every > 1 else ""
    facts = about(command, packages=("numpy", "pandas")) | {"hours": options.hours}
    results = [measured(path, every=options.every, hours=options.hours) for path in options.tables]
    (options.results / "few_readings.json").write_text(
        json.dumps(facts | {"results": results}, indent=1) + "\n"
    )
    text = "".join(_markdown(facts, results))
    (options.results / "few_readings.md").write_text(text)
    sys.stdout.write(text)


def measured(path: Path, *, every: int, hours: int) -> dict[str, Any]:
    """Return the means over every n-th series of a table, by number of readings and by what forecasts."""
    table = pd.read_csv(path, parse_dates=["ds"])
    groups = [group for _, group in table.groupby("unique_id", sort=False)][::every]
    histories = [_history(group) for group in groups]
    auto = Methods.read({"models": "auto", "intervals": "calibrated", "backtest_horizon": str(hours)})
    halves = (histories[::2], histories[1::2])
    fleets = [_fleet(half, TrainSettings(methods=auto), hours) for half in halves]
    rows: dict[tuple[int, str], list[dict[str, float]]] = {}
    for half, fleet in zip(halves, reversed(fleets), strict=True):
        with_fleet = replace(auto, combine=auto.combine and replace(auto.combine, fleet=fleet))
        compared = dict(zip(METHODS, (Methods(), auto, with_fleet), strict=True))
        for history in tqdm(half, path.name):
            for readings in READINGS:
                for name, methods in compared.items():
                    row = _row(history, readings, TrainSettings(methods=methods), hours)
                    rows.setdefault((readings, name), []).append(row)
    means = [
        {"readings": readings, "method": name}
        | {key: float(np.mean([row[key] for row in each])) for key in COLUMNS}
        for (readings, name), each in rows.items()
    ]
    return {"table": path.name.partition(".")[0], "series": len(groups), "rows": means}


def _history(group: pd.DataFrame) -> Readings:
    rows = group.dropna(subset="y").sort_values("ds")
    return Readings(rows.ds.to_numpy("datetime64[us]"), rows.y.to_numpy(float))


def _fleet(histories: Sequence[Readings], settings: TrainSettings, hours: int) -> Mapping[str, FleetMeans]:
    sums = FleetSums()
    for history in histories:
        together = estimate(history.rows(np.arange(len(history.y) - hours)), settings).combined
        if together is not None and together.summary is not None:
            sums.add(together.errors, together.summary)
    return sums.means(least=LEAST_CUSTOMERS)


def _row(history: Readings, readings: int, settings: TrainSettings, hours: int) -> dict[str, float]:
    """Return the figures of a forecast from the last readings before the hours at the end."""
    end = len(history.y) - hours
    model = estimate(history.rows(np.arange(end - readings, end)), settings).model
    table = forecast(model, ForecastOptions(ds=history.ds[end:]))
    unit = naive_error(history.ds[:end], history.y[:end])
    y, yhat, lower, upper = (
        column / unit for column in (history.y[end:], table["yhat"], table["yhat_lower"], table["yhat_upper"])
    )
    return measure(y, yhat, lower, upper, naive_error=1.0, probability=0.8)


def _markdown(facts: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    machine = f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}"
    yield f"{facts['date']}, `{facts['command']}`: {machine}; {versions}.\n\n{EXPLANATION}"
    for result in results:
        yield f"\n**{result['table']}**: {result['series']} series, {facts['hours']} hours ahead\n\n"
        yield f"| readings | method | {' | '.join(heading for heading, _ in COLUMNS.values())} |\n"
        yield f"| --: | --- |{' --: |' * len(COLUMNS)}\n"
        for row in result["rows"]:
            cells = [format(row[name], form) for name, (_, form) in COLUMNS.items()]
            yield f"| {row['readings']} | {row['method']} | {' | '.join(cells)} |\n"


if __name__ == "__main__":
    main()
