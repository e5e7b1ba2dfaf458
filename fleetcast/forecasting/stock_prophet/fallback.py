"""Fits with stock Prophet: MCMC samples, arguments for Stan, and data without an optimum.

Prophet, pandas and Stan are imported on first use only.  Stan's files are in a temporary folder that is
removed after the fit, and Stan's process ends with the process that started it.
"""

import json
import logging
import resource
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from fleetcast.errors import FitError
from fleetcast.extras import require
from fleetcast.forecasting.calendar import datetimes
from fleetcast.forecasting.holiday_table import HolidayTable
from fleetcast.forecasting.model import SampledModel
from fleetcast.forecasting.parameters import Parameters
from fleetcast.forecasting.preprocessing import History, Prepared
from fleetcast.forecasting.prophet_json import parameters_only, without_history

OPTIMIZE_SECONDS: Final = 10
"""Seconds of processor time for one point estimate of a short history; most take 0.1 to 3."""
SHARE_THAT_IS_A_TIMEOUT: Final = 0.5
"""Least share of its limit that Stan uses if it takes too long: the kernel's coarse ticks end it early."""
ROWS_PER_SECOND: Final = 100
"""Number of rows for which a longer history gets one more second."""


def stock_parameters(prepared: Prepared, stan_arguments: Mapping[str, Any]) -> Parameters:
    """Return the point estimate of stock Prophet; raises FitError, also if Stan takes too long.

    Data that the model explains without noise have no optimum, so Stan searches in ever smaller steps.  The
    limit is in seconds of processor time, so that a busy machine gives the same result as an idle one; it
    applies to each of Prophet's two attempts.
    """
    seconds = OPTIMIZE_SECONDS + prepared.rows.ds.size // ROWS_PER_SECOND
    with _fitted(prepared, stan_arguments, seconds=seconds) as model:
        params = {
            name: np.asarray(values, dtype=np.float64).reshape(-1) for name, values in model.params.items()
        }
    return Parameters(
        k=float(params["k"][0]),
        m=float(params["m"][0]),
        delta=params["delta"],
        beta=params["beta"],
        sigma_obs=float(params["sigma_obs"][0]),
    )


def sampled_model(
    prepared: Prepared, stan_arguments: Mapping[str, Any], *, keep_history: bool
) -> SampledModel:
    """Return the model that stock Prophet fits by MCMC, without a limit of time; raises FitError."""
    require("prophet", extra="prophet")
    without_plotly()
    from prophet.serialize import model_to_dict  # noqa: PLC0415 - slow, rarely needed

    with _fitted(prepared, stan_arguments) as model:
        content = parameters_only(model_to_dict(model))
    content["fit_kwargs"] = {}
    return SampledModel(json.dumps(content if keep_history else without_history(content)))


@contextmanager
def _fitted(
    prepared: Prepared, stan_arguments: Mapping[str, Any], *, seconds: int | None = None
) -> Iterator[Any]:
    require("prophet", extra="prophet")
    import cmdstanpy  # noqa: PLC0415 - slow, rarely needed

    cmdstanpy.utils.get_logger().setLevel(logging.CRITICAL)  # its messages are in the FitError too
    model = _declarations(prepared)
    with tempfile.TemporaryDirectory(prefix="stan-") as folder:
        exe = _launcher(Path(folder), Path(model.stan_backend.model.exe_file), seconds=seconds)
        model.stan_backend.model = cmdstanpy.CmdStanModel(exe_file=str(exe))
        quiet = {"show_progress": False} if prepared.settings.mcmc_samples else {}
        before = _seconds_of_children()
        try:
            model.fit(_history_frame(prepared.rows), **{"output_dir": folder, **quiet, **stan_arguments})
        except (RuntimeError, ValueError, FloatingPointError) as error:
            if seconds is not None and _seconds_of_children() - before >= SHARE_THAT_IS_A_TIMEOUT * seconds:
                reason = f"stock Prophet found no estimate within {seconds} seconds of processor time"
                raise FitError(reason) from error
            reason = str(error).splitlines()[0].partition(" Command ")[0]  # what follows are temporary files
            raise FitError(f"stock Prophet failed to fit: {reason[:200]}") from error
        yield model


def _launcher(folder: Path, program: Path, *, seconds: int | None) -> Path:
    """Return a shell script that runs Stan's program with a limit of processor time.

    Stan ends with this process if the system has setpriv.
    """
    setpriv = shutil.which("setpriv")
    command = shlex.join([*([setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []), str(program)])
    limit = "" if seconds is None else f"ulimit -t {seconds}\n"
    launcher = folder / program.name
    launcher.write_text(f'#!/bin/sh\nulimit -c 0\n{limit}exec {command} "$@"\n', encoding="utf-8")
    launcher.chmod(0o700)
    return launcher


def _seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


_CONVERTED = ("changepoints", "holidays", "n_changepoints")


def without_plotly() -> None:
    """Silence Prophet's warning at import that plotly is not installed."""
    logging.getLogger("prophet.plot").setLevel(logging.CRITICAL)


def _declarations(prepared: Prepared) -> Any:  # noqa: ANN401 - a Prophet, whose package is not imported here
    without_plotly()
    from prophet import Prophet  # noqa: PLC0415 - slow, rarely needed

    settings = prepared.settings
    arguments = {name: getattr(settings, name) for name in settings.__slots__ if name not in _CONVERTED}
    if settings.changepoints is None:
        arguments["n_changepoints"] = settings.n_changepoints
    else:
        arguments["changepoints"] = datetimes(np.array(settings.changepoints, np.int64))
    model = Prophet(holidays=_holiday_frame(settings.holidays), **arguments)
    for s in prepared.added.seasonalities:
        model.add_seasonality(s.name, s.period, s.fourier_order, s.prior_scale, s.mode, s.condition_name)
    for r in prepared.added.regressors:
        model.add_regressor(r.name, r.prior_scale, r.standardize, r.mode)
    if prepared.added.country is not None:
        model.add_country_holidays(prepared.added.country)
    return model


def _history_frame(rows: History) -> Any:  # noqa: ANN401 - a DataFrame
    """Return the readings, and for each date without a reading a row whose y is NaN."""
    import pandas as pd  # noqa: PLC0415 - slow, rarely needed

    columns: dict[str, Any] = {"ds": datetimes(rows.ds), "y": rows.y, **rows.regressors, **rows.conditions}
    columns |= {
        name: values for name, values in (("cap", rows.cap), ("floor", rows.floor)) if values is not None
    }
    without_reading = np.setdiff1d(rows.dates, rows.ds)
    frame = pd.DataFrame(columns)
    if not without_reading.size:
        return frame
    return pd.concat(
        [frame, pd.DataFrame({"ds": datetimes(without_reading), "y": np.nan})], ignore_index=True
    )


def _holiday_frame(table: HolidayTable | None) -> Any:  # noqa: ANN401 - a DataFrame or None
    import pandas as pd  # noqa: PLC0415 - slow, rarely needed

    if table is None:
        return None
    columns: dict[str, Any] = {"ds": datetimes(np.array(table.ds, np.int64)), "holiday": table.holiday}
    for name in ("lower_window", "upper_window", "prior_scale"):
        if (cells := getattr(table, name)) is not None:
            columns[name] = np.array(cells, dtype=np.float64)
    return pd.DataFrame(columns)
