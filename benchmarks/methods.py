"""Held-out accuracy of the methods that a training job can compare, beside stock Prophet's.

    python -m benchmarks.methods TABLE.csv.gz ...

A table has the columns unique_id, ds, y of hourly series and may have split (train or test); without it the
last week is the test part, and the year before it the training part.  Everything is chosen on the training
part.  MASE and the seasonal naive forecast have the season of a day; WAPE is the sum of absolute errors over
the sum of readings; the Winkler score of an interval is in units of MASE.  For M4's hourly series OWA is
formed with the competition's Naive2 (sMAPE 18.383, MASE 2.395).
"""

import argparse
import json
import logging
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any, Final

import numpy as np
import pandas as pd
from prophet import Prophet

from benchmarks._report import RESULTS, about
from fleetcast.evaluation import Combined, CombineOptions, FittedProphet, combine
from fleetcast.forecasting import Combination, FitOptions, ForecastOptions, Model, fit, forecast
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import microseconds
from fleetcast.readings.customer import Times

NAIVE2_OF_M4_HOURLY: Final = (18.383, 2.395)
DAY: Final = 24
TEST: Final = pd.Timedelta(days=7)
TRAINING: Final = pd.Timedelta(days=365)
COVERAGES: Final = (0.8, 0.95)
_HEADINGS: Final = (
    "| series | forecast | OWA | MASE | WAPE | better than naive | worse than Prophet by 5 % "
    "| covered by 80 % | by 95 % | Winkler score at 80 % | at 95 % | milliseconds |"
)
WORSE: Final = 1.05
"""A customer is worse than with Prophet if its error is larger by this factor."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each table, write benchmarks/results/methods.json and methods.md, and print the latter."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.methods", description=__doc__)
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("--series", type=int, default=None, help="only the first so many of each table")
    options = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    names = " ".join(path.name for path in options.tables)
    facts = about(f"python -m benchmarks.methods {names}", packages=("numpy", "prophet", "pandas"))
    results = [row for path in options.tables for row in measure(path, most=options.series)]
    (RESULTS / "methods.json").write_text(json.dumps(facts | {"results": results}, indent=1) + "\n")
    text = _markdown(facts, results)
    (RESULTS / "methods.md").write_text(text)
    sys.stdout.write(text)


def processor_seconds() -> float:
    """Return the processor time so far, with that of Stan's program, which stock Prophet starts."""
    used = [getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def measure(path: Path, *, most: int | None) -> list[dict[str, Any]]:
    """Return the averages over the series of a table, one row for each method."""
    table = pd.read_csv(path, parse_dates=["ds"])
    groups = [group for _, group in table.groupby("unique_id", sort=False)][:most]
    series = [_series(group.sort_values("ds", kind="stable")) for group in groups]
    rows = []
    for method in series[0]:
        figures = [each[method] for each in series]
        row = {"table": path.name.partition(".")[0], "series": len(series), "method": method}
        row |= {name: _mean([figure[name] for figure in figures]) for name in figures[0] if name != "seconds"}
        mase = np.array([figure["mase"] for figure in figures])
        row["beats_naive"] = float((mase < [each["seasonal naive"]["mase"] for each in series]).mean())
        stock = np.array([each["stock Prophet"]["mase"] for each in series])
        row["worse_than_prophet"] = float((mase > WORSE * stock).mean())
        row["milliseconds"] = 1e3 * float(np.median([figure["seconds"] for figure in figures]))
        if "m4_hourly" in path.name:
            row["owa"] = float(np.mean(np.array([row["smape"], row["mase"]]) / NAIVE2_OF_M4_HOURLY))
        rows.append(row)
    return rows


def _mean(values: list[float]) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _series(group: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return the figures of one series by method; stock and ours are timed in turn."""
    if "split" in group:
        train, test = group[group.split == "train"], group[group.split == "test"]
    else:
        group = group.drop_duplicates("ds")
        cut = group.ds.max() - TEST
        train, test = group[(group.ds > cut - TRAINING) & (group.ds <= cut)], group[group.ds > cut]
    train = train[np.isfinite(train.y)]
    y, actual = train.y.to_numpy(float), test.y.to_numpy(float)
    whole = train.y.interpolate().to_numpy(float)
    scale = float(np.abs(whole[DAY:] - whole[:-DAY]).mean())
    ahead = np.rint((test.ds.to_numpy() - train.ds.to_numpy()[-1]) / np.timedelta64(1, "h")).astype(int) - 1
    naive = np.resize(whole[-DAY:], int(ahead[-1]) + 1)[ahead]
    found = {"seasonal naive": _figures(actual, {"yhat": naive}, scale, 0.0)}
    begun = processor_seconds()
    stock = Prophet().fit(train[["ds", "y"]]).predict(test[["ds"]])
    columns = {name: stock[name].to_numpy() for name in ("yhat", "yhat_lower", "yhat_upper")}
    found["stock Prophet"] = _figures(actual, columns, scale, processor_seconds() - begun)
    for method, one_only in (("auto", False), ("champion", True)):
        begun = processor_seconds()
        model, _ = _combined(train.ds.to_numpy(), y, horizon=int(ahead[-1]) + 1, one_only=one_only)
        table = forecast(model, ForecastOptions(ds=test.ds.to_numpy(), quantiles=(0.025, 0.975)))
        found[method] = _figures(actual, table, scale, processor_seconds() - begun)
    begun = processor_seconds()
    fit(train.ds.to_numpy(), y)
    found["one default fit"] = found["stock Prophet"] | {"seconds": processor_seconds() - begun}
    return found


def _combined(ds: Times, y: Vector, *, horizon: int, one_only: bool) -> tuple[Model, Combined | None]:
    """Return the model that `models=auto` or `champion` with `intervals=calibrated` trains."""
    whole = fit(ds, y)
    if not isinstance(whole, Model):
        raise TypeError("a fit without samples is a Model")

    def fit_before(rows: int) -> FittedProphet | None:
        model = whole if rows == len(y) else fit(ds[:rows], y[:rows], FitOptions())
        if not isinstance(model, Model) or model.residuals is None:
            return None
        return FittedProphet(
            model.residuals, lambda rows: forecast(model, ForecastOptions(ds=ds[rows]))["yhat"]
        )

    together = combine(
        microseconds(ds), y, "h", fit_before, CombineOptions(horizon=horizon, one_only=one_only)
    )
    if together is None:
        return whole, None
    own = Combination(together.origin, together.freq, together.correction, together.calibration)
    return replace(whole, combination=own), together


def _figures(actual: Vector, table: dict[str, Any], scale: float, seconds: float) -> dict[str, float]:
    yhat = table["yhat"]
    error = np.abs(actual - yhat)
    size = np.abs(actual) + np.abs(yhat)
    found = {
        "mase": float(error.mean()) / scale,
        "smape": float(200 * np.mean(error / np.where(size == 0, 1.0, size))),
        "wape": float(error.sum() / np.abs(actual).sum()),
        "seconds": seconds,
    }
    for coverage, lower, upper in (
        (0.8, table.get("yhat_lower"), table.get("yhat_upper")),
        (0.95, table.get("yhat_0.025"), table.get("yhat_0.975")),
    ):
        if lower is None or upper is None:
            found[f"covered_{coverage:g}"] = found[f"winkler_{coverage:g}"] = float("nan")
            continue
        beyond = np.maximum(lower - actual, 0) + np.maximum(actual - upper, 0)
        found[f"covered_{coverage:g}"] = float(((lower <= actual) & (actual <= upper)).mean())
        found[f"winkler_{coverage:g}"] = float((upper - lower + 2 / (1 - coverage) * beyond).mean()) / scale
    return found


def _markdown(facts: dict[str, Any], results: list[dict[str, Any]]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    machine = f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}"
    lines = [
        f"{facts['date']}, `{facts['command']}`: {machine}; {versions}.",
        "",
        _HEADINGS,
        "| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for row in results:
        cells = [f"{row['table']} ({row['series']})", row["method"]]
        if row["method"] == "one default fit":
            lines.append(f"| {' | '.join([*cells, *[''] * 9])} | {row['milliseconds']:.1f} |")
            continue
        names = ("owa", "mase", "wape", "beats_naive", "worse_than_prophet", "covered_0.8", "covered_0.95")
        cells += [_cell(row.get(name), 3) for name in names]
        cells += [_cell(row.get(name), 2) for name in ("winkler_0.8", "winkler_0.95")]
        lines.append(f"| {' | '.join(cells)} | {row['milliseconds']:.1f} |")
    return "\n".join(lines) + "\n"


def _cell(value: float | None, digits: int) -> str:
    return "" if value is None or not np.isfinite(value) else f"{value:.{digits}f}"


if __name__ == "__main__":
    main()
