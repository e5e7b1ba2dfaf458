"""What a search of hyperparameters gains on real series: on a test part that no choice has seen.

    make bench-tune TABLES='a.csv.gz b.csv.gz'

A table has the columns unique_id, ds, y and may have split (train or test); without it the last rows of each
series are the test part.  `fleetcast tune` searches with the training parts, for the fleet and for single
customers.  Then the test part is forecast from the whole training part: with Prophet's defaults, with the
fleet's configuration, with customers' own, and with the configuration of the smallest error of each customer,
which is what a search without protection against luck would choose.

With `--models auto` the same for `models=auto` with a model of all customers, whose trees and share are
searched too: each choice trains models again, as `train` does.
"""

import argparse
import json
import logging
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from tqdm import tqdm

from benchmarks._report import RESULTS, about
from container import Paths
from fleetcast.evaluation import measure, naive_error
from fleetcast.forecasting import ForecastOptions, forecast
from fleetcast.readings.customer import Readings
from train.channel import find_customers
from train.customer.estimate import estimate
from train.engines import LocalEngine
from train.global_training import with_global_models
from train.settings import TrainSettings
from train.tuning.program import tune

DEFAULT: Final = "Prophet's defaults"
FLEET: Final = "`tune_per=fleet`"
CUSTOMER: Final = "`tune_per=customer`"
UNPROTECTED: Final = "each customer's smallest error"
AUTO: Final = "`models=auto`"
TUNED: Final = "what `tune` finds"
SMALLEST: Final = "the smallest errors"
MOST_ROWS: Final = 168
SHARE_OF_TEST: Final = 0.2
"""Without a split, the test part has `MOST_ROWS`, but at most this share of a series."""
LEAST_SHOWN: Final = 0.02
"""Least share of the differences between configurations that makes a setting worth a word."""
EXPLANATION: Final = """\
MASE and sMAPE are means over the series, on a test part that no choice has seen. The gain is the mean over
the series of how much smaller the error is than with Prophet's defaults (1 - the geometric mean of ratios),
with its standard error. "changed" counts the series whose settings are not Prophet's defaults.
"""
EXPLANATION_OF_AUTO: Final = """\
MASE and sMAPE are means over the series, on a test part that no choice has seen. The gain is the mean over
the series of how much smaller the error is than with `models=auto` and its defaults, a model of all customers
included (1 - the geometric mean of ratios), with its standard error. "the smallest errors" takes the first of
each comparison, which is what a search without protection against luck would choose.
"""


@dataclass(frozen=True, slots=True)
class Series:
    """A training part and a test part."""

    name: str
    before: Readings
    after: Readings


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each table, write tune.json and tune.md, and print the latter."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tune", description=__doc__)
    parser.add_argument("tables", type=Path, nargs="+")
    parser.add_argument("--every", type=int, default=1, help="measure every n-th series of each table")
    parser.add_argument("--budget", type=int, default=600, help="processor seconds (default: %(default)s)")
    parser.add_argument("--models", choices=("prophet", "auto"), default="prophet")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder (default: %(default)s)")
    options = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    command = f"make bench-tune TABLES='{' '.join(path.name for path in options.tables)}'"
    command += f" EVERY={options.every}" if options.every > 1 else ""
    packages, measure_table, name, explanation = ("numpy", "pandas"), measured, "tune", EXPLANATION
    if options.models == "auto":
        command += f" MODELS=auto BUDGET={options.budget}"
        packages, measure_table = ("numpy", "xgboost-cpu", "pandas"), measured_auto
        name, explanation = "tune_auto", EXPLANATION_OF_AUTO
    facts = about(command, packages=packages) | {"budget": options.budget}
    results = [measure_table(path, every=options.every, budget=options.budget) for path in options.tables]
    (options.results / f"{name}.json").write_text(json.dumps(facts | {"results": results}, indent=1) + "\n")
    text = "".join(_markdown(facts, results, explanation))
    (options.results / f"{name}.md").write_text(text)
    sys.stdout.write(text)


def measured_auto(path: Path, *, every: int, budget: int) -> dict[str, Any]:
    """Return the same as `measured` for `models=auto` with a model of all customers."""
    fleet = _fleet(path, every)
    horizon = min(len(series.after.y) for series in fleet)
    with tempfile.TemporaryDirectory() as base:
        paths = Paths(Path(base))
        texts = {"models": "auto", "backtest_horizon": str(horizon)}
        _write(paths, fleet, **texts, tune_cpu_seconds=str(budget))
        if tune(paths) != 0:
            sys.exit("the search was stopped")
        found = json.loads((paths.output_data / "tune.json").read_text())
        kinds = (found["configurations"], found["trees"]["configurations"], found["shares"]["configurations"])
        smallest = {name: text for rows in kinds if rows for name, text in rows[0]["changes"].items()}
        choices = {AUTO: {}, TUNED: found["best"]["changes"], SMALLEST: smallest}
        errors: dict[str, list[dict[str, float]]] = {}
        for name, changes in choices.items():
            same = [other for other in errors if choices[other] == changes]
            errors[name] = errors[same[0]] if same else _errors_of_job(paths, fleet, {**texts, **changes})
    names = [series.name for series in fleet]
    return {
        "table": path.name.partition(".")[0],
        "series": len(fleet),
        "rows": horizon,
        "cpu_seconds": found["cpu_seconds"],
        "changes": choices[TUNED],
        "smallest": smallest,
        "judged": found["judged"],
        "trees": found["trees"],
        "shares": found["shares"],
        "effects": [(effect["setting"], effect["explained"]) for effect in found["effects"]],
        "choices": {
            name: _over_series(errors[name], errors[AUTO], dict.fromkeys(names, choices[name]))
            for name in choices
        },
    }


def _errors_of_job(
    paths: Paths, fleet: Sequence[Series], hyperparameters: Mapping[str, str]
) -> list[dict[str, float]]:
    """Return the errors of the forecasts of a job with these hyperparameters."""
    (paths.config / "hyperparameters.json").write_text(json.dumps(dict(hyperparameters)))
    settings = TrainSettings.from_files(paths)
    engine, customers = LocalEngine.of(settings), find_customers(paths)
    trained = with_global_models(engine, customers, settings, lambda: False).settings
    return [_errors(series, {}, trained) for series in tqdm(fleet, str(hyperparameters))]


def _fleet(path: Path, every: int) -> list[Series]:
    table = pd.read_csv(path, parse_dates=["ds"])
    groups = [group for _, group in table.groupby("unique_id", sort=False)][::every]
    return [_series(group) for group in groups]


def measured(path: Path, *, every: int, budget: int) -> dict[str, Any]:
    """Search with every n-th series of a table, and return what each choice gains on the test part."""
    fleet = _fleet(path, every)
    horizon = min(len(series.after.y) for series in fleet)
    with tempfile.TemporaryDirectory() as base:
        paths = Paths(Path(base))
        _write(paths, fleet, tune_per="customer", tune_cpu_seconds=str(budget), backtest_horizon=str(horizon))
        if tune(paths) != 0:
            sys.exit("the search was stopped")
        found = json.loads((paths.output_data / "tune.json").read_text())
        choices = _choices(paths, fleet, found)
    rows = {
        name: [_errors(series, chosen.get(series.name, {})) for series in tqdm(fleet, f"{path.name} {name}")]
        for name, chosen in choices.items()
    }
    return {
        "table": path.name.partition(".")[0],
        "series": len(fleet),
        "rows": horizon,
        "cpu_seconds": found["cpu_seconds"],
        "changes": found["best"]["changes"],
        "judged": found["judged"],
        "own": found["own"],
        "effects": [(effect["setting"], effect["explained"]) for effect in found["effects"]],
        "choices": {name: _over_series(rows[name], rows[DEFAULT], choices[name]) for name in choices},
    }


def _series(group: pd.DataFrame) -> Series:
    rows = group.dropna(subset="y").drop_duplicates("ds").sort_values("ds")
    last = min(MOST_ROWS, int(SHARE_OF_TEST * len(rows)))
    is_test = rows.split == "test" if "split" in rows else np.arange(len(rows)) >= len(rows) - last
    return Series(str(rows.unique_id.iloc[0]), _readings(rows[~is_test]), _readings(rows[is_test]))


def _readings(rows: pd.DataFrame) -> Readings:
    return Readings(rows.ds.to_numpy("datetime64[us]"), rows.y.to_numpy(float))


def _write(paths: Paths, fleet: Sequence[Series], **hyperparameters: str) -> None:
    """Write the training parts as customers, and the hyperparameters."""
    folder = paths.channels / "train"
    folder.mkdir(parents=True)
    for series in fleet:
        columns = {"ds": series.before.ds, "y": series.before.y}
        pd.DataFrame(columns).to_csv(folder / f"{series.name}.csv", index=False)
    paths.config.mkdir(parents=True)
    (paths.config / "hyperparameters.json").write_text(json.dumps(hyperparameters))


def _choices(
    paths: Paths, fleet: Sequence[Series], found: Mapping[str, Any]
) -> dict[str, dict[str, Mapping[str, str]]]:
    """Return by choice what each series changes of Prophet's defaults; nothing if it is left out."""
    best = found["best"]["changes"]
    rows = json.loads((paths.model / "best-hyperparameters.json").read_text())
    own = {row.pop("customer"): row for row in rows[1:]} if isinstance(rows, list) else {}
    changes = {row["configuration"]: row["changes"] for row in found["configurations"]}
    errors: dict[str, dict[int, float]] = {}
    for line in map(json.loads, (paths.checkpoints / "tune.jsonl").read_text().splitlines()[1:]):
        if line["of"] == "customer" and not line.get("judges"):
            for number, each in line.get("errors", {}).items():
                errors.setdefault(line["customer"], {})[int(number)] = float(np.mean(each))
    smallest = {name: changes.get(min(each, key=lambda n: each[n]), {}) for name, each in errors.items()}
    names = [series.name for series in fleet]
    return {
        DEFAULT: {},
        FLEET: dict.fromkeys(names, best),
        CUSTOMER: {name: own.get(name, best) for name in names},
        UNPROTECTED: smallest,
    }


def _errors(
    series: Series, changed: Mapping[str, str], settings: TrainSettings | None = None
) -> dict[str, float]:
    settings = (settings or TrainSettings()).with_model({**changed, "uncertainty_samples": "0"})
    model = estimate(series.before, settings).model
    table = forecast(model, ForecastOptions(ds=series.after.ds))
    return measure(series.after.y, table["yhat"], naive_error=naive_error(series.before.ds, series.before.y))


def _over_series(
    rows: Sequence[Mapping[str, float]],
    defaults: Sequence[Mapping[str, float]],
    chosen: Mapping[str, Mapping[str, str]],
) -> dict[str, float]:
    ratios = np.log([row["mae"] / default["mae"] for row, default in zip(rows, defaults, strict=True)])
    return {
        "changed": sum(bool(each) for each in chosen.values()),
        "mase": float(np.mean([row["mase"] for row in rows])),
        "smape": float(np.mean([row["smape"] for row in rows])),
        "gain": float(-np.expm1(ratios.mean())) + 0.0,  # without a sign before 0
        "standard_error": float(ratios.std(ddof=1) / np.sqrt(ratios.size)),
        "better": float(np.mean(ratios < 0)),
    }


def _markdown(
    facts: Mapping[str, Any], results: Sequence[Mapping[str, Any]], explanation: str
) -> Iterator[str]:
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    machine = f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}"
    yield f"{facts['date']}, `{facts['command']}`: {machine}; {versions}.\n\n{explanation}"
    for result in results:
        yield f"\n**{result['table']}**: {result['series']} series, {result['rows']} steps ahead, "
        yield f"{result['cpu_seconds']:.0f} of {facts['budget']} CPU seconds\n\n"
        yield "| settings | changed | MASE | sMAPE | gain | series that gain |\n"
        yield "| --- | --: | --: | --: | --: | --: |\n"
        for name, row in result["choices"].items():
            is_start = name in {DEFAULT, AUTO}
            gain = "" if is_start else f"{100 * row['gain']:.1f} ± {100 * row['standard_error']:.1f} %"
            better = "" if is_start else f"{row['better']:.0%}"
            errors = f"{row['mase']:.3f} | {row['smape']:.2f}"
            yield f"| {name} | {row['changed']} | {errors} | {gain} | {better} |\n"
        changes = _words(result["changes"])
        matters = ", ".join(
            f"`{name}` {share:.0%}" for name, share in result["effects"][:3] if share >= LEAST_SHOWN
        )
        yield f"\nThe fleet's configuration: {changes or 'nothing is changed'}. What matters: {matters}.\n"
        if "smallest" in result:
            judged = result["judged"]
            gain = f"{100 * judged['gain']:+.1f} %" if judged else "nothing to judge"
            yield f"The smallest errors: {_words(result['smallest'])}. On the last horizon of the training "
            yield f"part, which judges the choice: {gain}.\n"


def _words(changes: Mapping[str, str]) -> str:
    return ", ".join(f"`{name}` = {text}" for name, text in changes.items())


if __name__ == "__main__":
    main()
