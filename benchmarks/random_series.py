"""Random series of every kind against stock Prophet, estimate by estimate: `make bench-random`.

Writes benchmarks/results/random_series.json and random_series.md.
"""

import argparse
import json
import logging
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import numpy as np
import pandas as pd
import psutil
from numpy.typing import NDArray
from prophet import Prophet

from benchmarks._report import RESULTS, about
from fleetcast import forecasting
from fleetcast.forecasting import ForecastOptions, forecast
from fleetcast.forecasting.preprocessing.changepoints import without_changepoints
from fleetcast.forecasting.preprocessing.prepare import Prepared, prepare, problem
from fleetcast.forecasting.settings import settings_from
from tests.parity.generated_series import Generated, future, generated
from tests.parity.open_directions import is_open
from tests.parity.stock import Case
from tests.parity.test_map_parity import stock_parameters, value

SECONDS: Final = 20
"""A stock fit that takes longer is left out."""
LONG: Final = 100
"""From so many readings stock Prophet uses L-BFGS."""
YEARS: Final = pd.Timedelta(days=730)
"""A yearly season from a shorter history is one from months never seen."""
_ADDED: Final = ("seasonalities", "extra_regressors", "country_holidays")


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


def judged(seed: int) -> dict[str, Any]:
    """Return what the core and stock Prophet make of the series of a seed."""
    one = generated(seed)
    frame, declared = one.case.frame(), one.case.declared()
    fact: dict[str, Any] = {"seed": seed, "rows": len(frame), "freq": one.case.freq, "closed": one.closed}
    fact |= {name: declared[name] for name in ("growth", "seasonality_mode", "scaling")}
    fact["outcome"], ours = _by_the_core(one.case, frame)
    began = time.perf_counter()
    try:
        stock = by_stock(one.case, frame)
    except TimeoutError:
        return fact | {"stock": "slow"}
    except (RuntimeError, ValueError, OverflowError, FloatingPointError) as error:
        return fact | {"stock": "failed", "stock_said": str(error)[:200]}
    if stock.seasonalities.get("yearly") and np.ptp(frame.ds) < YEARS and one.closed:
        fact["closed"] = "months"
    fact |= {"stock": "fitted", "stock_seconds": round(time.perf_counter() - began, 2)}
    if isinstance(ours, forecasting.Model) and ours.engine == "fleetcast":
        fact |= _objectives(one.case, frame, ours, stock) | _forecasts(one, frame, ours, stock)
    return fact


def by_stock(case: Case, frame: pd.DataFrame) -> Prophet:
    """Return stock Prophet's model; raises TimeoutError after SECONDS."""
    return case.unfitted().fit(frame.copy(), timeout=SECONDS)


def _by_the_core(case: Case, frame: pd.DataFrame) -> tuple[str, Any]:
    try:
        with _at_most(3 * SECONDS):
            ours = forecasting.fit(frame.ds, frame.y, **_columns(case, frame), **case.declared())
    except (forecasting.SettingError, forecasting.HistoryError) as error:
        return f"refused: {error}", None
    except forecasting.FitError as error:
        return f"failed: {error}", None
    except TimeoutError:
        return "slow", None
    except Exception as error:  # noqa: BLE001 - a crash is a result here
        return f"crash: {error!r}", None
    return ours.engine if isinstance(ours, forecasting.Model) else "sampled", ours


@contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    """Raise TimeoutError after so many seconds and end the programs that were started meanwhile."""

    def stop(*_: object) -> None:
        raise TimeoutError

    before = set(psutil.Process().children(recursive=True))
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        for child in set(psutil.Process().children(recursive=True)) - before:
            with suppress(psutil.NoSuchProcess):
                child.kill()


def _columns(case: Case, frame: pd.DataFrame) -> dict[str, Any]:
    return {name: values for name, values in case.columns(frame).items() if values is not None}


def prepared_of(case: Case, frame: pd.DataFrame) -> Prepared:
    """Return all of the core's fit but the estimate."""
    declared = dict(case.declared())
    added = {name: declared.pop(name) for name in _ADDED}
    return prepare(frame.ds, frame.y, settings=settings_from(declared), **_columns(case, frame), **added)


def is_corrected(case: Case, frame: pd.DataFrame) -> bool:
    """Return whether terms multiply a trend with a floor, which stock forecasts otherwise than it fits."""
    has_floor = "floor" in frame or case.arguments["scaling"] == "minmax"
    return has_floor and bool(problem(prepared_of(case, frame)).multiplicative.any())


def _objectives(case: Case, frame: pd.DataFrame, ours: forecasting.Model, stock: Prophet) -> dict[str, Any]:
    """Return F of both, and whether the readings leave a direction open."""
    prepared = prepared_of(case, frame)
    if without_changepoints(prepared.settings) or np.ptp(frame.y.to_numpy()) == 0:
        return {}
    of, theirs = problem(prepared), stock_parameters(stock)
    with np.errstate(all="ignore"):
        values = {"F": value(of, ours.parameters), "stock_F": value(of, theirs)}
    above = values["F"] - values["stock_F"] > 1e-6 * abs(values["stock_F"])
    return values | {"open": is_open(of, ours.parameters), "above": bool(above)}


def _forecasts(
    one: Generated, frame: pd.DataFrame, ours: forecasting.Model, stock: Prophet
) -> dict[str, Any]:
    """Return distances between the forecasts: of the readings in sigma, of unseen slots in ranges of y."""
    fact: dict[str, Any] = {"corrected": is_corrected(one.case, frame)}
    y = frame.y.to_numpy()
    size = float(np.ptp(y)) or 1.0
    sigma = float(np.ravel(stock.params["sigma_obs"])[0]) * stock.y_scale
    mine, theirs = _both(one.case, frame.drop(columns="y"), ours, stock)
    fact["readings_apart_in_sigma"] = float(np.sqrt(np.mean((mine - theirs) ** 2)) / sigma)
    if len(one.unseen):
        mine, theirs = _both(one.case, future(one.case, one.unseen), ours, stock)
        fact["unseen_apart_in_ranges"] = float(np.abs(mine - theirs).max() / size)
        outside = np.maximum(np.maximum(y.min() - mine, mine - y.max()), 0)
        fact["unseen_outside_in_ranges"] = float(outside.max() / size)
    return fact


def _both(
    case: Case, rows: pd.DataFrame, ours: forecasting.Model, stock: Prophet
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows = rows.sort_values("ds", ignore_index=True)
    mine = forecast(ours, ForecastOptions(ds=rows.ds.to_numpy(), **_columns(case, rows)))["yhat"]
    return np.asarray(mine), stock.predict(rows).yhat.to_numpy()


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
