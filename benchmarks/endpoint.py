"""The plain endpoint against the application one writes first, asked in turn: `make bench-endpoint`.

The stock application is the same gunicorn with as many workers and threads, Flask, and Prophet inside.  The
load comes from wrk, a single thread of C, on the same processors.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
import psutil

from benchmarks._report import RESULTS, write
from benchmarks._timing import Comparison, of_rounds
from benchmarks._wrk import need_wrk, wrk
from fleetcast.archive import Archive, BundleWriter, pack
from fleetcast.forecasting import dumps, fit
from serving.models import ModelCache, open_store
from testbed.server import Server, free_port, serving_plain, wait_for_an_answer

CUSTOMERS: Final = 10_000
STOCK_CUSTOMERS: Final = 40
"""As many archives as the stock application is asked for: it keeps each model, of 100 KB."""
KINDS: Final = 20
ROWS: Final = 1_000
ROUNDS: Final = 3
CLIENTS: Final = (1, 8)
BATCH: Final = 1_000
HORIZON: Final = 30
SCRIPT: Final = """
math.randomseed(os.time())
local models = tonumber(os.getenv("MODELS"))
request = function()
  local body = '{"target_model": "' .. math.random(0, models - 1) .. '", "period": 7}'
  return wrk.format("POST", "/invocations", {["Content-Type"] = "application/json"}, body)
end
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, write benchmarks/results/endpoint.json and endpoint.md, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.endpoint", description=__doc__)
    parser.parse_args(arguments)
    need_wrk()
    with tempfile.TemporaryDirectory(prefix="bench-endpoint-") as name:
        base = Path(name)
        write_fleet(base)
        with (
            stock_serving(base / "archives") as stock,
            serving_plain(base, SAGEMAKER_CONTAINER_LOG_LEVEL="WARNING") as ours,
        ):
            lines = [*single(stock, ours), *split(stock, ours), *batches(stock, ours)]
            told = large_batch(ours) + memory(base) + cold_loads(base)
    text = write(
        "endpoint", lines, command="python -m benchmarks.endpoint", packages=("numpy", "prophet", "gunicorn")
    )
    (RESULTS / "endpoint.md").write_text(text + told)
    sys.stdout.write(text + told)


def write_fleet(base: Path) -> None:
    """Write a bundle of all customers, and archives of those that the stock application is asked for."""
    random = np.random.default_rng(0)
    packed = []
    for _ in range(KINDS):
        seconds = np.sort(random.integers(0, 365 * 86_400, ROWS)).astype("timedelta64[s]")
        y = 300 + 20 * np.sin(np.arange(ROWS) / 50) + random.normal(0, 20, ROWS)
        model = fit(np.datetime64("2025-01-01T00:00:00") + seconds, y)
        packed.append(pack(Archive(dumps(model), {})))
    for folder in ("model", "archives"):
        (base / folder).mkdir()
    for customer in range(STOCK_CUSTOMERS):
        (base / "archives" / f"{customer}.tar.gz").write_bytes(packed[customer % KINDS])
    with BundleWriter(base / "model" / "fleet-algo-1.sqlite") as bundle:
        for customer in range(CUSTOMERS):
            bundle.add(str(customer), packed[customer % KINDS])
        bundle.finish()


@contextmanager
def stock_serving(archives: Path) -> Iterator[Server]:
    """Run the stock application under gunicorn until the block ends."""
    port = free_port()
    gunicorn = Path(sys.executable).with_name("gunicorn")
    command = [str(gunicorn), "--workers", str(os.cpu_count()), "--threads", "4"]
    command += ["--bind", f"127.0.0.1:{port}", "--timeout", "600", "--log-level", "warning"]
    command += ["--no-control-socket", "benchmarks.stock.endpoint:app"]
    process = subprocess.Popen(
        command,
        env=os.environ | {"MODEL_FOLDER": str(archives), "PYTHONPATH": str(Path(__file__).parents[1])},
        start_new_session=True,
    )
    try:
        server = Server(f"http://127.0.0.1:{port}", process)
        wait_for_an_answer(server, "/ping")
        yield server
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def single(stock: Server, ours: Server) -> list[Comparison]:
    """Return seconds per request and latencies of forecasts of 7 days for one customer each."""
    lines = []
    for server, models in ((stock, STOCK_CUSTOMERS), (ours, BATCH)):  # all loaded
        _wrk(server, models, 8)
    for clients in CLIENTS:
        seen = [(_wrk(stock, STOCK_CUSTOMERS, clients), _wrk(ours, BATCH, clients)) for _ in range(ROUNDS)]
        case = f"7 days, one of {BATCH:,} customers (stock: {STOCK_CUSTOMERS}), {clients} clients"
        for part, (section, reach) in enumerate(
            (("seconds per request", {"at_least": 25.0}), ("latency, p50", {}), ("latency, p99", {}))
        ):
            pairs = [(theirs[part], own[part]) for theirs, own in seen]
            lines.append(of_rounds(pairs, section=section, case=case, unit="s", **reach))
    return sorted(lines, key=lambda line: line.section, reverse=True)


def split(stock: Server, ours: Server) -> list[Comparison]:
    """Return what gunicorn and Flask take by themselves: a request without a forecast."""
    pairs = [(_wrk(stock, 0, 8)[0], _wrk(ours, 0, 8)[0]) for _ in range(ROUNDS)]
    return [of_rounds(pairs, section="of which gunicorn and Flask", case="GET /ping, 8 clients", unit="s")]


def batches(stock: Server, ours: Server) -> list[Comparison]:
    """Return seconds per customer of requests for many customers, 30 days with intervals."""
    _batch(ours, BATCH)
    _batch(stock, STOCK_CUSTOMERS)
    pairs = [
        (
            _batch(stock, STOCK_CUSTOMERS) / STOCK_CUSTOMERS,
            median(_batch(ours, BATCH) for _ in range(3)) / BATCH,
        )
        for _ in range(ROUNDS)
    ]
    case = f"{HORIZON} days, {BATCH:,} customers in a request (stock: {STOCK_CUSTOMERS})"
    return [of_rounds(pairs, section="seconds per customer", case=case, unit="s", at_least=150.0)]


def large_batch(ours: Server) -> str:
    """Tell how long all customers take in one request, first cold and then from memory."""
    seconds = [_batch(ours, CUSTOMERS) for _ in range(5)]
    return (
        f"\n{CUSTOMERS:,} customers in one request, {HORIZON} days with intervals: {max(seconds):.1f} s with "
        f"models to load, {min(seconds):.1f} s with all of them in memory.\n"
    )


def memory(base: Path) -> str:
    """Tell what a loaded model takes of a server's memory, with one worker."""
    with serving_plain(base, SAGEMAKER_MODEL_SERVER_WORKERS="1") as server:
        _batch(server, 1)
        before = _pss(server)
        _batch(server, CUSTOMERS, horizon=1)
        grown = (_pss(server) - before) / (CUSTOMERS - 1)
    return f"A loaded model takes {grown / 1e3:.1f} KB, all that its worker grew by divided by the models.\n"


def cold_loads(base: Path) -> str:
    """Tell how long it takes to have a model that is not in memory, by its store."""
    return "".join(
        f"A cold load from {what} takes {_load_seconds(base / folder) * 1e6:.0f} µs (median).\n"
        for what, folder in (("a folder of archives", "archives"), ("a bundle", "model"))
    )


def _load_seconds(folder: Path) -> float:
    seconds = []
    for _ in range(25):
        cache = ModelCache(open_store(str(folder)), capacity_bytes=2**28, revalidate_seconds=10)
        for customer in range(STOCK_CUSTOMERS):
            begun = time.perf_counter()
            cache.get(str(customer))
            seconds.append(time.perf_counter() - begun)
    return median(seconds)


def _batch(server: Server, customers: int, *, horizon: int = HORIZON) -> float:
    records = [{"target_model": str(customer), "period": horizon} for customer in range(customers)]
    body = json.dumps({"requests": records}).encode()
    begun = time.perf_counter()
    answer = server.request("POST", "/invocations", body)
    took = time.perf_counter() - begun
    assert answer.status == 200, answer  # noqa: PLR2004, S101 -- a benchmark of failures would be none
    assert b'"error"' not in answer.content  # noqa: S101
    return took


def _pss(server: Server) -> int:
    root = psutil.Process(server.process.pid)
    return sum(each.memory_full_info().pss for each in (root, *root.children(recursive=True)))


def _wrk(server: Server, models: int, clients: int) -> tuple[float, float, float]:
    """Ask for forecasts of so many models, or for /ping without any."""
    script = SCRIPT if models else ""
    return wrk(f"{server.url}/ping", clients=clients, script=script, environment={"MODELS": str(models)})


if __name__ == "__main__":
    main()
