"""Forecast errors on real hourly series: Fleetcast's methods, stock Prophet and statsforecast in one run.

    make bench-accuracy TABLES='a.csv.gz b.csv.gz'

A table has the columns unique_id, ds, y of hourly series and may have split (train or test); without it the
last week is the test part.  Everybody gets the training part and forecasts the test part, one series after
the other, each method in turn.  statsforecast runs in an environment of its own.
"""

import argparse
import json
import logging
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from tqdm import tqdm

from benchmarks._forecasters import DEFAULT, NAIVE, STOCK, Answer, Peers, Series, answers, peers
from benchmarks._report import RESULTS, about
from fleetcast.evaluation import beats_seasonal_naive, measure, naive_error

M4_HOURLY: Final = "m4_hourly"
"""Tables whose names begin so have OWA."""
M4_HOURLY_SERIES: Final = 414
"""How many series M4 has; published figures stand beside a measurement of all of them only."""
NAIVE2: Final = {"smape": 18.383, "mase": 2.395}
"""Errors of the M4 competition's Naive2 on its hourly series, which OWA divides by."""
PUBLISHED: Final = {"Chronos-Bolt base, published": 0.8350, "Chronos-T5 large, published": 0.6976}
"""MASE, by method."""
SOURCE: Final = """\
The published figures are not measured here. They are the rows m4_hourly of chronos-bolt-base-in-domain.csv
and chronos-t5-large-in-domain.csv in scripts/evaluation/results of the repository
github.com/amazon-science/chronos-forecasting. The test part is the same: the seasonal naive forecast has the
same MASE there. The training part of M4 is among the data that both models were trained on.
"""
TEST: Final = pd.Timedelta(days=7)
WORSE: Final = 1.05
"""A series is worse than with Prophet if its error is larger by this factor."""
COLUMNS: Final = {
    "owa": ("OWA", ".3f"),
    "mase": ("MASE", ".3f"),
    "wape": ("WAPE", ".3f"),
    "beats_naive": ("better than naive", ".3f"),
    "worse_than_prophet": ("worse than Prophet by 5 %", ".3f"),
    "coverage_0.8": ("covered by 80 %", ".3f"),
    "coverage_0.95": ("by 95 %", ".3f"),
    "winkler_0.8": ("Winkler score at 80 %", ".2f"),
    "winkler_0.95": ("at 95 %", ".2f"),
    "fits": ("fit, in default fits", ".3g"),
    "stock": ("fit and forecast, in stock Prophet's", ".3g"),
}
"""Headings and formats of the figures of a method."""
COSTS: Final = {"fits", "stock", "milliseconds", "fit_milliseconds"}
"""Figures whose median over the series counts; of the others it is the mean."""
EXPLANATION: Final = """\
Means over the series. MASE has the season of a day; the Winkler score is in its units. "better than naive"
and "worse than Prophet by 5 %" are shares of the series by MASE. `champion` and `auto` have calibrated
intervals. The last two columns are processor seconds on one core, those of child processes included: the fit
as a multiple of a fit with `models=prophet`, and fit and forecast as a multiple of stock Prophet's; medians
over the series. Before a table's first series is timed, every method forecasts it once, so that imports and
compilation do not count.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each table, write accuracy.json and accuracy.md, and print the latter."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("--every", type=int, default=1, help="measure every n-th series of each table")
    parser.add_argument("--peers", metavar="PYTHON", help="which has statsforecast; without it, no peers")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder (default: %(default)s)")
    options = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    command = f"make bench-accuracy TABLES='{' '.join(path.name for path in options.tables)}'"
    command += f" EVERY={options.every}" if options.every > 1 else ""
    facts = about(command, packages=("numpy", "prophet", "pandas"))
    with peers(options.peers) if options.peers else nullcontext() as others:
        if others is not None:
            facts["versions"]["statsforecast"] = others.version
        results = [measured(path, others, every=options.every) for path in options.tables]
    (options.results / "accuracy.json").write_text(json.dumps(facts | {"results": results}, indent=1) + "\n")
    text = "".join(_markdown(facts, results))
    (options.results / "accuracy.md").write_text(text)
    sys.stdout.write(text)


def measured(path: Path, others: Peers | None, *, every: int) -> dict[str, Any]:
    """Return the figures of each method on every n-th series of a table."""
    table = pd.read_csv(path, parse_dates=["ds"])
    groups = [group for _, group in table.groupby("unique_id", sort=False)][::every]
    all_series = [Series.of(group, test=TEST) for group in groups]
    answers(all_series[0], others)
    found = [figures(series, answers(series, others)) for series in tqdm(all_series, desc=path.name)]
    methods = {method: _over_series([each[method] for each in found]) for method in found[0]}
    if path.name.startswith(M4_HOURLY):
        for row in methods.values():
            row["owa"] = float(np.mean([row[name] / error for name, error in NAIVE2.items()]))
        if len(found) == M4_HOURLY_SERIES:
            methods |= {method: {"mase": mase} for method, mase in PUBLISHED.items()}
    hours = max(series.horizon for series in all_series)
    return {"table": path.name.partition(".")[0], "series": len(found), "hours": hours, "methods": methods}


def figures(series: Series, by_method: Mapping[str, Answer]) -> dict[str, dict[str, float]]:
    """Return the figures of each method on one series; it has none of intervals that a method lacks."""
    scale = naive_error(series.grid.index.to_numpy(), series.grid.to_numpy())
    if not scale > 0:
        sys.exit(
            f"series {series.name} repeats itself exactly, so MASE is undefined; remove it from the table"
        )
    found = {method: _errors(series, answer, scale) for method, answer in by_method.items()}
    for method, row in found.items():
        row["beats_naive"] = float(beats_seasonal_naive(row["mase"], found[NAIVE]["mase"]))
        row["worse_than_prophet"] = float(row["mase"] > WORSE * found[STOCK]["mase"])
        answer = by_method[method]
        if answer.seconds:
            row["milliseconds"], row["fit_milliseconds"] = 1e3 * answer.seconds, 1e3 * answer.fit_seconds
            row["fits"] = answer.fit_seconds / by_method[DEFAULT].fit_seconds
            row["stock"] = answer.seconds / by_method[STOCK].seconds
    return found


def _errors(series: Series, answer: Answer, scale: float) -> dict[str, float]:
    row = measure(series.test_y, answer.yhat, naive_error=scale)
    for coverage, ends in answer.intervals.items():
        own = measure(series.test_y, answer.yhat, *ends, naive_error=scale, probability=coverage)
        row[f"coverage_{coverage:g}"], row[f"winkler_{coverage:g}"] = own["coverage"], own["winkler"] / scale
    return row


def _over_series(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each error and the median of each cost."""
    return {
        name: float((np.median if name in COSTS else np.mean)([row[name] for row in rows]))
        for name in rows[0]
    }


def _markdown(facts: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    machine = f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}"
    yield f"{facts['date']}, `{facts['command']}`: {machine}; {versions}.\n\n{EXPLANATION}"
    for result in results:
        columns = {
            name: COLUMNS[name] for name in COLUMNS if any(name in row for row in result["methods"].values())
        }
        yield f"\n**{result['table']}**: {result['series']} series, {result['hours']} hours ahead\n\n"
        yield f"| forecast | {' | '.join(heading for heading, _ in columns.values())} |\n"
        yield f"| --- |{' --: |' * len(columns)}\n"
        for method, row in result["methods"].items():
            cells = [format(row[name], form) if name in row else "" for name, (_, form) in columns.items()]
            yield f"| {method} | {' | '.join(cells)} |\n"
        if PUBLISHED.keys() & result["methods"].keys():
            yield f"\n{SOURCE}"
        default, stock = (result["methods"][method] for method in (DEFAULT, STOCK))
        yield (
            f"\nA fit with `models=prophet` takes {default['fit_milliseconds']:.1f} ms, "
            f"stock Prophet's fit and forecast {stock['milliseconds']:.0f} ms.\n"
        )


if __name__ == "__main__":
    main()
