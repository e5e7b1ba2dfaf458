"""What the training of the model of all customers takes, as a fleet grows.

    make bench-global-growth

Each fleet has hourly readings of 60 days, and is trained in a process of its own: rows drawn by worker
processes, trees for the fleet's two dates.  The fits of the customers themselves, which follow in a job, are
`make bench-train`'s.  400 different customers are on the disk; larger fleets have them under further names.
"""

import argparse
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks._report import RESULTS, about
from container import Paths
from examples.synthetic import consumption
from train.channel import find_customers
from train.engines import LocalEngine
from train.global_training import with_global_models
from train.settings import TrainSettings

ROOT: Final = Path(__file__).resolve().parents[1]
REAPED: Final = Path(__file__).with_name("_reaped.py")
SIZES: Final = (400, 4_000, 40_000)
DIFFERENT: Final = 400
DAYS: Final = 60
HORIZON: Final = 48


def main(arguments: Sequence[str] | None = None) -> None:
    """Train each fleet, write global_growth.json and global_growth.md, and print the latter."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.global_growth", description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=SIZES, help="sizes of the fleets")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder (default: %(default)s)")
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.train:
        train(options.train)
        return
    facts = about("make bench-global-growth", packages=("numpy", "xgboost-cpu"))
    results = [measured(customers) for customers in options.customers]
    (options.results / "global_growth.json").write_text(
        json.dumps(facts | {"results": results}, indent=1) + "\n"
    )
    text = _markdown(facts, results)
    (options.results / "global_growth.md").write_text(text)
    sys.stdout.write(text)


def measured(customers: int) -> dict[str, Any]:
    """Return what one fleet takes."""
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), customers)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [
            sys.executable,
            REAPED,
            sys.executable,
            "-m",
            "benchmarks.global_growth",
            "--train",
            folder,
        ]
        output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"customers": customers, "processor_seconds": spent, **json.loads(output)}


def _write(base: Path, customers: int) -> None:
    days = np.arange(24 * DAYS) / 24
    times = np.datetime64("2026-01-01T00") + np.arange(days.size)
    for number in range(customers):
        folder = base / "input/data/train" / f"customer-{number:05}"
        folder.mkdir(parents=True)
        path = folder / "data.csv"
        if number >= DIFFERENT:
            os.link(base / "input/data/train" / f"customer-{number % DIFFERENT:05}" / path.name, path)
            continue
        y = consumption(days, np.random.default_rng(number))
        rows = (f"{ds},{value:.4f}\n" for ds, value in zip(times, y.tolist(), strict=True))
        path.write_text("ds,y\n" + "".join(rows))
    config = base / "input/config"
    config.mkdir(parents=True)
    texts = {"models": "global", "backtest_horizon": str(HORIZON)}
    (config / "hyperparameters.json").write_text(json.dumps(texts))


def train(base: Path) -> None:
    """Train the models of a folder's customers, and print what it took as JSON."""
    logging.disable(logging.WARNING)
    paths = Paths(base)
    settings = replace(TrainSettings.from_files(paths), workers=os.cpu_count() or 1)
    customers = find_customers(paths)
    begun = time.perf_counter()
    training = with_global_models(LocalEngine.of(settings), customers, settings, lambda: False)
    seconds = time.perf_counter() - begun
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {"seconds": seconds, "megabytes": megabytes, "archive_bytes": len(training.packed)}
    sys.stdout.write(json.dumps(figures))


def _markdown(facts: dict[str, Any], results: Sequence[dict[str, Any]]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    machine = f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}"
    lines = [
        f"{facts['date']}, `{facts['command']}`: {machine}; {versions}.",
        "",
        f"Hourly readings of {DAYS} days; the training draws rows from 2,000 customers at most.",
        "",
        "| customers | seconds | processor seconds in all | most MB of the job | KB of the archive |",
        "| --: | --: | --: | --: | --: |",
    ]
    lines += [
        f"| {row['customers']:,} | {row['seconds']:.0f} | {row['processor_seconds']:.0f} | "
        f"{row['megabytes']:.0f} | {row['archive_bytes'] / 1000:.0f} |"
        for row in results
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
