"""The model of all customers on real hourly series: accuracy, new customers, and what its training costs.

    make bench-global TABLES='a.csv.gz b.csv.gz'

A table is as `benchmarks.accuracy` reads it.  Each is the input of three jobs of `train`: with methods of
each customer alone, with the share of the global model that is the default, and with the global model alone;
their archives forecast the test part.  The same rows then train models that do not know every fifth series,
which forecast these from their last few days.
"""

import argparse
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks._forecasters import DAY, Answer, Series, seasonal_naive
from benchmarks._report import RESULTS, about
from benchmarks.accuracy import M4_HOURLY, NAIVE2, TEST
from container import Paths
from fleetcast.archive import SUFFIX, unpack
from fleetcast.evaluation import beats_seasonal_naive, measure, naive_error
from fleetcast.forecasting import ForecastOptions, forecast, loads
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.members import GriddedHistory
from fleetcast.global_model import DatedModels
from fleetcast.readings.customer import Readings
from train.channel import Customer, find_customers
from train.customer.estimate import estimate
from train.engines import LocalEngine
from train.global_training import with_global_models
from train.methods import Methods
from train.settings import TrainSettings

ROOT: Final = Path(__file__).resolve().parents[1]
REAPED: Final = Path(__file__).with_name("_reaped.py")
JOBS: Final = {
    "`models=auto`, `global_share=0`": {"models": "auto", "global_share": "0"},
    "`models=auto`": {"models": "auto"},
    "`models=global`": {"models": "global"},
}
RELATIVE: Final = "`models=global` without dates"
NEW_EVERY: Final = 5
"""Every n-th series is a new customer."""
DAYS: Final = (3, 7, 14)
COLUMNS: Final = {
    "owa": ("OWA", ".3f"),
    "mase": ("MASE", ".3f"),
    "beats_naive": ("better than naive", ".0f"),
    "coverage_0.8": ("covered by 80 %", ".3f"),
    "coverage_0.95": ("by 95 %", ".3f"),
    "winkler_0.8": ("Winkler score at 80 %", ".2f"),
    "seconds": ("processor s of the job", ".0f"),
    "bytes": ("bytes of an archive", ".0f"),
}
EXPLANATION: Final = """\
Means over the series; "better than naive" is their number. MASE has the season of a day. The models of a job
know no reading after the end of the customer that they forecast; "without dates" one model has learnt from
all readings, those after other customers' ends included, as competitions' figures have it.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each table, write global_model.json and global_model.md, and print the latter."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.global_model", description=__doc__)
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("--every", type=int, default=1, help="measure every n-th series of each table")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder (default: %(default)s)")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    command = f"make bench-global TABLES='{' '.join(path.name for path in options.tables)}'"
    command += f" EVERY={options.every}" if options.every > 1 else ""
    facts = about(command, packages=("numpy", "xgboost-cpu", "pandas"))
    results = [measured(path, every=options.every) for path in options.tables]
    (options.results / "global_model.json").write_text(
        json.dumps(facts | {"results": results}, indent=1) + "\n"
    )
    text = "".join(_markdown(facts, results))
    (options.results / "global_model.md").write_text(text)
    sys.stdout.write(text)


def measured(path: Path, *, every: int) -> dict[str, Any]:
    """Return the figures of every n-th series of a table."""
    table = pd.read_csv(path, parse_dates=["ds"])
    groups = [group for _, group in table.groupby("unique_id", sort=False)][::every]
    fleet = [Series.of(group, test=TEST) for group in groups]
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        _write_channel(base, fleet)
        methods = {name: _job(base, fleet, texts) for name, texts in JOBS.items()}
        methods[RELATIVE] = _without_dates(base, fleet)
        new = _new_customers(base, fleet)
    if path.name.startswith(M4_HOURLY):
        for row in methods.values():
            row["owa"] = float(np.mean([row[name] / error for name, error in NAIVE2.items()]))
    return {"table": path.name.partition(".")[0], "series": len(fleet), "methods": methods, "new": new}


def _write_channel(base: Path, fleet: Sequence[Series]) -> None:
    for series in fleet:
        folder = base / "input/data/train" / series.name
        folder.mkdir(parents=True)
        pd.DataFrame({"ds": series.ds, "y": series.y}).to_csv(folder / "data.csv", index=False)


def _texts(fleet: Sequence[Series], texts: Mapping[str, str]) -> dict[str, str]:
    horizon = max(series.horizon for series in fleet)
    return {"intervals": "calibrated", "backtest_horizon": str(horizon), **texts}


def _job(base: Path, fleet: Sequence[Series], texts: Mapping[str, str]) -> dict[str, float]:
    """Run a job of `train`, and return the figures of its archives."""
    _write_settings(base, fleet, texts)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(base), "FLEETCAST_LOG_LEVEL": "WARNING"}
    train = [sys.executable, "-m", "train"]
    subprocess.run([sys.executable, REAPED, *train], cwd=ROOT, env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    packed = {each.name: (base / "checkpoints" / f"{each.name}{SUFFIX}").read_bytes() for each in fleet}
    row = _figures(fleet, [_of_archive(packed[series.name], series) for series in fleet])
    return row | {
        "seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "bytes": float(np.mean([len(each) for each in packed.values()])),
    }


def _write_settings(base: Path, fleet: Sequence[Series], texts: Mapping[str, str]) -> None:
    path = base / "input/config/hyperparameters.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_texts(fleet, texts)))


def _of_archive(packed: bytes, series: Series) -> Answer:
    table = forecast(
        loads(str(unpack(packed).model)),
        ForecastOptions(ds=series.test_ds, quantiles=(0.025, 0.1, 0.9, 0.975)),
    )
    ends = {0.8: ("yhat_0.1", "yhat_0.9"), 0.95: ("yhat_0.025", "yhat_0.975")}
    return Answer(table["yhat"], {share: (table[low], table[high]) for share, (low, high) in ends.items()})


def _without_dates(base: Path, fleet: Sequence[Series]) -> dict[str, float]:
    """Return the figures of the newest model of a job's rows, whatever it has learnt from."""
    models = _trained(base, fleet, find_customers(Paths(base)))
    newest = DatedModels((0,), models.models[-1:])
    return _figures(fleet, [Answer(_path(newest, series)[series.ahead]) for series in fleet])


def _new_customers(base: Path, fleet: Sequence[Series]) -> dict[str, dict[str, float]]:
    """Return by method and days of readings the MASE for series that did not train the models."""
    errors: dict[str, dict[str, list[float]]] = {}
    customers = {customer.name: customer for customer in find_customers(Paths(base))}
    few = len(fleet) < NEW_EVERY * NEW_EVERY  # then each series is new once
    for first in range(NEW_EVERY if few else 1):
        new = fleet[first::NEW_EVERY]
        names = {series.name for series in new}
        models = _trained(base, fleet, [each for each in customers.values() if each.name not in names])
        newest = DatedModels((0,), models.models[-1:])
        for series in new:
            scale = naive_error(series.grid.index.to_numpy(), series.grid.to_numpy())
            for days in DAYS:
                answers = {
                    "seasonal naive": seasonal_naive(series).yhat,
                    "global model": _path(newest, series, hours=days * DAY)[series.ahead],
                    "`models=auto`": _estimated(newest, fleet, series, hours=days * DAY),
                }
                for name, yhat in answers.items():
                    mase = measure(series.test_y, yhat, naive_error=scale)["mase"]
                    errors.setdefault(name, {}).setdefault(f"{days} days", []).append(mase)
    return {
        name: {days: float(np.mean(each)) for days, each in by_days.items()}
        for name, by_days in errors.items()
    }


def _trained(base: Path, fleet: Sequence[Series], customers: Sequence[Customer]) -> DatedModels:
    """Return the models that a job with these customers trains."""
    _write_settings(base, fleet, {"models": "global"})
    settings = TrainSettings.from_files(Paths(base))
    training = with_global_models(LocalEngine.of(settings), customers, settings, lambda: False)
    models = training.settings.methods.global_models
    if models is None:
        sys.exit("the table has too few series for a global model")
    return models


def _path(models: DatedModels, series: Series, *, hours: int | None = None) -> Vector:
    """Return the forecast of the hours after a series, from all of its readings or from the last ones."""
    used = slice(None) if hours is None else series.ds > series.ds[-1] - np.timedelta64(hours, "h")
    stamps, y = series.ds[used].view(np.int64), series.y[used]
    history = GriddedHistory.of(stamps, y, "h")
    if history is None:
        sys.exit(f"series {series.name} has a reading for fewer than half of its hours")
    path = models.paths([history], int(stamps[-1]), [history.y.size], series.horizon)[0]
    return np.full(series.horizon, y[-1]) if path is None else path


def _estimated(models: DatedModels, fleet: Sequence[Series], series: Series, *, hours: int) -> Vector:
    """Return the forecast of a customer's archive, from its last readings."""
    methods = Methods.read(_texts(fleet, {"models": "auto"}))
    settings = TrainSettings(methods=replace(methods, global_models=models))
    used = series.ds > series.ds[-1] - np.timedelta64(hours, "h")
    model = estimate(Readings(series.ds[used], series.y[used]), settings).model
    return np.asarray(forecast(model, ForecastOptions(ds=series.test_ds))["yhat"], np.float64)


def _figures(fleet: Sequence[Series], answers: Sequence[Answer]) -> dict[str, float]:
    rows = []
    for series, answer in zip(fleet, answers, strict=True):
        scale = naive_error(series.grid.index.to_numpy(), series.grid.to_numpy())
        row = measure(series.test_y, answer.yhat, naive_error=scale)
        for share, ends in answer.intervals.items():
            own = measure(series.test_y, answer.yhat, *ends, naive_error=scale, probability=share)
            row[f"coverage_{share:g}"], row[f"winkler_{share:g}"] = own["coverage"], own["winkler"] / scale
        naive = measure(series.test_y, seasonal_naive(series).yhat, naive_error=scale)
        row["beats_naive"] = float(beats_seasonal_naive(row["mase"], naive["mase"]))
        rows.append(row)
    means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    return means | {"beats_naive": sum(row["beats_naive"] for row in rows)}


def _markdown(facts: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    machine = f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}"
    yield f"{facts['date']}, `{facts['command']}`: {machine}; {versions}.\n\n{EXPLANATION}"
    for result in results:
        columns = {
            name: COLUMNS[name] for name in COLUMNS if any(name in row for row in result["methods"].values())
        }
        yield f"\n**{result['table']}**: {result['series']} series\n\n"
        yield f"| forecast | {' | '.join(heading for heading, _ in columns.values())} |\n"
        yield f"| --- |{' --: |' * len(columns)}\n"
        for method, row in result["methods"].items():
            cells = [format(row[name], form) if name in row else "" for name, (_, form) in columns.items()]
            yield f"| {method} | {' | '.join(cells)} |\n"
        days = list(result["new"]["global model"])
        yield f"\n| MASE of new customers with | {' | '.join(days)} |\n| --- |{' --: |' * len(days)}\n"
        for method, row in result["new"].items():
            yield f"| {method} | {' | '.join(format(row[each], '.3f') for each in days)} |\n"


if __name__ == "__main__":
    main()
