"""Serving against the stock stack, both running at the same time and asked in turn: `make bench-serving`.

The stock stack is the published Multi Model Server with sagemaker-inference and a plain Prophet handler.
The load comes from wrk, a single thread of C, on the same processors.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
import psutil

from benchmarks._report import RESULTS, write
from benchmarks._timing import Comparison, of_rounds
from benchmarks._wrk import need_wrk, wrk
from benchmarks.stock.server import stock_serving
from fleetcast.forecasting import dumps, fit
from testbed.server import Server, serving

STOCK_MODELS: Final = 8
ROWS: Final = 1_000
KINDS: Final = 20
WARM_UP: Final = 40
"""Loads until Java has compiled what it needs."""
CLIENTS: Final = (1, 8, 64)
ROUNDS: Final = 3
SCRIPT: Final = """
math.randomseed(os.time())
local models = tonumber(os.getenv("MODELS"))
request = function()
  return wrk.format("POST", "/models/" .. math.random(0, models - 1) .. "/invoke",
                    {["Content-Type"] = "application/json"}, '{"period": 7}')
end
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, write benchmarks/results/serving.json and serving.md, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument(
        "--models", type=int, default=1_000, help="loaded for the load (default: %(default)s)"
    )
    parser.add_argument("--most", type=int, default=3_000, help="loaded at last (default: %(default)s)")
    options = parser.parse_args(arguments)
    need_wrk()
    with tempfile.TemporaryDirectory(prefix="bench-serving-") as name, ExitStack() as stack:
        base = Path(name)
        write_models(base / "models", count=options.most)
        lines = [startup(base)]
        stock = stack.enter_context(stock_serving())
        ours = stack.enter_context(serving(base, SAGEMAKER_CONTAINER_LOG_LEVEL="WARNING"))
        lines.append(cold_loads(stock, ours, base))
        lines += [memory(stock, ours, base, models) for models in (100, options.models)]
        lines += warm(stock, ours, base, models=options.models)
        grown = many(ours, base, models=options.most)
        lines.append(memory(stock, ours, base, options.most))
    text = write("serving", lines, command="python -m benchmarks.serving", packages=("numpy", "prophet"))
    (RESULTS / "serving.md").write_text(text + grown)
    sys.stdout.write(text + grown)


def write_models(folder: Path, *, count: int) -> None:
    """Write <customer>/model/model.json, of a few kinds, as SageMaker lays models out."""
    random = np.random.default_rng(0)
    texts = []
    for _ in range(KINDS):
        seconds = np.sort(random.integers(0, 365 * 86_400, ROWS)).astype("timedelta64[s]")
        y = 300 + 20 * np.sin(np.arange(ROWS) / 50) + random.normal(0, 20, ROWS)
        texts.append(dumps(fit(np.datetime64("2025-01-01T00:00:00") + seconds, y)))
    for customer in range(count):
        path = folder / str(customer) / "model" / "model.json"
        path.parent.mkdir(parents=True)
        path.write_text(texts[customer % KINDS])


def startup(base: Path) -> Comparison:
    """Return the seconds from the start until the list of models is answered."""
    rounds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        with stock_serving():
            theirs = time.perf_counter() - begun
        begun = time.perf_counter()
        with serving(base):
            rounds.append((theirs, time.perf_counter() - begun))
    return of_rounds(rounds, section="start-up", case="until GET /models is answered", unit="s")


def cold_loads(stock: Server, ours: Server, base: Path) -> Comparison:
    """Return the seconds of POST /models, one after the other."""
    _load_all(ours, base, range(WARM_UP))  # the stock stack's eight take longer than these together
    rounds = []
    for customer in range(STOCK_MODELS):
        theirs = _load(stock, base, customer)
        rounds.append((theirs, median(_load_all(ours, base, _after(WARM_UP, customer)))))
    return of_rounds(rounds, section="cold load", case="POST /models", unit="s", at_least=60.0)


def _after(first: int, turn: int) -> range:
    """Return five customers more for each turn."""
    return range(first + 5 * turn, first + 5 * turn + 5)


def memory(stock: Server, ours: Server, base: Path, models: int) -> Comparison:
    """Return the proportional memory of everything there is, divided by the models."""
    loaded = len(ours.request("GET", "/models").json["models"])
    if loaded < models:
        _load_all(ours, base, range(_count(ours), models))
    _settle()
    pair = (_pss(stock) / STOCK_MODELS, _pss(ours) / models)
    case = f"of all processes, per model, {models:,} models (stock: {STOCK_MODELS})"
    reach = {"at_least": 100.0} if models >= 1_000 else {}  # noqa: PLR2004 -- the fixed part is shared by many
    return of_rounds([pair], section="memory", case=case, unit="B", **reach)


def warm(stock: Server, ours: Server, base: Path, *, models: int) -> list[Comparison]:
    """Return seconds per request and latencies, of one model and of all of them."""
    del base
    lines = []
    for many_models in (False, True):
        counts = (STOCK_MODELS, models) if many_models else (1, 1)
        for clients in CLIENTS:
            seen = [(_wrk(stock, counts[0], clients), _wrk(ours, counts[1], clients)) for _ in range(ROUNDS)]
            case = f"{counts[1]:,} models (stock: {counts[0]}), {clients} clients"
            asked = {"at_least": 80.0} if many_models and clients == max(CLIENTS) else {}
            parts = (("seconds per request", 0, asked), ("latency, p50", 1, {}), ("latency, p99", 2, {}))
            for section, part, reach in parts:
                pairs = [(theirs[part], own[part]) for theirs, own in seen]
                lines.append(of_rounds(pairs, section=section, case=case, unit="s", **reach))
    return sorted(lines, key=lambda line: line.section, reverse=True)


def many(ours: Server, base: Path, *, models: int) -> str:
    """Load as many models as asked for, and tell how long it took and how they answer then."""
    begun = time.perf_counter()
    before = _count(ours)
    seconds = _load_all(ours, base, range(before, models))
    took = time.perf_counter() - begun
    _wrk(ours, models, 8)
    rate, _, p99 = _wrk(ours, models, 8)
    return (
        f"\nModels {before + 1:,} to {models:,} were loaded in {took:.1f} s, one after the other, "
        f"{median(seconds) * 1e3:.1f} ms each; then 8 clients on all of them had {1 / rate:,.0f} requests/s "
        f"with a p99 of {p99 * 1e3:.1f} ms.\n"
    )


def _count(server: Server) -> int:
    token, count = "0", 0
    while token:
        page = server.request("GET", f"/models?limit=100&next_page_token={token}").json
        count += len(page["models"])
        token = page.get("nextPageToken", "") if page["models"] else ""
    return count


def _load_all(server: Server, base: Path, customers: range) -> list[float]:
    return [_load(server, base, customer) for customer in customers] or [0.0]


def _load(server: Server, base: Path, customer: int) -> float:
    begun = time.perf_counter()
    answer = server.load(str(customer), base / "models" / str(customer) / "model")
    assert answer.status == 200, answer  # noqa: PLR2004, S101 -- a benchmark of failures would be none
    return time.perf_counter() - begun


def _settle() -> None:
    """Let pool and server finish what they do after a load."""
    time.sleep(2)


def _pss(server: Server) -> int:
    root = psutil.Process(server.process.pid)
    total = 0
    for process in (root, *root.children(recursive=True)):
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total


def _wrk(server: Server, models: int, clients: int) -> tuple[float, float, float]:
    return wrk(server.url, clients=clients, script=SCRIPT, environment={"MODELS": str(models)})


if __name__ == "__main__":
    main()
