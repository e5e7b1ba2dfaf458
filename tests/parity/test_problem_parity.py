"""The problem that the solver gets has the numbers that Prophet passes to Stan."""

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prophet.forecaster import Prophet

from fleetcast.forecasting.preprocessing.preparation import estimation_problem
from fleetcast.forecasting.solver.problem import Problem
from testbed.preparation import prepared
from testbed.stock_cases import CASES, STOCK_WARNINGS, Case

pytestmark = STOCK_WARNINGS

FEATURES = 1e-9


def ours(case: Case, frame: pd.DataFrame) -> Problem:
    declared = case.declared()
    return estimation_problem(
        prepared(
            frame.ds.to_numpy(),
            frame.y.to_numpy(),
            **case.arguments,
            **case.columns(frame),
            **{name: declared[name] for name in ("seasonalities", "extra_regressors", "country_holidays")},
        )
    )


def assert_same(problem: Problem, model: Prophet, frame: pd.DataFrame) -> None:
    stock: Any = model.preprocess(frame.copy())
    hinges = slice(2, 2 + len(stock.t_change))
    assert problem.design.flags.c_contiguous
    assert problem.growth == model.growth
    assert problem.tau == stock.tau
    assert np.array_equal(problem.design[0], stock.t)
    assert (problem.design[1] == 1).all()
    assert np.array_equal(problem.t_change, stock.t_change)
    assert np.array_equal(problem.design[hinges], np.maximum(stock.t.to_numpy() - stock.t_change[:, None], 0))
    assert problem.design[hinges.stop :].shape == (stock.K, stock.T)
    assert np.abs(problem.design[hinges.stop :].T - stock.X.to_numpy()).max() <= FEATURES
    assert np.allclose(problem.y, stock.y, rtol=1e-15, atol=0)
    assert np.array_equal(problem.sigmas, stock.sigmas)
    assert np.array_equal(problem.multiplicative, stock.s_m == 1)
    if model.growth == "logistic":
        assert np.allclose(problem.cap, stock.cap, rtol=1e-15, atol=0)
    else:
        assert problem.cap is None


@pytest.mark.parametrize("name", CASES)
def test_every_kind_of_model_gives_stans_data(name: str) -> None:
    case = CASES[name]
    frame = case.frame()

    problem = ours(case, frame)

    assert_same(problem, case.unfitted(), frame)


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Draw histories of any length, span, spacing and order, with gaps and equal timestamps."""
    rows = draw(st.integers(2, 60))
    start = draw(st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)))  # noqa: DTZ001 - Prophet has no zones
    step = draw(st.sampled_from([60, 900, 3600, 86_400, 7 * 86_400, 31 * 86_400]))
    steps = draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows))
    seconds = np.cumsum([1, *steps[1:]]) * step
    readings = st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda y: round(y, 6))
    y = draw(st.lists(st.one_of(readings, st.just(float("nan"))), min_size=rows, max_size=rows))
    ds = np.datetime64(start.replace(microsecond=0), "us") + seconds.astype("timedelta64[s]")
    frame = pd.DataFrame({"ds": ds, "y": y})
    return frame.sample(frac=1, random_state=draw(st.integers(0, 9))).reset_index(drop=True)


orders = st.sampled_from(["auto", True, False, 2])


@given(
    frame=frames(),
    arguments=st.fixed_dictionaries(
        {},
        optional={
            "growth": st.sampled_from(["linear", "flat"]),
            "n_changepoints": st.integers(0, 40),
            "changepoint_range": st.floats(0, 1),
            "weekly_seasonality": orders,
            "daily_seasonality": orders,
            "seasonality_mode": st.sampled_from(["additive", "multiplicative"]),
            "scaling": st.sampled_from(["absmax", "minmax"]),
        },
    ),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_any_shape_of_history_gives_stans_data(frame: pd.DataFrame, arguments: dict[str, Any]) -> None:
    usable = frame[frame.y.notna()]
    case = Case(lambda: frame, arguments)
    if len(usable) < 2 or usable.ds.nunique() < 2:
        with pytest.raises(ValueError, match=r"2 rows|all timestamps are equal"):
            ours(case, frame)
        return

    problem = ours(case, frame)

    assert_same(problem, case.unfitted(), frame)
