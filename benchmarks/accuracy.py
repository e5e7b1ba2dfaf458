"""Held-out accuracy beside stock Prophet's on real series: `python -m benchmarks.accuracy TABLE.csv.gz …`.

A table has the columns unique_id, ds, y and split (train or test).  Both fit every series' train part with
Prophet's defaults and forecast its test part; sMAPE and MASE (season of a day) are averaged over the series.
For M4's hourly series OWA is formed with the competition's Naive2 (sMAPE 18.383, MASE 2.395).
"""

import argparse
import json
import logging
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from prophet import Prophet

from benchmarks._report import RESULTS
from fleetcast.forecasting import ForecastOptions, fit, forecast

NAIVE2_OF_M4_HOURLY: Final = (18.383, 2.395)
DAY_OF_HOURS: Final = 24


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each table, write benchmarks/results/accuracy.json and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("tables", type=Path, nargs="+")
    options = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    results = [measure(path) for path in options.tables]
    (RESULTS / "accuracy.json").write_text(json.dumps(results, indent=1) + "\n")
    sys.stdout.write("| series | sMAPE | stock | MASE | stock | OWA | stock | MAE ratio (geometric mean) |\n")
    sys.stdout.write("| --- | --: | --: | --: | --: | --: | --: | --: |\n")
    for row in results:
        figures = [f"{row[name]:.4g}" for name in ("smape", "stock_smape", "mase", "stock_mase")]
        figures += [f"{row[name]:.3f}" if name in row else "" for name in ("owa", "stock_owa")]
        sys.stdout.write(f"| {row['table']} | {' | '.join(figures)} | {row['mae_ratio']:.4f} |\n")


def measure(path: Path) -> dict[str, Any]:
    """Return the averages over all series of a table, ours and stock's."""
    table = pd.read_csv(path, parse_dates=["ds"])
    rows = [_series(group) for _, group in table.groupby("unique_id")]
    mean = np.mean(rows, axis=0)
    found = dict(zip(("smape", "mase", "stock_smape", "stock_mase"), mean[:4].tolist(), strict=True))
    found |= {"table": path.name.partition(".")[0], "series": len(rows), "mae_ratio": float(np.exp(mean[4]))}
    if "m4_hourly" in path.name:
        for side in ("", "stock_"):
            relative = np.array([found[f"{side}smape"], found[f"{side}mase"]]) / NAIVE2_OF_M4_HOURLY
            found[f"{side}owa"] = float(relative.mean())
    return found


def _series(group: pd.DataFrame) -> tuple[float, ...]:
    train, test = group[group.split == "train"], group[group.split == "test"]
    y, actual = train.y.to_numpy(), test.y.to_numpy()
    scale = float(np.abs(y[DAY_OF_HOURS:] - y[:-DAY_OF_HOURS]).mean())
    ours = forecast(fit(train.ds.to_numpy(), y), ForecastOptions(ds=test.ds.to_numpy()))["yhat"]
    stock = Prophet(uncertainty_samples=0).fit(train[["ds", "y"]]).predict(test[["ds"]]).yhat.to_numpy()
    figures = []
    errors = []
    for yhat in (ours, stock):
        error = np.abs(actual - yhat)
        errors.append(float(error.mean()))
        figures += [float(200 * np.mean(error / (np.abs(actual) + np.abs(yhat)))), errors[-1] / scale]
    return *figures, float(np.log(errors[0] / errors[1]))


if __name__ == "__main__":
    main()
