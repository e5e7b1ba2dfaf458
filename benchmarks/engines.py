"""What the engine `ray` costs beside `local`, and the fleet in which it is faster: `make bench-ray`.

Cost: the same job by both engines in turn, with the same number of worker processes: `local` as it is, `ray`
on two logical hosts of this machine.  Processor seconds are those of every process, Ray's own included.

Gain: customers that only sleep, one in a hundred for 1.5 s, on four logical hosts with a worker process each.
The slow ones lie side by side in the order of names.  Fixed shares run as four processes at once.
"""

import argparse
import ctypes
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any, Final

import psutil

from benchmarks._report import RESULTS, about
from benchmarks._slow_customers import SleepAsNamed, seconds_of_share
from benchmarks.train import make_fleet
from container import Paths, usable_cpus
from testbed.ray_hosts import ray_hosts
from train.channel import Customer
from train.engines import RayEngine, cluster_hosts, connected
from train.engines.worker import Limits

SET_CHILD_SUBREAPER: Final = 36
SAMPLE_SECONDS: Final = 0.2
SLOW_SECONDS: Final = 1.5
FAST_SECONDS: Final = 0.005
SLOW_HOSTS: Final = 4
SLEEPERS: Final = 2_000
COMMAND: Final = "python -m benchmarks.engines"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, write benchmarks/results/engines.json and engines.md, and print the tables."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of both engines (default: %(default)s)")
    parser.add_argument(
        "--fleets", type=int, nargs="+", default=[1_000, 10_000], help="sizes (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0"}
    ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1)  # to count processes whose parent has ended
    costs = [cost(customers, rounds=options.rounds) for customers in options.fleets]
    gains = gain(rounds=options.rounds)
    content = about(COMMAND, packages=("numpy", "ray")) | {"costs": costs, "gains": gains}
    (RESULTS / "engines.json").write_text(json.dumps(content, indent=1) + "\n")
    text = _markdown(content)
    (RESULTS / "engines.md").write_text(text)
    sys.stdout.write(text)


def cost(customers: int, *, rounds: int) -> dict[str, Any]:
    """Return the seconds of a job by engine, and of a cluster without a job: clock and processor."""
    runs: dict[str, list[tuple[float, float]]] = {"local": [], "ray": [], "cluster": []}
    with tempfile.TemporaryDirectory(prefix="bench-ray-") as name:
        paths = make_fleet(Path(name), customers=customers)
        for _ in range(rounds):
            for engine, seen in runs.items():
                seen.append(_measured(paths, engine))
                sys.stderr.write(f"{customers} customers, {engine}: {seen[-1]}\n")
    processor = {engine: median(each[1] for each in seen) for engine, seen in runs.items()}
    pairs = list(zip(runs["local"], runs["ray"], runs["cluster"], strict=True))
    return {
        "customers": customers,
        "seconds": {engine: median(each[0] for each in seen) for engine, seen in runs.items()},
        "processor_seconds": processor,
        "ratio_of_seconds": median(ray[0] / local[0] for local, ray, _ in pairs),
        "ratio_of_processor_seconds": median((ray[1] - idle[1]) / local[1] for local, ray, idle in pairs),
    }


def _measured(paths: Paths, engine: str) -> tuple[float, float]:
    """Return the seconds of a job by the clock, and the processor seconds of all processes."""
    seen: dict[int, float] = {}
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(seen, ended))
    watcher.start()
    try:
        if engine == "local":
            seconds = _train(paths, engine)
        else:
            with ray_hosts(usable_cpus()) as hosts:
                seconds = _train(paths, engine, RAY_ADDRESS=hosts.address) if engine == "ray" else 0.0
    finally:
        ended.set()
        watcher.join()
    return seconds, sum(seen.values())


def _watch(seen: dict[int, float], ended: threading.Event) -> None:
    """Keep the processor seconds of each descendant, as last seen; Ray does not wait for its own children."""
    own = psutil.Process()
    while not ended.wait(SAMPLE_SECONDS):
        for process in own.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                seen[process.pid] = times.user + times.system


def _train(paths: Paths, engine: str, **env: str) -> float:
    """Run the real program from nothing, and return its seconds."""
    for folder in (paths.checkpoints, paths.model, paths.output_data):
        shutil.rmtree(folder, ignore_errors=True)
    paths.config.mkdir(parents=True, exist_ok=True)
    (paths.config / "hyperparameters.json").write_text(json.dumps({"engine": engine}))
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(paths.base)} | env
    started = time.perf_counter()
    subprocess.run(
        [Path(sys.executable).with_name("fleetcast"), "train"],
        env=environment,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - started


def gain(*, rounds: int) -> dict[str, float]:
    """Return the seconds of a skewed fleet by how its customers are shared out."""
    fleet = [
        Customer(f"{number:04}", (), problem=str(SLOW_SECONDS if number < SLEEPERS / 100 else FAST_SECONDS))
        for number in range(SLEEPERS)
    ]
    size = SLEEPERS // SLOW_HOSTS
    ranges = [fleet[first : first + size] for first in range(0, SLEEPERS, size)]
    every_nth = [fleet[first::SLOW_HOSTS] for first in range(SLOW_HOSTS)]
    seen: dict[str, list[float]] = {"ranges": [], "every_nth": [], "ray": []}
    with ray_hosts(SLOW_HOSTS) as hosts:
        for _ in range(rounds):
            seen["ranges"].append(_at_once(ranges))
            seen["every_nth"].append(_at_once(every_nth))
            seen["ray"].append(_on_hosts(hosts.address, fleet))
            sys.stderr.write(f"skewed fleet: { {name: each[-1] for name, each in seen.items()} }\n")
    return {name: median(each) for name, each in seen.items()}


def _at_once(shares: Sequence[Sequence[Customer]]) -> float:
    """Return the seconds of the host that is done last, each with one share."""
    with ProcessPoolExecutor(len(shares), multiprocessing.get_context("spawn")) as processes:
        return max(processes.map(seconds_of_share, shares))


def _on_hosts(address: str, fleet: Sequence[Customer]) -> float:
    """Return the seconds of the engine `ray` for the whole fleet, from hosts that it knows."""
    with connected(address):
        engine = RayEngine(Limits(60), cluster_hosts([]), Path("absent"))
        started = time.perf_counter()
        if len(list(engine.results(SleepAsNamed(), fleet))) != SLEEPERS:
            raise SystemExit("not every customer has a result")
        return time.perf_counter() - started


def _markdown(content: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in content["versions"].items())
    where = f"{content['cpu']}, {content['cores']} cores, {content['system']}; {versions}"
    costs = []
    for each in content["costs"]:
        clock, processor = each["seconds"], each["processor_seconds"]
        cells = [
            f"{each['customers']:,}",
            f"{clock['local']:.1f} s",
            f"{clock['ray']:.1f} s",
            f"{each['ratio_of_seconds']:.2f}",
            f"{processor['local']:.1f} s",
            f"{processor['ray'] - processor['cluster']:.1f} s",
            f"{each['ratio_of_processor_seconds']:.2f}",
            f"{processor['cluster']:.1f} s",
        ]
        costs.append(f"| {' | '.join(cells)} |")
    gains = content["gains"]
    shares = {
        "ranges of names, as `ShardedByS3Key` may make them": gains["ranges"],
        "every fourth customer: `local`": gains["every_nth"],
        "one queue: `ray`": gains["ray"],
    }
    rows = [f"| {words} | {took:.1f} | {took / gains['ray']:.2f} |" for words, took in shares.items()]
    return f"""\
{content["date"]}, `make bench-ray`: {where}.

Cost: the same customers with 1,000 readings each, and as many worker processes; `ray` on logical hosts of one
machine.  Medians of the rounds, the engines in turn; ratios are medians of the rounds' ratios.  The processor
seconds of `ray` are without those of a cluster that has no job, which the last column has.

| customers | `local` | `ray` | ratio | processor: `local` | `ray` | ratio | cluster alone |
| --: | --: | --: | --: | --: | --: | --: | --: |
{chr(10).join(costs)}

Gain: {SLEEPERS:,} customers on {SLOW_HOSTS} hosts with a worker each.  One in a hundred takes
{SLOW_SECONDS} s, the others {FAST_SECONDS * 1e3:g} ms; the slow ones lie side by side in the order of names.

| how hosts share the customers | seconds | in units of `ray` |
| --- | --: | --: |
{chr(10).join(rows)}
"""


if __name__ == "__main__":
    main()
