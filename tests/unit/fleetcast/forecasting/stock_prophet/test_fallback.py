"""Stock Prophet does what the core leaves to it, and leaves nothing behind."""

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fleetcast.errors import FitError, FutureError
from fleetcast.forecasting import ForecastOptions, Model, SampledModel, dumps, forecast, loads
from fleetcast.forecasting.stock_prophet import fallback
from testbed.preparation import fit_with

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
logging.getLogger("prophet").setLevel(logging.ERROR)

DAYS = np.datetime64("2024-01-01", "us") + np.arange(40) * np.timedelta64(1, "D")
Y = 10 + np.random.default_rng(0).normal(size=40)
BRIEF = {"iter_warmup": 20, "chains": 1, "seed": 1, "show_progress": False}


def left_behind() -> set[Path]:
    import cmdstanpy  # noqa: PLC0415 - as late as the product imports it

    folders = Path(tempfile.gettempdir()).glob("stan-*")
    return {*folders, *Path(cmdstanpy._TMPDIR).iterdir()}  # noqa: SLF001 - where Stan's files are


def test_three_rows_are_fitted_by_prophet() -> None:
    model = fit_with(DAYS[:3], [1.0, 2.0, 5.0])

    assert isinstance(model, Model)
    assert model.engine == "prophet"
    assert json.loads(dumps(model))["fleetcast"]["engine"] == "prophet"
    assert loads(dumps(model)).engine == "prophet"
    assert np.isfinite(forecast(model, ForecastOptions(2))["yhat"]).all()


def test_arguments_for_stan_are_passed_to_stock_prophet() -> None:
    before = left_behind()

    model = fit_with(
        DAYS,
        np.where(np.arange(40) == 7, np.nan, Y),
        stan_arguments={"algorithm": "Newton"},
        holidays={"ds": ["2024-01-10"], "holiday": ["fair"], "lower_window": [-1], "upper_window": [1]},
        changepoints=["2024-01-20"],
        seasonalities=[{"name": "s", "period": 3, "fourier_order": 1, "condition_name": "c"}],
        conditions={"c": np.arange(40) % 2},
        regressors={"r": np.arange(40.0)},
    )

    assert model.engine == "prophet"
    assert left_behind() == before
    table = forecast(model, ForecastOptions(2, components=True, regressors={"r": 4}, conditions={"c": True}))
    assert {"fair", "holidays", "s", "r", "weekly"} <= table.keys()


def test_a_model_with_mcmc_samples_is_fitted_written_and_forecast_by_stock_prophet() -> None:
    before = left_behind()

    model = fit_with(DAYS, Y, mcmc_samples=40, stan_arguments=BRIEF)
    again = loads(dumps(model))

    assert isinstance(model, SampledModel)
    assert isinstance(again, SampledModel)
    assert model.engine == again.engine == "prophet"
    assert left_behind() == before
    assert "trend" not in json.loads(dumps(model))["params"]
    table = forecast(again, ForecastOptions(3, quantiles=[0.25], components=True))
    assert table["ds"].tolist() == [DAYS[-1].item() + np.timedelta64(n, "D").item() for n in (1, 2, 3)]
    assert table["yhat"].tolist() == forecast(model, ForecastOptions(3))["yhat"].tolist()
    assert (table["yhat_lower"] < table["yhat_0.25"]).all()
    assert (table["weekly_lower"] < table["weekly_upper"]).all()
    with pytest.raises(FutureError, match="include_history"):
        forecast(again, ForecastOptions(3, include_history=True))


def test_mcmc_samples_with_their_history_forecast_it() -> None:
    model = fit_with(DAYS, Y, mcmc_samples=40, stan_arguments=BRIEF, keep_history=True)

    assert forecast(loads(dumps(model)), ForecastOptions(3, include_history=True))["ds"].size == 43


def test_the_error_of_a_failed_fit_by_stock_prophet_names_no_temporary_file() -> None:
    before = left_behind()

    with pytest.raises(FitError, match="stock Prophet failed to fit") as failure:
        fit_with(DAYS, Y, stan_arguments={"algorithm": "Guessing"})

    assert tempfile.gettempdir() not in str(failure.value)
    assert left_behind() == before


LONG_FIT = """
import numpy as np
from fleetcast import FitOptions, fit
ds = np.datetime64("2024-01-01") + np.arange(400)
y = np.random.default_rng(0).normal(size=400)
silent = {"chains": 1, "refresh": 1_000_000}  # else it dies of writing to nobody
fit(ds, y, FitOptions(mcmc_samples=400_000, stan_arguments=silent))
"""


def descendants(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):  # the process has just ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found + [grandchild for child in found for grandchild in descendants(child)]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
def test_stan_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    caller = subprocess.Popen(
        [sys.executable, "-c", LONG_FIT],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 60
        while not (stan := descendants(caller.pid)) and time.monotonic() < until:
            time.sleep(0.02)
        assert stan
        time.sleep(0.2)
    finally:
        caller.send_signal(signal.SIGKILL)
        caller.wait()

    until = time.monotonic() + 10
    while any(map(is_running, stan)) and time.monotonic() < until:
        time.sleep(0.02)
    survivors = [pid for pid in stan if is_running(pid)]
    for pid in survivors:
        os.kill(pid, signal.SIGKILL)
    assert survivors == []


@pytest.mark.parametrize("rows", [2, 3, 40, 400])
@pytest.mark.parametrize("arguments", [{}, {"seasonality_mode": "multiplicative"}, {"scaling": "minmax"}])
def test_readings_on_a_line_are_forecast_along_it_without_stock_prophet(
    rows: int, arguments: dict[str, Any]
) -> None:
    days = np.datetime64("2025-01-01") + np.arange(rows)
    y = 10 + 0.5 * np.arange(rows)

    model = fit_with(days, y, **arguments)

    assert model.engine == "fleetcast"
    assert forecast(model, ForecastOptions(3, "D"))["yhat"] == pytest.approx(10 + 0.5 * (rows + np.arange(3)))
    assert forecast(loads(dumps(model)), ForecastOptions(3, "D"))["yhat"] == pytest.approx(
        10 + 0.5 * (rows + np.arange(3))
    )


def test_a_line_with_noise_is_no_line() -> None:
    y = np.arange(40.0) + 1e-5 * np.random.default_rng(0).normal(size=40)

    assert fit_with(np.datetime64("2025-01-01") + np.arange(40), y).parameters.sigma_obs > 1e-8


def test_a_fit_by_stock_prophet_ends_at_its_limit_of_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before, running = left_behind(), set(descendants(os.getpid()))
    monkeypatch.setattr(fallback, "OPTIMIZE_SECONDS", 1)
    two_lines = np.r_[np.arange(45.0), 45 + 2 * np.arange(45.0)]  # no noise, and no line

    with pytest.raises(FitError, match="found no estimate within 1 seconds of processor time"):
        fit_with(np.datetime64("2025-01-01") + np.arange(90), two_lines, n_changepoints=80)

    assert left_behind() == before
    assert not any(map(is_running, set(descendants(os.getpid())) - running))
