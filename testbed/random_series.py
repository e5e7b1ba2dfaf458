"""One random series fitted and forecast by the core and by stock Prophet, and how far the two are apart."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import numpy as np
import pandas as pd
import psutil
from numpy.typing import NDArray
from prophet import Prophet

from fleetcast import forecasting
from fleetcast.errors import FitError, HistoryError, SettingError
from fleetcast.forecasting.preprocessing.changepoints import without_changepoints
from fleetcast.forecasting.preprocessing.preparation import Prepared, estimation_problem
from testbed.generated_series import Generated, future, generated
from testbed.objective import stock_parameters, value
from testbed.open_directions import is_open
from testbed.preparation import fit_with, prepared
from testbed.stock_cases import Case

SECONDS: Final = 20
"""Longest stock fit; a longer one is left out of the comparison."""
LONG: Final = 100
"""Number of readings from which on stock Prophet uses L-BFGS."""
YEARS: Final = pd.Timedelta(days=730)
"""Shortest history with a reading in every month, for a yearly season."""
_ADDED: Final = ("seasonalities", "extra_regressors", "country_holidays")


def judged(seed: int) -> dict[str, Any]:
    """Return the fits and forecasts of the core and of stock Prophet for the series of a seed, compared."""
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
            ours = fit_with(frame.ds, frame.y, **_columns(case, frame), **case.declared())
    except (SettingError, HistoryError) as error:
        return f"refused: {error}", None
    except FitError as error:
        return f"failed: {error}", None
    except TimeoutError:
        return "slow", None
    except Exception as error:  # noqa: BLE001 - a crash is a result here
        return f"crash: {error!r}", None
    return ours.engine if isinstance(ours, forecasting.Model) else "sampled", ours


def prepared_of(case: Case, frame: pd.DataFrame) -> Prepared:
    """Return the core's fit before its estimate."""
    declared = dict(case.declared())
    added = {name: declared.pop(name) for name in _ADDED}
    return prepared(frame.ds, frame.y, **declared, **_columns(case, frame), **added)


def is_corrected(case: Case, frame: pd.DataFrame) -> bool:
    """Return whether terms multiply a trend with a floor, which stock Prophet forecasts wrongly."""
    has_floor = "floor" in frame or case.arguments["scaling"] == "minmax"
    return has_floor and bool(estimation_problem(prepared_of(case, frame)).multiplicative.any())


def _objectives(case: Case, frame: pd.DataFrame, ours: forecasting.Model, stock: Prophet) -> dict[str, Any]:
    """Return F of both, and whether the readings leave a direction open."""
    prepared = prepared_of(case, frame)
    if without_changepoints(prepared.settings) or np.ptp(frame.y.to_numpy()) == 0:
        return {}
    of, theirs = estimation_problem(prepared), stock_parameters(stock)
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


def _columns(case: Case, frame: pd.DataFrame) -> dict[str, Any]:
    return {name: values for name, values in case.columns(frame).items() if values is not None}


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


def _both(
    case: Case, rows: pd.DataFrame, ours: forecasting.Model, stock: Prophet
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows = rows.sort_values("ds", ignore_index=True)
    mine = forecasting.forecast(
        ours, forecasting.ForecastOptions(ds=rows.ds.to_numpy(), **_columns(case, rows))
    )["yhat"]
    return np.asarray(mine), stock.predict(rows).yhat.to_numpy()
