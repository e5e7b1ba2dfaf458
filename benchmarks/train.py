"""A fleet's training against a plain loop of stock Prophet on the same files, in one run: `make bench-train`.

The loop is what anyone writes first: pandas.read_csv, Prophet().fit, model_to_json, tarfile.  Both sides read
the same folders and write archives to the same disk, in turn.
"""

import argparse
import json
import logging
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import psutil
from prophet import Prophet
from prophet.serialize import model_to_json

from benchmarks._report import RESULTS, write
from benchmarks._timing import Comparison, of_rounds
from container import Paths, usable_cpus
from examples import synthetic

ROWS: Final = 1_000
STOCK_CUSTOMERS: Final = 20
RATIO_AT_LEAST: Final = 100.0
PER_CORE_AT_LEAST: Final = 700.0
SAMPLE_SECONDS: Final = 0.1


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, write benchmarks/results/train.json and train.md, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of both sides (default: %(default)s)")
    parser.add_argument(
        "--fleets", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="sizes (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="bench-train-") as name:
        base = Path(name)
        lines = against_stock(base, rounds=options.rounds)
        grown = [growth(base, customers) for customers in options.fleets]
    text = write(
        "train", lines, command="python -m benchmarks.train", packages=("numpy", "prophet", "pandas")
    )
    table = _growth_table(grown)
    (RESULTS / "train.md").write_text(text + table)
    (RESULTS / "train-growth.json").write_text(json.dumps(grown, indent=1) + "\n")
    sys.stdout.write(text + table)


def against_stock(base: Path, *, rounds: int) -> list[Comparison]:
    """Return models per second of both, of the clock and of one core."""
    paths = make_fleet(base / "fleet", customers=1_000)
    wall, core, cpus = [], [], usable_cpus()
    for _ in range(rounds):
        stock = stock_loop(paths, customers=STOCK_CUSTOMERS)
        run = train(paths)
        wall.append((stock, run["seconds"] / run["customers"]))
        core.append((stock, run["seconds"] / run["customers"] * cpus))
        sys.stderr.write(f"stock {1 / wall[-1][0]:.1f} models/s, ours {1 / wall[-1][1]:.0f} models/s\n")
    case = f"{ROWS:,} readings: folder, CSV, fit, archive"
    return [
        of_rounds(
            wall,
            section="seconds per customer",
            case=f"{case}; {cpus} processors",
            unit="s",
            at_least=RATIO_AT_LEAST,
        ),
        of_rounds(
            core,
            section="seconds of one processor per customer (clock x processors)",
            case=case,
            unit="s",
            at_most=1 / PER_CORE_AT_LEAST,
        ),
    ]


def make_fleet(base: Path, *, customers: int, rows: int = ROWS) -> Paths:
    """Write `<channel>/<customer>/data.csv` for a fleet; every thousandth customer's readings come again."""
    paths = Paths(base)
    texts = []
    for _, times, values in synthetic.readings(customers=min(customers, 1_000), rows=rows):
        pairs = zip(np.datetime_as_string(times), values.tolist(), strict=True)
        texts.append(
            "timestamp,consumption\n" + "".join(f"{t.replace('T', ' ')},{v:.3f}\n" for t, v in pairs)
        )
    for customer in range(customers):
        folder = paths.channels / "train" / f"{customer:06}"
        folder.mkdir(parents=True)
        (folder / "data.csv").write_text(texts[customer % len(texts)])
    return paths


def stock_loop(paths: Paths, *, customers: int) -> float:
    """Return the seconds per customer of a loop over stock Prophet, one process, as it comes."""
    output = paths.base / "stock"
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    folders = sorted((paths.channels / "train").iterdir())[:customers]
    started = time.perf_counter()
    for folder in folders:
        table = pd.read_csv(folder / "data.csv", parse_dates=["timestamp"])
        model = Prophet().fit(table.rename(columns={"timestamp": "ds", "consumption": "y"}))
        path = output / "model.json"
        path.write_text(model_to_json(model))
        with tarfile.open(output / f"{folder.name}.tar.gz", "w:gz") as tar:
            tar.add(path, arcname="model.json")
    return (time.perf_counter() - started) / customers


def train(paths: Paths) -> dict[str, Any]:
    """Run the real program from nothing; return its seconds and the most it took."""
    for folder in (paths.checkpoints, paths.model, paths.output_data):
        shutil.rmtree(folder, ignore_errors=True)
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(paths.base)}
    started = time.perf_counter()
    process = subprocess.Popen(
        [Path(sys.executable).with_name("fleetcast"), "train"], env=environment, stderr=subprocess.DEVNULL
    )
    peaks = {"parent_rss": 0, "worker_rss": 0, "open_files": 0}
    watcher = threading.Thread(target=_watch, args=(process, peaks))
    watcher.start()
    code = process.wait()
    seconds = time.perf_counter() - started
    watcher.join()
    if code:
        raise SystemExit(f"train ended with {code}")
    summary = json.loads((paths.model / "summary.json").read_text())
    return peaks | {"customers": summary["customers_ok"], "seconds": seconds}


def growth(base: Path, customers: int) -> dict[str, Any]:
    """Return what a fleet of so many customers takes."""
    paths = make_fleet(base / str(customers), customers=customers)
    run = train(paths)
    shutil.rmtree(paths.base)
    sys.stderr.write(f"{customers} customers: {run}\n")
    return run


def _watch(process: subprocess.Popen[bytes], peaks: dict[str, int]) -> None:
    """Keep the most that the job and one of its workers ever took, until the job ends."""
    try:
        job = psutil.Process(process.pid)
        while process.poll() is None:
            peaks["parent_rss"] = max(peaks["parent_rss"], job.memory_info().rss)
            peaks["open_files"] = max(peaks["open_files"], job.num_fds())
            for worker in job.children(recursive=True):
                peaks["worker_rss"] = max(peaks["worker_rss"], worker.memory_info().rss)
            time.sleep(SAMPLE_SECONDS)
    except psutil.NoSuchProcess:
        return


def _growth_table(grown: Sequence[dict[str, Any]]) -> str:
    lines = ["", "| customers | seconds | per customer | job's memory | a worker's memory | open files |"]
    lines.append("| --: | --: | --: | --: | --: | --: |")
    for run in grown:
        each = run["seconds"] / run["customers"] * 1e3
        memory = f"{run['parent_rss'] / 1e6:.0f} MB | {run['worker_rss'] / 1e6:.0f} MB"
        took = f"{run['customers']:,} | {run['seconds']:.1f} | {each:.2f} ms"
        lines.append(f"| {took} | {memory} | {run['open_files']} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
