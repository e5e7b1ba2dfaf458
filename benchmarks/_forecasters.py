"""What `benchmarks.accuracy` compares: each forecasts the test part of a series from its history alone."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from prophet import Prophet

from benchmarks._timing import processor_seconds
from fleetcast.forecasting import ForecastOptions, forecast
from fleetcast.forecasting.arrays import Vector
from fleetcast.readings.customer import Readings, Times
from train.customer.estimate import estimate
from train.methods import Methods
from train.settings import TrainSettings

NAIVE: Final = "seasonal naive"
STOCK: Final = "stock Prophet"
DEFAULT: Final = "`models=prophet`"
DAY: Final = 24
_HOUR: Final = np.timedelta64(1, "h")
_PEERS: Final = Path(__file__).with_name("_peers.py")


@dataclass(frozen=True, slots=True)
class Series:
    """A history of N readings and its test part of T readings, without NaN, at hours that may have gaps."""

    name: str
    ds: Times
    y: Vector
    test_ds: Times
    test_y: Vector
    grid: pd.Series
    """The history at every hour, indexed by time; hours without a reading are interpolated."""

    @classmethod
    def of(cls, group: pd.DataFrame, *, test: pd.Timedelta) -> Self:
        """Return the series of rows with ds, y and, if the table has it, split.

        Without split the last `test` of the series is the test part.
        """
        rows = group.dropna(subset="y").drop_duplicates("ds").sort_values("ds")
        held_out = rows.split == "test" if "split" in rows else rows.ds > rows.ds.max() - test
        before, after = rows[~held_out], rows[held_out]
        grid = before.set_index("ds").y.asfreq("h").interpolate()
        return cls(str(rows.unique_id.iloc[0]), *_columns(before), *_columns(after), grid)

    @property
    def ahead(self) -> Any:  # noqa: ANN401 -- integers, shape (T,)
        """The places of the test part in a forecast of the `horizon` hours after the history."""
        return np.rint((self.test_ds - self.ds[-1]) / _HOUR).astype(int) - 1

    @property
    def horizon(self) -> int:
        """Hours from the last reading of the history to the last of the test part."""
        return int(self.ahead[-1]) + 1


def _columns(rows: pd.DataFrame) -> tuple[Times, Vector]:
    return rows.ds.to_numpy("datetime64[us]"), rows.y.to_numpy(float)


@dataclass(frozen=True, slots=True)
class Answer:
    """The forecast of a series' test part, shape (T,), and what it cost."""

    yhat: Vector
    intervals: Mapping[float, tuple[Vector, Vector]] = field(default_factory=dict)
    """Lower and upper ends by coverage."""
    fit_seconds: float = 0.0
    """Processor seconds of the fit, with those of child processes."""
    seconds: float = 0.0
    """Processor seconds of fit and forecast."""


class Peers:
    """statsforecast's methods, in a process of another Python."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        if process.stdin is None or process.stdout is None:
            raise ValueError("the process must have pipes")
        self._questions, self._replies = process.stdin, process.stdout
        self.version = str(self._read())

    def answers(self, series: Series) -> dict[str, Answer]:
        """Return the forecasts by method, from the history at every hour."""
        question = {"y": series.grid.tolist(), "horizon": series.horizon}
        self._questions.write(json.dumps(question) + "\n")
        self._questions.flush()
        at = series.ahead
        return {
            name: Answer(
                yhat=np.array(each["yhat"])[at],
                intervals={
                    float(coverage): (np.array(lower)[at], np.array(upper)[at])
                    for coverage, (lower, upper) in each["intervals"].items()
                },
                fit_seconds=each["fit_seconds"],
                seconds=each["seconds"],
            )
            for name, each in self._read().items()
        }

    def _read(self) -> Any:  # noqa: ANN401 -- JSON
        line = self._replies.readline()
        if not line:
            sys.exit(
                "the process with statsforecast ended, see its error above; `make bench-accuracy` makes an "
                "environment that has it"
            )
        return json.loads(line)


@contextmanager
def peers(python: str) -> Iterator[Peers]:
    """Start `python`, which has statsforecast, on one thread; end it afterwards."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    with subprocess.Popen(
        [python, "-P", _PEERS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | one_thread,
    ) as process:
        yield Peers(process)


def answers(series: Series, others: Peers | None) -> dict[str, Answer]:
    """Return the forecasts of all who take part, by name; each method runs once, in turn."""
    found = {NAIVE: seasonal_naive(series), STOCK: stock_prophet(series), DEFAULT: ours(series, "prophet")}
    found |= {f"`models={models}`": ours(series, models) for models in ("champion", "auto")}
    return found | (others.answers(series) if others is not None else {})


def seasonal_naive(series: Series) -> Answer:
    """Repeat the last day."""
    return Answer(np.resize(series.grid.to_numpy()[-DAY:], series.horizon)[series.ahead])


def stock_prophet(series: Series) -> Answer:
    """Run Prophet with its defaults; a second forecast, which is not timed, has the intervals at 95 %."""
    np.random.seed(0)  # noqa: NPY002 - the generator stock Prophet draws from
    history, future = pd.DataFrame({"ds": series.ds, "y": series.y}), pd.DataFrame({"ds": series.test_ds})
    begun = processor_seconds()
    model = Prophet().fit(history)
    fit_seconds = processor_seconds() - begun
    table = model.predict(future)
    seconds = processor_seconds() - begun
    tables = {model.interval_width: table}
    model.interval_width = 0.95
    tables[0.95] = model.predict(future)
    intervals = {
        coverage: (each.yhat_lower.to_numpy(), each.yhat_upper.to_numpy())
        for coverage, each in tables.items()
    }
    return Answer(table.yhat.to_numpy(), intervals, fit_seconds, seconds)


def ours(series: Series, models: str) -> Answer:
    """Train as a job with this hyperparameter does, with calibrated intervals unless it is prophet."""
    texts = {"models": models, "backtest_horizon": str(series.horizon)}
    texts |= {"intervals": "calibrated"} if models != "prophet" else {}
    settings = TrainSettings(methods=Methods.read(texts))
    begun = processor_seconds()
    model = estimate(Readings(series.ds, series.y), settings).model
    fit_seconds = processor_seconds() - begun
    table = forecast(model, ForecastOptions(ds=series.test_ds, quantiles=(0.025, 0.975)))
    seconds = processor_seconds() - begun
    ends = {0.8: ("yhat_lower", "yhat_upper"), 0.95: ("yhat_0.025", "yhat_0.975")}
    intervals = {coverage: (table[lower], table[upper]) for coverage, (lower, upper) in ends.items()}
    return Answer(table["yhat"], intervals, fit_seconds, seconds)
