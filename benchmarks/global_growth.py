"""What the training of the model of all customers takes, as a fleet grows.

    make bench-global-growth

Each fleet has hourly readings of 60 days, and is trained in a process of its own: rows drawn by worker
processes, trees for the fleet's two dates.  The fits of the customers themselves, which follow in a job, are
`make bench-train`'s.  400 different customers are on the disk; larger fleets have them under further names.
"""

import argparse
import json
import logging
import multiprocessing
import os
import resource
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

SIZES: Final = (400, 4_000, 40_000)
DIFFERENT: Final = 400
DAYS: Final = 60
HORIZON: Final = 48


def main(arguments: Sequence[str] | None = None) -> None:
    """Train each fleet, write global_growth.json and global_growth.md, and print the latter."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.global_growth", description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=SIZES, help="sizes of the fleets")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder (default: %(default)s)")
    options = parser.parse_args(arguments)
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
        receiving, sending = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("spawn").Process(target=_train, args=(folder, sending))
        process.start()
        sending.close()
        figures: dict[str, Any] = receiving.recv()
        process.join()
    return {"customers": customers} | figures


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


def _train(base: str, sending: Any) -> None:  # noqa: ANN401 -- a pipe's end has no public type
    logging.disable(logging.WARNING)
    paths = Paths(Path(base))
    settings = replace(TrainSettings.from_files(paths), workers=os.cpu_count() or 1)
    customers = find_customers(paths)
    begun = time.perf_counter()
    training = with_global_models(LocalEngine.of(settings), customers, settings, lambda: False)
    seconds = time.perf_counter() - begun
    own, workers = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    sending.send(
        {
            "seconds": seconds,
            "processor_seconds": sum(each.ru_utime + each.ru_stime for each in (own, workers)),
            "megabytes": own.ru_maxrss / 1024,
            "worker_megabytes": workers.ru_maxrss / 1024,
            "archive_bytes": len(training.packed),
        }
    )


def _markdown(facts: dict[str, Any], results: Sequence[dict[str, Any]]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    machine = f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}"
    lines = [
        f"{facts['date']}, `{facts['command']}`: {machine}; {versions}.",
        "",
        f"Hourly readings of {DAYS} days; the training draws rows from 2,000 customers at most.",
        "",
        "| customers | seconds | processor seconds | most MB | most MB of a worker | KB of the archive |",
        "| --: | --: | --: | --: | --: | --: |",
    ]
    lines += [
        f"| {row['customers']:,} | {row['seconds']:.0f} | {row['processor_seconds']:.0f} | "
        f"{row['megabytes']:.0f} | {row['worker_megabytes']:.0f} | {row['archive_bytes'] / 1000:.0f} |"
        for row in results
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
