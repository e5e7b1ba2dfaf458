"""Jobs one after the other on real hourly series, with `keep_incumbent` and without it.

    make bench-jobs TABLES='a.csv.gz b.csv.gz'

A table has the columns unique_id, ds, y.  Each job has all readings before a time, and forecasts the hours
that follow, which no choice has seen; the next job has these hours too.
"""

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from tqdm import tqdm

from benchmarks._report import RESULTS, about
from benchmarks._timing import processor_seconds
from fleetcast.evaluation import Combined, Incumbent, measure, naive_error
from fleetcast.forecasting import ForecastOptions, forecast
from fleetcast.readings.customer import Readings
from train.customer.estimate import estimate
from train.methods import Methods
from train.settings import TrainSettings

COLUMNS: Final = {
    "mase": ("MASE", ".3f"),
    "changed": ("weights changed", ".3f"),
    "kept": ("kept", ".3f"),
    "seconds": ("time of a fit", ".2f"),
}
EXPLANATION: Final = """\
Means over series and jobs. MASE is that of the hours after each job. "weights changed" is the share of the
weights that a job gives to other methods than the job before, and "kept" the share of the jobs that kept the
earlier choice. The time is in processor seconds, as a multiple of the time without `keep_incumbent`.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each table, write repeated_jobs.json and repeated_jobs.md, and print the latter."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.repeated_jobs", description=__doc__)
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("--every", type=int, default=1, help="measure every n-th series of each table")
    parser.add_argument("--jobs", type=int, default=8, help="number of jobs (default: %(default)s)")
    parser.add_argument("--hours", type=int, default=48, help="between two jobs (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder (default: %(default)s)")
    options = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    command = f"make bench-jobs TABLES='{' '.join(path.name for path in options.tables)}'"
    command += f" EVERY={options.every}" if options.every > 1 else ""
    facts = about(command, packages=("numpy", "pandas")) | {"hours": options.hours}
    results = [
        measured(path, every=options.every, jobs=options.jobs, hours=options.hours) for path in options.tables
    ]
    (options.results / "repeated_jobs.json").write_text(
        json.dumps(facts | {"results": results}, indent=1) + "\n"
    )
    text = "".join(_markdown(facts, results))
    (options.results / "repeated_jobs.md").write_text(text)
    sys.stdout.write(text)


def measured(path: Path, *, every: int, jobs: int, hours: int) -> dict[str, Any]:
    """Return the means over every n-th series of a table, by what forecasts."""
    table = pd.read_csv(path, parse_dates=["ds"])
    groups = [group for _, group in table.groupby("unique_id", sort=False)][::every]
    found: dict[str, dict[str, float]] = {}
    for models in ("auto", "champion"):
        for keep in (False, True):
            rows = [
                row
                for group in tqdm(groups, path.name)
                for row in _jobs(group, models, jobs, hours, keep=keep)
            ]
            name = f"`{models}`, `keep_incumbent`" if keep else f"`{models}`"
            found[name] = {
                key: float(np.mean([row[key] for row in rows if key in row])) for key in rows[0] | rows[-1]
            }
        kept, anew = found[f"`{models}`, `keep_incumbent`"], found[f"`{models}`"]
        kept["seconds"] /= anew["seconds"]
        anew["seconds"] = 1.0
    return {"table": path.name.partition(".")[0], "series": len(groups), "jobs": jobs, "methods": found}


def _jobs(
    group: pd.DataFrame, models: str, jobs: int, hours: int, *, keep: bool
) -> Iterator[dict[str, float]]:
    """Run the jobs on one series; yield the figures of each."""
    rows = group.dropna(subset="y").sort_values("ds")
    ds, y = rows.ds.to_numpy("datetime64[us]"), rows.y.to_numpy(float)
    settings = TrainSettings(methods=Methods.read({"models": models, "backtest_horizon": str(hours)}))
    earlier: Incumbent | None = None
    for job in range(jobs):
        end = len(y) - (jobs - job) * hours
        begun = processor_seconds()
        estimated = estimate(Readings(ds[:end], y[:end]), settings, earlier if keep else None)
        row = {"seconds": processor_seconds() - begun}
        after = slice(end, end + hours)
        yhat = forecast(estimated.model, ForecastOptions(ds=ds[after]))["yhat"]
        row["mase"] = measure(y[after], yhat, naive_error=naive_error(ds[:end], y[:end]))["mase"]
        together = estimated.combined
        if together is None:
            sys.exit(f"series {rows.unique_id.iloc[0]} has too few readings for {jobs} jobs with backtests")
        if earlier is not None:
            row["changed"] = 1 - sum(
                min(w, earlier.weights.get(name, 0)) for name, w in together.weights.items()
            )
            if keep:
                row["kept"] = float(together.verdict is not None and together.verdict.is_kept)
        earlier = _choice(together, earlier)
        yield row


def _choice(together: Combined, earlier: Incumbent | None) -> Incumbent:
    is_kept = earlier is not None and together.verdict is not None and together.verdict.is_kept
    return earlier if is_kept else Incumbent(together.weights, together.freq, together.origin)


def _markdown(facts: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    machine = f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}"
    yield f"{facts['date']}, `{facts['command']}`: {machine}; {versions}.\n\n{EXPLANATION}"
    for result in results:
        about_jobs = f"{result['jobs']} jobs, {facts['hours']} hours apart"
        yield f"\n**{result['table']}**: {result['series']} series, {about_jobs}\n\n"
        yield f"| `models` | {' | '.join(heading for heading, _ in COLUMNS.values())} |\n"
        yield f"| --- |{' --: |' * len(COLUMNS)}\n"
        for method, row in result["methods"].items():
            cells = [format(row[name], form) if name in row else "" for name, (_, form) in COLUMNS.items()]
            yield f"| {method} | {' | '.join(cells)} |\n"


if __name__ == "__main__":
    main()
