"""Make `fleetcast/forecasting/prophet_reference.py`: `python -m tests.parity.golden`."""

import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd
from prophet import Prophet
from prophet.serialize import model_from_json

from fleetcast.forecasting import dumps
from fleetcast.forecasting import self_check as ours

PATH = Path(ours.__file__).with_name("prophet_reference.py")
CONTENT = '''\
"""Prophet's numbers for the series in `self_check`; tests/parity/golden.py writes this module."""

OBJECTIVES = {objectives}
"""Minus Stan's lp__ at the point that Stan reaches when it starts at Fleetcast's estimate."""
YHAT = {yhat}
"""Prophet's forecast from PARAMETERS."""
'''


def stock_objective(case: str) -> float:
    """Return the value with all its digits."""
    parameters = ours.solution(case).parameters
    start = {name: getattr(parameters, name) for name in ("k", "m", "delta", "beta", "sigma_obs")}
    frame = pd.DataFrame({"ds": ours.DAYS, "y": ours.READINGS, "cap": ours.CAP})
    stock = Prophet(**ours.SHARED, **ours.CASES[case]).fit(frame, init=start, sig_figs=18)
    return -float(np.ravel(stock.params["lp__"])[0])


def stock_forecast() -> list[float]:
    """Return Prophet's forecast from the fixed parameters."""
    stock = model_from_json(dumps(ours.model()))
    forecast = stock.predict(stock.make_future_dataframe(ours.STEPS, include_history=False))
    values: list[float] = forecast["yhat"].tolist()
    return values


def main() -> None:
    """Write the file; `ruff format` gives it its shape."""
    logging.getLogger("cmdstanpy").disabled = True
    objectives = {case: stock_objective(case) for case in ours.CASES}
    yhat = "(" + ", ".join(map(repr, stock_forecast())) + ")"
    PATH.write_text(CONTENT.format(objectives=json.dumps(objectives), yhat=yhat))


if __name__ == "__main__":
    main()
