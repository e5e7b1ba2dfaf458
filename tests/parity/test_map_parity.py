"""Our estimate against Prophet's: the same objective, never a higher value, no improvement by Stan."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prophet import Prophet

from fleetcast.forecasting.parameters import Parameters
from fleetcast.forecasting.preprocessing.preparation import estimation_problem
from fleetcast.forecasting.solver.estimate import maximum_a_posteriori
from fleetcast.forecasting.solver.problem import Problem, Solution
from testbed.objective import objective, stock_parameters, theta_of, value
from testbed.preparation import prepared
from testbed.stock_cases import CASES, STOCK_WARNINGS, Case, fitted, series

pytestmark = STOCK_WARNINGS

REGULAR = sorted(set(CASES) - {"no changepoints", "n_changepoints=0"})
"""With neither, Prophet puts one changepoint at t = 0 and then moves its delta into k."""


def violation(of: Problem, estimate: Parameters) -> float:
    """Return the largest violation of the optimality conditions in units of 1 / τ, by complex steps."""
    theta = theta_of(estimate).astype(complex)
    gradient = np.empty(theta.size)
    for place in range(theta.size):
        step = theta.copy()
        step[place] += 1e-30j
        gradient[place] = objective(of, step, estimate.sigma_obs).imag / 1e-30
    S = of.t_change.size
    pull = -gradient[2 : 2 + S] * of.tau
    hinges = np.where(
        estimate.delta != 0, np.abs(pull - np.sign(estimate.delta)), np.maximum(np.abs(pull) - 1, 0)
    )
    free = np.delete(gradient, np.s_[2 : 2 + S]) * of.tau
    return float(max(np.abs(free).max(), hinges.max(initial=0)))


@dataclass(frozen=True)
class Pair:
    problem: Problem
    ours: Solution
    stock: Parameters


def pair(case: Case, model: Prophet) -> Pair:
    frame = case.frame()
    columns = {name: values for name, values in case.columns(frame).items() if values is not None}
    declared = dict(case.declared())
    of = estimation_problem(prepared(frame.ds, frame.y, **columns, **declared))
    return Pair(of, maximum_a_posteriori(of), stock_parameters(model))


def generated(seed: int, *, growth: str, mode: str) -> Case:
    """Return a series with a bent trend, a week and noise, of another length and level for every seed."""

    def frame() -> Any:
        generator = np.random.default_rng(seed)
        table = series(int(generator.integers(60, 400)))
        rows = np.arange(len(table))
        bend = np.maximum(rows - generator.integers(0, len(table)), 0) * generator.normal(0, 0.2)
        week = np.sin(2 * np.pi * rows / 7) * generator.uniform(0, 5)
        table["y"] = generator.uniform(10, 500) + bend + week + generator.normal(0, 1, len(table))
        return table.assign(cap=1.3 * float(table.y.max())) if growth == "logistic" else table

    return Case(frame, {"growth": growth, "seasonality_mode": mode})


@pytest.mark.parametrize("name", REGULAR)
def test_our_objective_is_never_above_prophets(name: str) -> None:
    of = pair(CASES[name], fitted(name))

    stock = value(of.problem, of.stock)

    assert of.ours.objective == pytest.approx(value(of.problem, of.ours.parameters), rel=1e-9, abs=1e-9)
    assert of.ours.objective <= stock + 1e-6 * abs(stock)


def test_minus_our_objective_is_stans_up_to_one_constant() -> None:
    constants = []
    for name in ("additive", "multiplicative", "flat", "logistic with floor", "hourly"):
        of = pair(CASES[name], fitted(name))
        lp = float(np.ravel(fitted(name).params["lp__"])[0])
        constants.append(lp + value(of.problem, of.stock))

    assert np.ptp(constants) < 1e-2


@pytest.mark.parametrize("name", REGULAR)
def test_the_estimate_satisfies_the_optimality_conditions(name: str) -> None:
    of = pair(CASES[name], fitted(name))
    without_start_prior = maximum_a_posteriori(of.problem, with_start_prior=False)

    assert of.ours.kkt <= 1e-7
    assert without_start_prior.kkt <= 1e-7
    assert violation(of.problem, without_start_prior.parameters) <= 1e-6


@pytest.mark.parametrize("name", ["additive", "flat", "multiplicative", "logistic with floor", "hourly"])
def test_stan_started_at_our_estimate_finds_nothing_lower(name: str) -> None:
    of = pair(CASES[name], fitted(name))
    estimate = of.ours.parameters
    start = {
        "k": estimate.k,
        "m": estimate.m,
        "delta": estimate.delta,
        "beta": estimate.beta,
        "sigma_obs": estimate.sigma_obs,
    }

    restarted = stock_parameters(CASES[name].unfitted().fit(CASES[name].frame(), init=start))

    assert of.ours.objective - value(of.problem, restarted) <= 1e-6 * max(1.0, abs(of.ours.objective))


@pytest.mark.parametrize("mode", ["additive", "multiplicative"])
@pytest.mark.parametrize("growth", ["linear", "flat", "logistic"])
def test_on_generated_series_our_objective_is_never_above_prophets(growth: str, mode: str) -> None:
    for seed in range(10):
        case = generated(seed, growth=growth, mode=mode)
        of = pair(case, case.unfitted().fit(case.frame()))
        stock = value(of.problem, of.stock)

        assert of.ours.objective <= stock + 1e-6 * abs(stock), seed
        assert violation(of.problem, of.ours.parameters) <= 1e-6, seed


def test_the_forecast_of_a_flat_trend_is_prophets() -> None:
    for seed in range(8):
        case = generated(seed, growth="flat", mode="additive")
        of = pair(case, case.unfitted().fit(case.frame()))

        apart = np.abs((theta_of(of.ours.parameters) - theta_of(of.stock))[1:] @ of.problem.design[1:])
        assert apart.max() <= 2e-3 * of.stock.sigma_obs


def test_in_sample_our_linear_forecast_is_prophets_but_for_a_small_part_of_the_noise() -> None:
    apart = []
    for seed in range(30):
        case = generated(seed, growth="linear", mode="additive")
        of = pair(case, case.unfitted().fit(case.frame()))
        difference = (theta_of(of.ours.parameters) - theta_of(of.stock)) @ of.problem.design
        apart.append(float(np.sqrt(np.mean(difference**2))) / of.stock.sigma_obs)

    assert np.median(apart) <= 0.05
    assert np.quantile(apart, 0.95) <= 0.25


@settings(max_examples=60)
@given(
    rows=st.integers(60, 200),
    changepoints=st.integers(0, 30),
    level=st.sampled_from([0.0, 1.0, 1e4]),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
    tau=st.sampled_from([0.001, 0.05, 0.5, 10.0]),
    growth=st.sampled_from(["linear", "flat"]),
    mode=st.sampled_from(["additive", "multiplicative"]),
    seed=st.integers(0, 1_000),
)
def test_any_history_has_a_minimum_that_fulfils_the_conditions(  # noqa: PLR0913 -- hypothesis hands them over
    *,
    rows: int,
    changepoints: int,
    level: float,
    scale: float,
    tau: float,
    growth: str,
    mode: str,
    seed: int,
) -> None:
    generator = np.random.default_rng(seed)
    ds = np.datetime64("2024-01-01", "us") + np.sort(generator.integers(0, 10_000, rows)) * np.timedelta64(
        1, "h"
    )
    y = level * scale + scale * np.cumsum(generator.normal(0, 1, rows))
    if np.ptp(ds.astype(np.int64)) == 0:
        return
    arguments = {
        "n_changepoints": changepoints,
        "changepoint_prior_scale": tau,
        "growth": growth,
        "seasonality_mode": mode,
    }
    of = estimation_problem(prepared(ds, y, **arguments))

    estimate = maximum_a_posteriori(of)

    assert violation(of, estimate.parameters) <= max(1e-6, 10 * estimate.kkt)
    assert np.isfinite(theta_of(estimate.parameters)).all()


def test_equal_columns_share_what_one_of_them_would_have() -> None:
    frame = series()
    copies = np.ones((len(frame), 2)) * np.sin(np.arange(len(frame)))[:, None]
    regressors = {"a": copies[:, 0], "b": copies[:, 1]}
    of = estimation_problem(prepared(frame.ds, frame.y, regressors=regressors))

    estimate = maximum_a_posteriori(of).parameters

    assert estimate.beta[-1] == pytest.approx(estimate.beta[-2], abs=1e-9)


def test_a_level_far_above_the_noise_leaves_no_larger_residuals() -> None:
    frame = series()
    plain = estimation_problem(prepared(frame.ds, frame.y))
    raised = estimation_problem(prepared(frame.ds, frame.y + 1e6))

    residuals = []
    for of in (plain, raised):
        estimate = maximum_a_posteriori(of).parameters
        residuals.append(
            (of.y - theta_of(estimate) @ of.design).std() * (frame.y.max() if of is plain else 1e6)
        )

    assert residuals[1] <= residuals[0]
