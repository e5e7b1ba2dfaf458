"""Checks that the numeric core computes on this machine what Prophet computes.

Two kinds of numbers are compared with Prophet's, which `prophet_reference` holds: the minimum of the
objective for one series under several settings, and the forecast from fixed parameters.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from fleetcast.forecasting import prophet_reference
from fleetcast.forecasting.any_model import forecast
from fleetcast.forecasting.fitting import fit
from fleetcast.forecasting.model import Model
from fleetcast.forecasting.one_thread import ONE_THREAD
from fleetcast.forecasting.options import FitOptions, ForecastOptions, RowColumns
from fleetcast.forecasting.parameters import Parameters
from fleetcast.forecasting.preprocessing import estimation_problem, prepare
from fleetcast.forecasting.solver import Solution, maximum_a_posteriori

# fmt: off
READINGS: Final = (
    38.5, 42.25, 44.22, 40.7, 39.5, 39.28, 37.95, 41.7, 45.45, 44.12, 43.9, 39.4, 39.18, 41.15, 41.6, 45.35,
    47.32, 43.8, 42.6, 42.38, 41.05, 44.8, 45.25, 47.22, 47.0, 42.5, 42.28, 44.25, 44.7, 48.45, 50.42, 46.55,
    45.0, 41.13, 42.75, 46.15, 46.25, 47.87, 47.3, 42.45, 41.88, 43.5, 43.6, 47.0, 45.32, 44.75, 43.2, 39.33,
    40.95, 44.35, 44.45, 46.07, 45.5, 40.65, 40.08, 38.4,
)
"""Synthetic: a line with one change of slope, a weekly season and noise."""
# fmt: on
DAYS: Final = np.datetime64("2024-01-01", "us") + np.arange(len(READINGS)) * np.timedelta64(1, "D")
CAP: Final = 60.0
SHARED: Final[dict[str, Any]] = {"n_changepoints": 4}
CASES: Final[dict[str, dict[str, Any]]] = {
    "linear": {},
    "multiplicative": {"seasonality_mode": "multiplicative"},
    "logistic": {"growth": "logistic"},
    "flat": {"growth": "flat"},
}
PARAMETERS: Final = Parameters(
    k=0.22,
    m=0.79,
    delta=np.array([0.0, 0.01, -0.5, -0.0625]),
    beta=np.array([0.017, 0.05, -0.003, 0.0042, 0.001, -0.0007]),
    sigma_obs=0.02,
)
STEPS: Final = 14
MOST_OF_OBJECTIVE: Final = 1e-9
MOST_OF_FORECAST: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Finding:
    """One comparison with Prophet."""

    what: str
    difference: float
    """Relative to the expected value; for a forecast, to its largest absolute value."""
    most: float
    """Largest difference that is accepted."""

    @property
    def ok(self) -> bool:
        """Whether the difference is small enough; NaN is not."""
        return self.difference <= self.most

    def __str__(self) -> str:
        """Return a sentence."""
        verdict = "ok" if self.ok else "failed"
        return f"{verdict}: {self.what} differs by {self.difference:.1e}, at most {self.most:.0e}"


def findings() -> Iterator[Finding]:
    """Yield the comparisons one by one; raises any error of the core."""
    for case, expected in prophet_reference.OBJECTIVES.items():
        difference = abs(solution(case).objective - expected) / abs(expected)
        yield Finding(f"objective, {case}", difference, MOST_OF_OBJECTIVE)
    yhat = np.array(prophet_reference.YHAT)
    table = forecast(model(), ForecastOptions(STEPS))
    difference = float(np.abs(table["yhat"] - yhat).max() / np.abs(yhat).max())
    yield Finding("forecast from equal parameters", difference, MOST_OF_FORECAST)


@ONE_THREAD
def solution(case: str) -> Solution:
    """Return the estimate for the series under the settings of this name."""
    options = FitOptions(**SHARED, **CASES[case])
    columns = RowColumns(cap=CAP if options.growth == "logistic" else None)
    prepared = prepare(DAYS, READINGS, columns, options)
    return maximum_a_posteriori(estimation_problem(prepared))


def model() -> Model:
    """Return the model of the series with fixed parameters instead of estimated ones."""
    fitted = fit(DAYS, READINGS, FitOptions(**SHARED))
    assert isinstance(fitted, Model)  # noqa: S101 -- without mcmc_samples it always is
    return replace(fitted, parameters=PARAMETERS)
