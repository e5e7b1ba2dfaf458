"""The numeric core against stock Prophet, one interleaved run in one process: `make bench-core`."""

import argparse
import gc
import itertools
import json
import logging
import os
import subprocess
import sys
import tracemalloc
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from prophet import Prophet
from prophet.serialize import model_from_json, model_to_json

from benchmarks._report import write
from benchmarks._timing import Comparison, compare, of_rounds
from fleetcast import forecasting
from fleetcast.forecasting import ForecastOptions, dumps, forecast
from testbed.customers import customer
from testbed.preparation import fit_with

GROWTHS: Final = ("linear", "flat", "logistic")
MODES: Final = ("additive", "multiplicative")
KINDS: Final = ("365 daily", "1,000 irregular", "8,760 hourly")
FIT_AT_LEAST: Final = {"1,000 irregular": 150.0, "8,760 hourly": 350.0}
PREDICT_AT_LEAST: Final = {7: 60.0, 30: 50.0, 365: 40.0}
IMPORT: Final = """
import json, sys, time
started = time.perf_counter()
import {module}
seconds = time.perf_counter() - started
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
heavy = [name for name in ("pandas", "scipy", "prophet", "cmdstanpy") if name in sys.modules]
print(json.dumps([seconds, 1024.0 * int(status["VmRSS"].split()[0]), heavy]))
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, write benchmarks/results/core.json and core.md, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.core", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds per comparison (default: 5)")
    parser.add_argument("--quick", action="store_true", help="2 rounds, without the hourly year")
    options = parser.parse_args(arguments)
    rounds = 2 if options.quick else options.rounds
    kinds = KINDS[:2] if options.quick else KINDS
    command = "python -m benchmarks.core" + (" --quick" if options.quick else f" --rounds {rounds}")

    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    lines = []
    for line in itertools.chain(
        fits(kinds, rounds), predictions(rounds), imports(rounds), loading(rounds), memory()
    ):
        sys.stderr.write(f"{line.section}, {line.case}: {line.ratio:.1f}\n")
        lines.append(line)
    packages = ("numpy", "prophet", "pandas", "cmdstanpy")
    sys.stdout.write(write("core", lines, command=command, packages=packages))


def fits(kinds: Sequence[str], rounds: int) -> Iterator[Comparison]:
    """Time whole fits, preprocessing included."""
    for kind, growth, mode in itertools.product(kinds, GROWTHS, MODES):
        readings = customer(kind)
        yield compare(
            partial(_stock_fit, readings.frame(), growth, mode),
            partial(forecasting.fit, **readings.arguments(growth), seasonality_mode=mode),
            rounds=rounds,
            section="fit",
            case=f"{kind}, {growth}, {mode}",
            at_least=FIT_AT_LEAST.get(kind) if (growth, mode) == ("linear", "additive") else None,
        )


def predictions(rounds: int) -> Iterator[Comparison]:
    """Time forecasts with intervals, ours from twenty models in turn and stock's from one."""
    for growth, mode in itertools.product(GROWTHS, MODES):
        customers = [customer("1,000 daily", seed=seed) for seed in range(20)]
        stock = _stock_fit(customers[0].frame(), growth, mode)
        models = [fit_with(**one.arguments(growth), seasonality_mode=mode) for one in customers]
        cap = customers[0].cap[0]
        for horizon in PREDICT_AT_LEAST:
            future = stock.make_future_dataframe(horizon, include_history=False)
            future["cap"] = cap
            wanted = {"cap": cap} if growth == "logistic" else {}
            yield compare(
                partial(stock.predict, future),
                partial(_next_forecast, itertools.cycle(models), horizon, wanted),
                rounds=rounds,
                section="predict with intervals",
                case=f"{horizon} steps, {growth}, {mode}",
                at_least=PREDICT_AT_LEAST[horizon],
            )


def _stock_fit(frame: Any, growth: Any, mode: Any) -> Any:  # noqa: ANN401 - a data frame, names, a Prophet
    return Prophet(growth=growth, seasonality_mode=mode).fit(frame)


def _next_forecast(turn: Iterator[Any], horizon: int, wanted: dict[str, float]) -> Any:  # noqa: ANN401
    """Forecast as for the first time: a model otherwise keeps the last small horizon it was asked for."""
    model = next(turn)
    model.horizon_cache.clear()
    return forecast(model, ForecastOptions(horizon, **wanted))


def imports(rounds: int) -> Iterator[Comparison]:
    """Time imports in fresh processes, and what they occupy."""
    seen = [(_imported("prophet"), _imported("forecasting")) for _ in range(rounds)]
    heavy = {name for _, ours in seen for name in ours[2]}
    if heavy:
        raise RuntimeError(f"importing forecasting also imports {', '.join(sorted(heavy))}")
    seconds = [(stock[0], ours[0]) for stock, ours in seen]
    resident = [(stock[1], ours[1]) for stock, ours in seen]
    yield of_rounds(seconds, section="process", case="import time", unit="s", at_most=0.15)
    yield of_rounds(resident, section="process", case="resident memory after import", unit="B", at_most=35e6)


def _imported(module: str) -> Any:  # noqa: ANN401 - seconds, bytes, names
    program = [sys.executable, "-c", IMPORT.format(module=module)]
    done = subprocess.run(program, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def loading(rounds: int) -> Iterator[Comparison]:
    """Time the reading of a model's JSON: ours slim, stock's with its history."""
    readings = customer("1,000 daily")
    slim = dumps(fit_with(**readings.arguments("linear")))
    full = model_to_json(Prophet().fit(readings.frame()))
    for case, stock_text, our_text, at_most in (
        ("own JSON (stock: with history)", full, slim, 1e-3),
        ("stock's JSON with history", full, full, None),
        ("our slim JSON", slim, slim, None),
    ):
        yield compare(
            partial(model_from_json, stock_text),
            partial(forecasting.loads, our_text),
            rounds=rounds,
            section="load a model of 1,000 rows",
            case=case,
            at_most=at_most,
        )
    sizes = [(float(len(full)), float(len(slim)))]
    yield of_rounds(sizes, section="size of a model of 1,000 rows", case="JSON", unit="B")


def memory(models: int = 1000, stock_models: int = 20) -> Iterator[Comparison]:
    """Weigh loaded models, all different."""
    slim = [
        dumps(fit_with(**customer("1,000 daily", seed=seed).arguments("linear"))) for seed in range(models)
    ]
    full = [
        model_to_json(Prophet().fit(customer("1,000 daily", seed=seed).frame()))
        for seed in range(stock_models)
    ]
    sizes = [(_bytes_each(model_from_json, full), _bytes_each(forecasting.loads, slim))]
    yield of_rounds(sizes, section="size of a model of 1,000 rows", case="loaded", unit="B", at_most=4e3)


def _bytes_each(load: Callable[[str], Any], texts: Sequence[str]) -> float:
    kept = [load(texts[0])]
    gc.collect()
    tracemalloc.start()
    kept += [load(text) for text in texts[1:]]
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / (len(kept) - 1)


def one_thread() -> None:
    """Start this program again with one BLAS thread, as NumPy reads the number when it is loaded."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    if any(os.environ.get(name) != "1" for name in names):
        os.environ.update(dict.fromkeys(names, "1"))
        os.execv(sys.executable, [sys.executable, "-m", "benchmarks.core", *sys.argv[1:]])  # noqa: S606 - ourselves


if __name__ == "__main__":
    one_thread()
    main()
