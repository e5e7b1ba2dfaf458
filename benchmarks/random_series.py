"""Random series of every kind against stock Prophet, estimate by estimate: `make bench-random`.

Writes benchmarks/results/random_series.json and random_series.md.
"""

import argparse
import json
import logging
import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks._report import RESULTS, about
from testbed.random_series import LONG, judged


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit every series by both, judge, write the results and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.random_series", description=__doc__)
    parser.add_argument("--series", type=int, default=300, help="number of series (default: 300)")
    parser.add_argument("--first", type=int, default=1000, help="first seed (default: 1000)")
    options = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    found = []
    for seed in range(options.first, options.first + options.series):
        found.append(judged(seed))
        sys.stderr.write(json.dumps(found[-1]) + "\n")
    command = f"python -m benchmarks.random_series --series {options.series} --first {options.first}"
    facts = about(command, packages=("numpy", "prophet", "pandas", "cmdstanpy"))
    summary = summed_up(found)
    content = facts | {"summary": summary, "series": found}
    (RESULTS / "random_series.json").write_text(json.dumps(content, indent=1) + "\n")
    text = markdown(facts, summary)
    (RESULTS / "random_series.md").write_text(text)
    sys.stdout.write(text)


def summed_up(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures that are asked for, with the seeds that miss them."""
    compared = [each for each in found if "F" in each]
    closed = [each for each in compared if each["open"] is False]
    kinds = Counter(each["outcome"].partition(":")[0] for each in found)
    alike = [each for each in found if each.get("corrected") is False]
    unseen = [each for each in alike if "unseen_apart_in_ranges" in each]
    calendar = [each for each in unseen if each["closed"] in {"weekdays", "hours"}]
    long = [e for e in calendar if e["rows"] >= LONG]
    short = [e for e in calendar if e["rows"] < LONG]
    months = [each["unseen_apart_in_ranges"] for each in unseen if each["closed"] == "months"]
    return {
        "series": len(found),
        "outcomes": dict(kinds),
        "stock": dict(Counter(each["stock"] for each in found)),
        "compared": len(compared),
        "with an open direction": len(compared) - len(closed),
        "F above stock's, no direction open": [e["seed"] for e in closed if e["above"]],
        "F above stock's, a direction open": [e["seed"] for e in compared if e["open"] and e["above"]],
        "with a floor below multiplied terms, where forecasts are not compared": sum(
            each.get("corrected", False) for each in found
        ),
        "weekdays and hours, n >= 100": len(long),
        "farther than a quarter of the range from stock's": _beyond(long, "unseen_apart_in_ranges", 0.25),
        "weekdays and hours, n < 100": len(short),
        "outside the range of y": _beyond(short, "unseen_outside_in_ranges", 0.0),
        "months: apart in ranges, quantiles 0.5, 0.9, 1": _quantiles(months),
        "readings apart in sigma, quantiles 0.5, 0.9, 1": _quantiles(
            [e["readings_apart_in_sigma"] for e in alike if "F" in e]
        ),
    }


def _beyond(found: Sequence[dict[str, Any]], name: str, limit: float) -> list[tuple[int, float]]:
    return [(each["seed"], round(each[name], 3)) for each in found if each[name] > limit]


def _quantiles(values: Sequence[float]) -> list[float]:
    return [round(float(q), 4) for q in np.quantile(values, (0.5, 0.9, 1))] if values else []


def markdown(facts: dict[str, Any], summary: dict[str, Any]) -> str:
    """Return the summary as a table."""
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    where = f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}"
    lines = [f"{facts['date']}, `{facts['command']}`: {where}; {versions}.", "", "| | |", "| --- | --- |"]
    lines += [f"| {name} | {_cell(figure)} |" for name, figure in summary.items()]
    return "\n".join(lines) + "\n"


def _cell(figure: Any) -> str:  # noqa: ANN401 - a number, a list of seeds, counts by name
    if isinstance(figure, dict):
        return ", ".join(f"{name} {number}" for name, number in figure.items())
    if isinstance(figure, list):
        return ", ".join(map(str, figure)) or "none"
    return str(figure)


if __name__ == "__main__":
    main()
