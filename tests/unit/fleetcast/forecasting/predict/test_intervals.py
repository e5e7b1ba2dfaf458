"""Quantiles against simulated futures, against stock Prophet, and in extreme cases."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetcast.errors import FutureError
from fleetcast.forecasting import ForecastOptions
from fleetcast.forecasting.arrays import Matrix, Vector
from fleetcast.forecasting.parameters import Growth, Parameters
from fleetcast.forecasting.predict.characteristic_function import Cube, jump_variance
from fleetcast.forecasting.predict.intervals import deviations

FUTURES = 60_000


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """A forecast by made-up parameters, as the intervals see it."""

    growth: Growth = "linear"
    horizon: int = 90
    history: int = 730
    """Length of the history in steps."""
    sigma_obs: float = 0.05
    change: float = 0.1
    """Scale of delta."""
    changepoints: int = 25
    swing: float = 0.0
    """Amplitude of the multiplicative terms."""
    y_scale: float = 50.0

    @property
    def t(self) -> Vector:
        return 1 + np.arange(1, self.horizon + 1) / self.history

    @property
    def t_change(self) -> Vector:
        return np.linspace(0, 0.8, self.changepoints + 1)[1:]

    @property
    def parameters(self) -> Parameters:
        delta = np.random.default_rng(1).laplace(0, self.change, self.changepoints)
        return Parameters(k=1.5, m=0.6, delta=delta, beta=np.zeros(0), sigma_obs=self.sigma_obs)

    @property
    def multiplicative_terms(self) -> Vector:
        return self.swing * np.sin(2 * np.pi * np.arange(self.horizon) / 7)

    @property
    def cap(self) -> Vector | None:
        return np.linspace(1.2, 1.4, self.horizon) if self.growth == "logistic" else None

    def quantiles(self, *probabilities: float, t: Vector | None = None) -> tuple[Matrix, Matrix]:
        return deviations(
            probabilities,
            growth=self.growth,
            parameters=self.parameters,
            t_change=self.t_change,
            y_scale=self.y_scale,
            rows=self.history + 1,
            t=self.t if t is None else t,
            multiplicative_terms=self.multiplicative_terms,
            cap=self.cap,
        )

    def simulate(self, probabilities: tuple[float, float], *, chance: float) -> tuple[Matrix, Cube]:
        """Return the quantiles of yhat and of the trend among futures drawn the way Prophet draws them.

        For the trend also those at probabilities lower and higher by `chance`.
        """
        draw = np.random.default_rng(2)
        shape = (self.horizon, FUTURES)
        spacing = 1 / self.history
        changed = draw.random(shape) < self.changepoints * spacing
        shifts = changed * draw.laplace(0, np.abs(self.parameters.delta).mean() + 1e-8, shape)
        shifts[1:] = (shifts[1:] + shifts[:-1]) / 2
        shifts[0] /= 2
        if self.growth == "linear":
            trend = shifts.cumsum(axis=0).cumsum(axis=0) * spacing
        else:
            trend = self._logistic(shifts, spacing)
        trend *= self.y_scale
        noise = draw.normal(0, self.sigma_obs * self.y_scale, shape)
        yhat = trend * (1 + self.multiplicative_terms)[:, None] + noise
        around = np.add.outer((0.0, -chance, chance), probabilities)
        return np.quantile(yhat, probabilities, axis=1), np.quantile(trend, around, axis=1)

    def _logistic(self, shifts: Matrix, spacing: float) -> Matrix:
        """Continue rate and offset change by change, as Prophet's gamma does."""
        parameters = self.parameters
        k, m = np.full(FUTURES, parameters.k), np.full(FUTURES, parameters.m)
        for s, delta in zip(self.t_change, parameters.delta, strict=True):
            grid = (np.floor(s / spacing) + 1) * spacing
            m += (grid - m) * (1 - k / (k + delta))
            k += delta
        trend = np.empty_like(shifts)
        assert self.cap is not None
        for h, t in enumerate(self.t):
            m += (t - m) * (1 - k / (k + shifts[h]))
            k += shifts[h]
            trend[h] = self.cap[h] / (1 + np.exp(-k * (t - m)))
        return trend - trend.mean(axis=1, keepdims=True)


@pytest.mark.parametrize(
    "case",
    [
        Forecast(),
        Forecast(swing=0.6),
        Forecast(sigma_obs=0.01, change=0.3),
        Forecast(sigma_obs=0.01, change=0.3, swing=0.9),
        Forecast(history=60, horizon=24),
        Forecast(history=30, horizon=12, swing=-2.5),
        Forecast(history=8760, horizon=48, change=0.5),
        Forecast(growth="logistic"),
        Forecast(growth="logistic", swing=0.5, horizon=30),
        Forecast(growth="logistic", change=2.0, horizon=60),
        Forecast(growth="logistic", history=60, horizon=24),
    ],
    ids=repr,
)
@pytest.mark.parametrize("probabilities", [(0.1, 0.9), (0.025, 0.975)])
def test_half_widths_are_those_of_60000_simulated_futures(
    case: Forecast, probabilities: tuple[float, float]
) -> None:
    chance = 3 * np.sqrt(probabilities[0] * probabilities[1] / FUTURES)
    simulated, (simulated_trend, low, high) = case.simulate(probabilities, chance=chance)

    yhat, trend = case.quantiles(*probabilities)

    np.testing.assert_allclose(half_width(yhat), half_width(simulated), rtol=0.025)
    # Where the trend's interval has hardly opened, it is exact beside the deviations, not beside itself.
    slack = 0.025 * np.abs(simulated_trend) + 0.03 * standard_deviation(case)
    assert (trend >= low - slack).all()
    assert (trend <= high + slack).all()


def half_width(quantiles: Matrix) -> Vector:
    return (quantiles[1] - quantiles[0]) / 2


def standard_deviation(case: Forecast) -> Vector:
    """Of the trend's deviations under linear growth, an upper bound for logistic growth with cap <= 1.4."""
    spacing = 1 / case.history
    size = np.abs(case.parameters.delta).mean() * spacing * case.y_scale
    steps = np.arange(1.0, case.horizon + 1)
    return size * np.sqrt(case.changepoints * spacing * jump_variance(steps))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("growth", ["linear", "logistic", "flat"])
@pytest.mark.parametrize("horizon", [1, 40])
def test_half_widths_are_those_of_stock_prophet_with_60000_samples(growth: Growth, horizon: int) -> None:
    stock, future = stock_prophet(growth, horizon)
    np.random.seed(3)  # noqa: NPY002 - the generator stock Prophet draws from
    forecast = stock.predict(future)

    around_yhat, around_trend = deviations(
        (0.1, 0.9),
        growth=growth,
        parameters=Parameters(
            k=stock.params["k"].item(),
            m=stock.params["m"].item(),
            delta=stock.params["delta"][0],
            beta=stock.params["beta"][0],
            sigma_obs=stock.params["sigma_obs"].item(),
        ),
        t_change=stock.changepoints_t,
        y_scale=stock.y_scale,
        rows=len(stock.history),
        t=stock.setup_dataframe(future.copy())["t"].to_numpy(),
        multiplicative_terms=forecast["multiplicative_terms"].to_numpy(),
        cap=np.full(len(future), 30.0) / stock.y_scale if growth == "logistic" else None,
    )
    yhat = forecast["yhat"].to_numpy() + around_yhat
    trend = forecast["trend"].to_numpy() + around_trend

    stock_yhat = forecast[["yhat_lower", "yhat_upper"]].to_numpy().T
    stock_trend = forecast[["trend_lower", "trend_upper"]].to_numpy().T
    np.testing.assert_allclose(half_width(yhat), half_width(stock_yhat), rtol=0.025)
    np.testing.assert_allclose(yhat, stock_yhat, atol=0.03 * half_width(stock_yhat).min())
    np.testing.assert_allclose(
        trend, stock_trend, rtol=1e-9, atol=0.03 * half_width(stock_trend).max() + 1e-12
    )


def stock_prophet(growth: Growth, horizon: int) -> tuple[Any, Any]:
    """Return a fitted stock Prophet, and history and future rows to forecast."""
    pandas, prophet = pytest.importorskip("pandas"), pytest.importorskip("prophet")
    ds = pandas.date_range("2023-01-01", periods=300)
    steps = np.arange(300)
    y = 10 + 5 * np.sin(steps / 60) + np.random.default_rng(4).normal(0, 0.5, 300)
    model = prophet.Prophet(
        growth=growth, uncertainty_samples=60_000, weekly_seasonality=True, changepoint_prior_scale=0.3
    )
    model.add_seasonality("monthly", 30.5, 3, mode="multiplicative")
    model.fit(pandas.DataFrame({"ds": ds, "y": y, "cap": 30.0}))
    future = pandas.DataFrame({"ds": pandas.date_range(ds[-3], periods=3 + horizon), "cap": 30.0})
    return model, future


@pytest.mark.parametrize("growth", ["linear", "logistic", "flat"])
def test_in_the_history_there_is_noise_alone(growth: Growth) -> None:
    case = Forecast(growth=growth, horizon=20)

    yhat, trend = case.quantiles(0.05, 0.5, 0.9, t=case.t - 10 / case.history)

    normal = np.array([[NormalDist().inv_cdf(p)] for p in (0.05, 0.5, 0.9)]) * case.sigma_obs * case.y_scale
    np.testing.assert_allclose(yhat[:, :10], np.repeat(normal, 10, axis=1), rtol=1e-12)
    assert (trend[:, :10] == 0).all()
    assert (half_width(yhat[::2])[-1] > half_width(yhat[::2])[0]) == (growth != "flat")


def test_a_flat_trend_is_certain() -> None:
    yhat, trend = Forecast(growth="flat").quantiles(0.1, 0.9)

    assert (trend == 0).all()
    np.testing.assert_allclose(yhat[1], NormalDist().inv_cdf(0.9) * 0.05 * 50, rtol=1e-12)


def test_the_first_step_of_a_trend_has_the_exact_quantile() -> None:
    case = Forecast(horizon=3, history=100)
    size = np.abs(case.parameters.delta).mean() + 1e-8

    _, trend = case.quantiles(0.95)

    exact = 0.5 * size / 100 * case.y_scale * np.log(0.25 / (1 - 0.9))
    assert trend[0, 0] == pytest.approx(exact, rel=2e-3)


def test_an_interval_inside_the_probability_of_no_change_has_no_width() -> None:
    yhat, trend = Forecast(sigma_obs=0.0, history=3000, horizon=5).quantiles(0.1, 0.9)

    assert np.abs(trend).max() == 0
    assert np.abs(yhat).max() < 1e-3


@settings(max_examples=150)
@given(
    case=st.builds(
        Forecast,
        growth=st.sampled_from(["linear", "logistic", "flat"]),
        horizon=st.integers(1, 200),
        history=st.integers(1, 20_000),
        sigma_obs=st.sampled_from([0.0, 1e-9, 1e-3, 0.05, 2.0]),
        change=st.sampled_from([0.0, 1e-6, 0.1, 10.0]),
        changepoints=st.integers(1, 30),
        swing=st.sampled_from([0.0, 1.0, -3.0]),
    ),
    probabilities=st.lists(st.floats(1e-4, 1 - 1e-4), min_size=1, max_size=7),
    gaps=st.lists(st.sampled_from([0.0, 0.1, 1.0, 50.0]), min_size=1, max_size=5),
)
def test_quantiles_never_decrease_with_the_probability(
    case: Forecast, probabilities: list[float], gaps: list[float]
) -> None:
    t = 1 + np.cumsum(np.resize(gaps, case.horizon)) / case.history

    yhat, trend = case.quantiles(*sorted(probabilities), t=t)

    assert yhat.shape == trend.shape == (len(probabilities), case.horizon)
    assert np.isfinite(yhat).all()
    assert np.isfinite(trend).all()
    slack = 1e-9 * (1 + np.abs(yhat).max())
    assert (np.diff(yhat, axis=0) >= -slack).all()
    assert (np.diff(trend, axis=0) >= -slack).all()


@pytest.mark.parametrize("swing", [0.0, 0.5])
def test_linear_quantiles_are_symmetric_about_the_forecast(swing: float) -> None:
    yhat, trend = Forecast(swing=swing).quantiles(0.9, 0.5, 0.1)

    np.testing.assert_array_equal(yhat[0], -yhat[2])
    np.testing.assert_array_equal(trend[0], -trend[2])
    assert (yhat[1] == 0).all()


@pytest.mark.parametrize("growth", ["linear", "logistic"])
def test_quantiles_computed_together_equal_those_computed_alone(growth: Growth) -> None:
    case = Forecast(growth=growth)
    together = case.quantiles(0.02, 0.25, 0.9)[0]

    alone = np.concatenate([case.quantiles(p)[0] for p in (0.02, 0.25, 0.9)])

    np.testing.assert_allclose(together, alone, rtol=1e-3, atol=1e-3 * case.sigma_obs * case.y_scale)


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.1, float("nan")])
def test_a_probability_outside_0_and_1_is_refused(probability: float) -> None:
    with pytest.raises(FutureError, match="between 0 and 1"):
        ForecastOptions(quantiles=[probability])


PROGRAM = """
import sys
sys.path[:0] = {path!r}
from test_intervals import Forecast
for growth in ("linear", "logistic"):
    for part in Forecast(growth=growth, swing=0.3).quantiles(0.1, 0.75, 0.9):
        print(part.tobytes().hex())
"""


def test_another_process_computes_the_same_to_the_last_digit() -> None:
    program = PROGRAM.format(path=[str(Path(__file__).parent), *sys.path])
    other = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    here = [
        part.tobytes().hex()
        for growth in ("linear", "logistic")
        for part in Forecast(growth=growth, swing=0.3).quantiles(0.1, 0.75, 0.9)
    ]

    assert other.stdout.split() == here
