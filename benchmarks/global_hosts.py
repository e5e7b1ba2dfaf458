"""The trees of the model of all customers, fitted in one process and by two hosts together.

    make bench-global-hosts TABLES='a.csv.gz' ROWS='200000 800000'

Both ways draw the rows and fit the stacked trees of one date, in turn, and so that a host has one processor:
`one` draws and fits with one worker process and one thread, `two hosts` are two logical hosts of this machine
with a processor each.  A table is as `benchmarks.accuracy` reads it, and trains with all of its rows; ROWS is
for fleets of 2,000 made-up customers, with hourly readings of 60 days.  The error is that of forecasts for
200 customers after the end of the training, in units of the error of repeating the last day; without trees
it is that of the customers' own methods.

Memory is the proportional set size (PSS) of all processes of a host, sampled twice a second; processor
seconds are those of all processes, Ray's own included.
"""

import argparse
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final, Self

import numpy as np
import pandas as pd
import psutil

from benchmarks._report import RESULTS, about
from container import Paths
from examples.synthetic import consumption
from fleetcast.global_model import STACKED_FEATURES, TrainingRows, Trees
from testbed.ray_hosts import ray_hosts
from train.channel import find_customers
from train.engines import Engine, LocalEngine, RayEngine, cluster_hosts, connected
from train.global_training.draw_rows import DrawRows
from train.global_training.drawing import MOST_ROWS_HERE, rows_of
from train.global_training.rows import TreesFit
from train.settings import TrainSettings

ROOT: Final = Path(__file__).resolve().parents[1]
WAYS: Final = ("one", "two hosts")
HORIZON: Final = 48
DAYS: Final = 60
CUSTOMERS: Final = 2_000
DIFFERENT: Final = 400
"""Customers of a made-up fleet that differ; the others are copies of them."""
TRIED: Final = 200
"""Customers whose later rows are forecast."""
SAMPLE_SECONDS: Final = 0.5
MEGABYTE: Final = 1e6
HEADER: Final = (
    "| fleet | rows | way | processor s | s to draw | s to fit | MB of a host | MB of the job's process "
    "| error | without trees |"
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each fleet, write global_hosts.json and global_hosts.md, and print the latter."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.global_hosts", description=__doc__)
    parser.add_argument("tables", type=Path, nargs="*", help="tables of hourly series")
    parser.add_argument("--rows", type=int, nargs="*", default=[200_000], help="rows of made-up fleets")
    parser.add_argument("--rounds", type=int, default=1, help="rounds of both ways (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder (default: %(default)s)")
    parser.add_argument("--job", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.job:
        job(options.job[0], Path(options.job[1]))
        return
    tables, rows = " ".join(path.name for path in options.tables), " ".join(map(str, options.rows))
    facts = about(f"make bench-global-hosts TABLES='{tables}' ROWS='{rows}'", packages=("xgboost-cpu", "ray"))
    results = []
    for source in (*options.tables, *options.rows):
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # Ray needs short names
            results.append(measured(source, Path(folder), rounds=options.rounds))
    content = json.dumps(facts | {"results": results}, indent=1)
    (options.results / "global_hosts.json").write_text(content + "\n")
    text = _markdown(facts, results)
    (options.results / "global_hosts.md").write_text(text)
    sys.stdout.write(text)


def measured(source: Path | int, base: Path, *, rounds: int) -> dict[str, Any]:
    """Return the figures of one fleet: a table's, or a made-up one with so many rows."""
    name = source.name.partition(".")[0] if isinstance(source, Path) else f"made up, {source:,}"
    for part in ("until", "whole"):
        (_write_table(source, base, part) if isinstance(source, Path) else _make_up(source, base, part))
    later = _later(base)
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, runs in found.items():
            runs.append(_run(way, base / "until"))
            trees = _load(base / "until")
            runs[-1]["mae"] = float(np.abs(later.target - trees.predict(later.x)).mean())
            sys.stderr.write(f"{name}, {way}: {runs[-1]}\n")
    figures = {way: {key: median(run[key] for run in runs) for key in runs[0]} for way, runs in found.items()}
    naive = float(np.abs(later.target).mean())
    return {"fleet": name, "later_rows": later.target.size, "without_trees": naive, "ways": figures}


def _write_table(table: Path, base: Path, part: str) -> None:
    rows = pd.read_csv(table)
    for customer, group in rows.groupby("unique_id"):
        own = group[group["split"] == "train"] if part == "until" else group
        _write(base / part, str(customer), own["ds"], own["y"])
    _write_hyperparameters(base / part, 10**6)


def _make_up(rows: int, base: Path, part: str) -> None:
    days = np.arange(24 * (DAYS + (7 if part == "whole" else 0))) / 24
    times = pd.Series(pd.date_range("2026-01-01", periods=days.size, freq="h"))
    customers = CUSTOMERS if part == "until" else TRIED
    for number in range(customers):
        if number < DIFFERENT:
            y = consumption(days, np.random.default_rng(number))
            _write(base / part, f"c{number:05}", times, pd.Series(y.round(4)))
        else:
            folder = base / part / "input/data/train" / f"c{number:05}"
            folder.mkdir()
            os.link(folder.with_name(f"c{number % DIFFERENT:05}") / "data.csv", folder / "data.csv")
    _write_hyperparameters(base / part, rows)


def _write(base: Path, customer: str, times: "pd.Series[Any]", y: "pd.Series[Any]") -> None:
    folder = base / "input/data/train" / customer
    folder.mkdir(parents=True)
    pd.DataFrame({"ds": times, "y": y}).to_csv(folder / "data.csv", index=False)


def _write_hyperparameters(base: Path, rows: int) -> None:
    rows = max(rows, MOST_ROWS_HERE + 1)  # so that two hosts keep them
    texts = {"models": "global", "backtest_horizon": str(HORIZON), "global_rows": str(rows)}
    (base / "input/config").mkdir(parents=True)
    (base / "input/config/hyperparameters.json").write_text(json.dumps(texts))


def _later(base: Path) -> TrainingRows:
    """Return rows whose origins are not before the end of the training."""
    settings = TrainSettings.from_files(Paths(base / "whole"))
    whole = DrawRows(settings, 20 * HORIZON)
    ends = {each.name: each for each in find_customers(Paths(base / "until"))}
    parts = []
    for customer in find_customers(Paths(base / "whole"))[:TRIED]:
        drawn, until = whole(customer), DrawRows(settings, 1)(ends[customer.name])
        if drawn.stacked is not None:
            parts.append(drawn.stacked.with_origins(until.end, drawn.end, drawn.step))
    return TrainingRows.together(parts, len(STACKED_FEATURES))


def _run(way: str, base: Path) -> dict[str, Any]:
    """Return what a job takes, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.global_hosts", "--job", way, str(base)]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    figures: dict[str, Any] = json.loads(output.splitlines()[-1])
    return figures


def job(way: str, base: Path) -> None:
    """Draw rows, fit the stacked trees of the last date, keep them, and print what it took as JSON."""
    logging.disable(logging.WARNING)
    paths = Paths(base)
    settings = replace(TrainSettings.from_files(paths), workers=1)
    with _engine(way, settings, paths) as (engine, raylets), _Watch(raylets) as watch:
        begun = time.perf_counter()
        with rows_of(engine, find_customers(paths), settings, lambda: False) as rows:
            drawn = time.perf_counter()
            end = max(each.end for each in rows.customers)
            count = int(rows.counts("stacked", [end])[0])
            trees = rows.fit([TreesFit("stacked", end, count)])["stacked", end]
        done = time.perf_counter()
    arrays = {name: getattr(trees, name) for name in ("column", "threshold", "left", "roots")}
    np.savez(base / "trees.npz", **arrays, numbers=[trees.features, trees.base_score, trees.depth])
    figures = {"rows": count, "draw_seconds": drawn - begun, "fit_seconds": done - drawn}
    sys.stdout.write("\n" + json.dumps(figures | watch.figures()) + "\n")


def _load(base: Path) -> Trees:
    with np.load(base / "trees.npz") as arrays:
        features, base_score, depth = arrays["numbers"].tolist()
        own = {name: arrays[name] for name in ("column", "threshold", "left", "roots")}
    return Trees(features=int(features), base_score=base_score, depth=int(depth), **own)


@contextmanager
def _engine(way: str, settings: TrainSettings, paths: Paths) -> Iterator[tuple[Engine, list[int]]]:
    """Return the engine and the processes whose descendants are a host."""
    if way == "one":
        yield LocalEngine.of(settings), [os.getpid()]
        return
    os.environ["PYTHONPATH"] = str(ROOT)
    with ExitStack() as stack:
        cluster = stack.enter_context(ray_hosts(2))
        stack.enter_context(connected(cluster.address))
        yield RayEngine.of(settings, cluster_hosts([]), paths.checkpoints), list(cluster.nodes())


class _Watch:
    """A thread that looks at the largest memory of each host, and the processor time of all processes."""

    def __init__(self, roots: Sequence[int]) -> None:
        self._most = dict.fromkeys(roots, 0)
        self._seconds: dict[int, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def figures(self) -> dict[str, float]:
        """Return the most of a host, and of this process, in MB, and the seconds."""
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return {
            "processor_seconds": time.process_time() + sum(self._seconds.values()),
            "host_megabytes": max(self._most.values()) / MEGABYTE,
            "own_megabytes": own / MEGABYTE,
        }

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    times = process.cpu_times()
                    self._seconds[process.pid] = times.user + times.system
            for root in self._most:
                self._most[root] = max(self._most[root], _pss(root))


def _pss(root: int) -> int:
    total = 0
    with suppress(psutil.Error):
        for process in (own := psutil.Process(root), *own.children(recursive=True)):
            with suppress(psutil.Error):
                total += process.memory_full_info().pss
    return total


def _markdown(facts: dict[str, Any], results: Sequence[dict[str, Any]]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    machine = f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}"
    lines = [
        f"{facts['date']}, `{facts['command']}`: {machine}; {versions}.",
        "",
        HEADER,
        "| --- | --: | --- | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for result in results:
        for way, own in result["ways"].items():
            head = own["host_megabytes"] if way == "one" else own["own_megabytes"]
            lines.append(
                f"| {result['fleet']} | {own['rows']:,} | {way} | {own['processor_seconds']:.0f} "
                f"| {own['draw_seconds']:.0f} | {own['fit_seconds']:.0f} | {own['host_megabytes']:.0f} "
                f"| {head:.0f} | {own['mae']:.4f} | {result['without_trees']:.4f} |"
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
