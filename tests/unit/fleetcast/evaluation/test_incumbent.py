"""The choice of an earlier job: it stays unless a new one is better on readings that neither has seen."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fleetcast.evaluation import NAIVE, PROPHET, Combined, CombineOptions, Incumbent, Verdict
from fleetcast.evaluation.incumbent import OTHER_FREQ, OTHER_METHODS, REPLACED, STAYS, TOO_FEW
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import Stamps, microseconds
from testbed.combined import combination, hourly

HORIZON = 48
OPTIONS = CombineOptions(horizon=HORIZON)
POOR = "median_slow"
HOUR = 3_600_000_000


def chosen(stamps: Stamps, y: Vector, options: CombineOptions = OPTIONS) -> Combined:
    together = combination(stamps, y, options=options)
    assert together is not None
    return together


def kept(
    stamps: Stamps, y: Vector, incumbent: Incumbent, options: CombineOptions = OPTIONS
) -> tuple[Combined, Verdict]:
    together = combination(stamps, y, options=options, incumbent=incumbent)
    assert together is not None
    assert together.verdict is not None
    return together, together.verdict


def incumbent(weights: dict[str, float], seen_until: int | None, freq: str = "h") -> Incumbent:
    return Incumbent(weights, freq, seen_until)


def test_without_an_earlier_choice_there_is_no_verdict() -> None:
    assert chosen(*hourly()).verdict is None


@pytest.mark.parametrize(
    "options", [OPTIONS, replace(OPTIONS, one_only=True), replace(OPTIONS, metric="wape")]
)
@pytest.mark.parametrize("shift", [0.0, 1e3])
def test_the_new_choice_that_judges_is_the_one_that_a_job_a_horizon_ago_would_have_made(
    options: CombineOptions, shift: float
) -> None:
    stamps, y = hourly()
    y[-HORIZON:] += shift  # whatever happened since then
    then = chosen(stamps[:-HORIZON], y[:-HORIZON], options)
    earlier = incumbent(dict(then.weights), int(stamps[-HORIZON - 1]))

    together, verdict = kept(stamps, y, earlier, options)

    assert verdict.is_kept
    assert verdict.reason == STAYS
    assert verdict.incumbent_error == pytest.approx(verdict.challenger_error, rel=1e-12)
    assert together.weights == pytest.approx(then.weights)


def test_a_poor_choice_is_replaced_by_the_one_of_a_job_without_it() -> None:
    stamps, y = hourly()

    together, verdict = kept(stamps, y, incumbent({POOR: 1.0}, int(stamps[-200])))

    assert not verdict.is_kept
    assert verdict.reason == REPLACED
    assert verdict.incumbent_error is not None
    assert verdict.challenger_error is not None
    assert verdict.challenger_error < 0.95 * verdict.incumbent_error
    assert together.weights == chosen(stamps, y).weights


def test_a_choice_stays_where_the_new_one_is_better_by_less_than_the_margin() -> None:
    stamps, y = hourly()
    earlier = incumbent({POOR: 1.0}, int(stamps[-200]))

    together, verdict = kept(stamps, y, earlier, replace(OPTIONS, margin=0.99))

    assert verdict.is_kept
    assert together.weights == {POOR: 1.0}
    assert together.correction.share == 0
    assert together.correction.path.any()


@pytest.mark.parametrize(
    ("newer", "reason"), [(0, TOO_FEW), (HORIZON - 1, TOO_FEW), (HORIZON, REPLACED), (2 * HORIZON, REPLACED)]
)
def test_only_backtests_whose_readings_are_all_newer_than_the_choice_judge_it(
    newer: int, reason: str
) -> None:
    stamps, y = hourly()

    _, verdict = kept(stamps, y, incumbent({POOR: 1.0}, int(stamps[-newer - 1])))

    assert verdict.reason == reason
    assert (verdict.challenger_error is None) == verdict.is_kept


def test_wape_decides_where_methods_are_chosen_by_it() -> None:
    stamps, y = hourly()
    options = replace(OPTIONS, metric="wape", margin=0.99, cutoffs=1)

    together, verdict = kept(stamps, y, incumbent({POOR: 1.0}, None), options)

    assert verdict.incumbent_error == pytest.approx(together.wape)


def test_forecasts_below_zero_are_judged_as_they_are_served() -> None:
    stamps, y = hourly()
    earlier, options = incumbent({POOR: 1.0}, None), replace(OPTIONS, margin=0.99, floor=0.0)

    together, verdict = kept(stamps, np.maximum(y - 100, 0) - 1, earlier, options)
    _, unclipped = kept(stamps, np.maximum(y - 100, 0) - 1, earlier, replace(options, floor=-np.inf))

    assert verdict.incumbent_error == pytest.approx(together.errors[POOR])
    assert verdict.incumbent_error != unclipped.incumbent_error


def test_where_all_readings_are_zero_the_earlier_choice_stays() -> None:
    stamps, y = hourly()
    options = replace(OPTIONS, members=(NAIVE, POOR), metric="wape")

    _, verdict = kept(stamps, 0 * y, incumbent({POOR: 1.0}, int(stamps[-200])), options)

    assert verdict == Verdict(is_kept=True, reason=STAYS, incumbent_error=0.0, challenger_error=0.0)


def test_readings_that_end_before_the_choice_leave_it_as_it_is() -> None:
    stamps, y = hourly()

    together, verdict = kept(stamps, y, incumbent({POOR: 1.0}, int(stamps[-1]) + 1000 * HOUR))

    assert (verdict.is_kept, verdict.reason) == (True, TOO_FEW)
    assert together.weights == {POOR: 1.0}


def test_a_choice_that_no_reading_decided_is_judged_by_all_backtests() -> None:
    stamps, y = hourly()

    _, verdict = kept(stamps, y, incumbent({PROPHET: 1.0}, None))

    assert not verdict.is_kept
    assert verdict.incumbent_error == pytest.approx(chosen(stamps, y).errors[PROPHET])


def test_a_history_too_short_for_a_choice_a_horizon_ago_keeps_the_earlier_one() -> None:
    stamps, y = hourly()

    _, verdict = kept(stamps[:100], y[:100], incumbent({PROPHET: 1.0}, None))

    assert (verdict.is_kept, verdict.reason) == (True, TOO_FEW)


@pytest.mark.parametrize(
    ("earlier", "options", "reason"),
    [
        (incumbent({NAIVE: 1.0}, 0, freq="D"), OPTIONS, OTHER_FREQ),
        (incumbent({"crystal_ball": 1.0}, 0), OPTIONS, OTHER_METHODS),
        (incumbent({"last_value": 1.0}, 0), OPTIONS, OTHER_METHODS),
        (incumbent({NAIVE: 0.5, PROPHET: 0.5}, 0), replace(OPTIONS, one_only=True), OTHER_METHODS),
        (incumbent({PROPHET: 1.0}, None), replace(OPTIONS, members=(NAIVE, "median")), OTHER_METHODS),
    ],
)
def test_a_choice_that_the_job_could_not_make_is_replaced(
    earlier: Incumbent, options: CombineOptions, reason: str
) -> None:
    together, verdict = kept(*hourly(), earlier, options)

    assert verdict == Verdict(is_kept=False, reason=reason)
    assert together.weights == chosen(*hourly(), options).weights


def test_prophets_model_alone_may_stay_whatever_the_spacing_was() -> None:
    _, verdict = kept(*hourly(), incumbent({PROPHET: 1.0}, None, freq="D"), replace(OPTIONS, margin=0.99))

    assert verdict.is_kept


def test_the_error_of_a_kept_choice_is_its_own_where_it_has_not_seen_the_readings() -> None:
    stamps, y = hourly()
    earlier = incumbent({POOR: 1.0}, int(stamps[0]))

    together, verdict = kept(stamps, y, earlier, replace(OPTIONS, margin=0.99))

    assert together.errors["combined"] == pytest.approx(together.errors[POOR])
    assert verdict.incumbent_error == pytest.approx(together.errors[POOR])


@pytest.mark.parametrize(
    ("freq", "periods"), [("5min", 2500), ("D", 200), ("B", 150), ("W-MON", 260), ("MS", 72), ("3h", 600)]
)
def test_readings_of_any_frequency_judge_a_choice(freq: str, periods: int) -> None:
    ds = pd.date_range("2019-01-07", periods=periods, freq=freq)
    stamps = microseconds(ds.to_numpy())
    y = np.random.default_rng(0).normal(-50, 1, periods)

    together = combination(stamps, y, freq, incumbent=incumbent({PROPHET: 1.0}, int(stamps[1]), freq))

    assert together is not None
    assert together.verdict is not None
    assert together.verdict.reason in {STAYS, REPLACED}
    assert (together.weights == {PROPHET: 1.0}) == together.verdict.is_kept


def test_a_choice_without_error_stays() -> None:
    stamps, _ = hourly()
    y = np.resize(np.random.default_rng(0).uniform(50, 100, 24), stamps.size)

    _, verdict = kept(stamps, y, incumbent({NAIVE: 1.0}, int(stamps[-200])))

    assert verdict.is_kept
    assert verdict.incumbent_error == 0


def test_gaps_do_not_move_the_border_between_seen_and_new_readings() -> None:
    stamps, y = hourly()
    present = np.random.default_rng(0).uniform(size=y.size) < 0.8
    present[-1] = True
    seen_until = int(stamps[-HORIZON - 1])
    present[-HORIZON - 1] = False

    _, verdict = kept(stamps[present], y[present], incumbent({POOR: 1.0}, seen_until))
    _, later = kept(stamps[present], y[present], incumbent({POOR: 1.0}, seen_until + 30 * HOUR))

    assert verdict.challenger_error is not None
    assert later.challenger_error is None
