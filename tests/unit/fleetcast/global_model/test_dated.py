"""Global models of several dates: which of them forecasts from an origin, and what it may know."""

import pickle
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import xgboost

from fleetcast.evaluation import GLOBAL, FittedProphet
from fleetcast.evaluation.combined import CombineOptions, combine
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.members import GriddedHistory
from fleetcast.global_model import (
    PLAIN_FEATURES,
    STACKED_FEATURES,
    DatedModels,
    GlobalModel,
    GlobalSettings,
    Kind,
    Part,
    Series,
    TrainingRows,
    Trees,
    feature_rows,
    local_forecasts,
    plain_rows,
    stacked_rows,
    trees_of,
)
from tests.unit.fleetcast.global_model.fleets import readings, series, stamps
from tests.unit.fleetcast.global_model.garbage import GARBAGE, after

N = 840
HORIZON = 48
Y = readings("h", N, 4)
TIMES = stamps("h", N)
LAST = int(TIMES[-1])
DATES = (int(TIMES[500]), int(TIMES[650]), int(TIMES[-1]))


def constant(value: float, features: int) -> Trees:
    """Return one tree that always says `value`, in units of the scale."""
    return Trees.from_level_order(features=features, base_score=0, column=[2 * features], threshold=[value])


def saying(
    *values: float, horizon: int = HORIZON, kinds: tuple[Kind, ...] = ("stacked", "plain")
) -> DatedModels:
    """Return models of `DATES`, each of which corrects every forecast by its own value."""
    names = {"stacked": STACKED_FEATURES, "plain": PLAIN_FEATURES}
    models = tuple(
        GlobalModel(
            GlobalSettings(freq="h", horizon=horizon),
            {kind: Part(constant(value, len(names[kind])), names[kind]) for kind in kinds},
        )
        for value in values
    )
    return DatedModels(DATES[: len(values)], models)


@cache
def learnt() -> DatedModels:
    """Return models that XGBoost trained on a few customers, all of the same rows."""
    own = [series("h", readings("h", N, seed)) for seed in range(6)]
    rows: dict[Kind, TrainingRows] = {
        "stacked": TrainingRows.together(
            [stacked_rows(each, HORIZON, most=300, seed=1) for each in own], len(STACKED_FEATURES)
        ),
        "plain": TrainingRows.together(
            [plain_rows(each, HORIZON, most=300, seed=1) for each in own], len(PLAIN_FEATURES)
        ),
    }
    names = {"stacked": STACKED_FEATURES, "plain": PLAIN_FEATURES}
    parts: dict[Kind, Part] = {}
    for kind, each in rows.items():
        data = xgboost.DMatrix(each.x, each.target)
        booster = xgboost.train({"max_depth": 3, "nthread": 1, "seed": 1, "base_score": 0}, data, 10)
        parts[kind] = Part(trees_of(bytes(booster.save_raw("json"))), names[kind])
    model = GlobalModel(GlobalSettings(freq="h", horizon=HORIZON), parts)
    return DatedModels(DATES, (model, model, model))


def history(y: Vector) -> GriddedHistory:
    found = GriddedHistory.of(stamps("h", y.size), y, "h")
    assert found is not None
    return found


def paths(models: DatedModels, ends: list[int], y: Vector = Y, length: int = 60) -> list[Vector | None]:
    return models.paths([history(y)] * len(ends), LAST, ends, length)


def base(y: Vector, end: int, length: int = 60) -> tuple[Vector, float]:
    own = series("h", y)
    local = local_forecasts(own, [end], length, HORIZON)
    rows = feature_rows(own, np.array([end]), np.arange(1, length + 1)[np.newaxis], local)
    return rows.base[0], float(rows.scale[0, 0])


@pytest.mark.parametrize(("end", "value"), [(501, 1.0), (650, 1.0), (651, 2.0), (N - 1, 2.0), (N, 3.0)])
def test_the_latest_model_up_to_the_last_reading_before_the_origin_forecasts(end: int, value: float) -> None:
    (path,) = paths(saying(1.0, 2.0, 3.0), [end])
    expected, scale = base(Y, end)

    assert path is not None
    np.testing.assert_allclose(path[:HORIZON], expected[:HORIZON] + value * scale, rtol=1e-6)
    np.testing.assert_array_equal(path[HORIZON:], expected[HORIZON:])


def test_an_origin_before_all_models_has_no_forecast() -> None:
    assert paths(saying(1.0, 2.0, 3.0), [500])[0] is None


def test_two_long_cycles_have_the_stacked_forecast_and_three_short_ones_the_plain() -> None:
    early = DatedModels((int(TIMES[0]),), learnt().models[:1])
    plain = replace(
        early, models=(GlobalModel(early.models[0].settings, {"plain": early.models[0].parts["plain"]}),)
    )
    short, few, enough = (paths(early, [end])[0] for end in (71, 335, 336))

    assert short is None
    assert few is not None
    assert enough is not None
    few_by_plain, enough_by_plain = paths(plain, [335, 336])
    assert few_by_plain is not None
    assert enough_by_plain is not None
    np.testing.assert_array_equal(few, few_by_plain)
    assert not np.array_equal(enough, enough_by_plain)


@pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")  # of the huge readings
@pytest.mark.parametrize("kind", GARBAGE)
def test_readings_after_an_origin_change_no_forecast_from_it_by_a_bit(kind: str) -> None:
    ends = [550, 599, 600, N]
    expected, found = paths(learnt(), ends), paths(learnt(), ends, after(Y, 600, kind))

    for one, other in zip(expected[:3], found[:3], strict=True):
        np.testing.assert_array_equal(one, other)


def test_order_and_number_of_origins_do_not_matter() -> None:
    ends = [520, 600, 700, N]
    forth, back = paths(learnt(), ends), paths(learnt(), ends[::-1])

    for end, one, other in zip(ends, forth, back[::-1], strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_allclose(one, paths(learnt(), [end])[0], rtol=1e-9)  # type: ignore[arg-type]


def test_each_origin_sees_its_own_history() -> None:
    other = readings("h", N, 9)
    found = learnt().paths([history(Y), history(other), history(Y)], LAST, [600, 600, 700], 48)
    first, second = history(Y), history(other)
    together = learnt().paths([first, second, first], LAST, [600, 600, 700], 48)

    np.testing.assert_array_equal(together[0], paths(learnt(), [600, 700], length=48)[0])
    np.testing.assert_array_equal(together[1], paths(learnt(), [600], other, 48)[0])
    np.testing.assert_allclose(found[2], together[2])  # type: ignore[arg-type]


@pytest.mark.parametrize("factor", [4.0, 1e-6, 1e100])
def test_a_forecast_has_the_unit_of_its_readings(factor: float) -> None:
    expected, found = paths(learnt(), [N])[0], paths(learnt(), [N], factor * Y)[0]

    assert expected is not None
    assert found is not None
    np.testing.assert_allclose(found / factor, expected, atol=1e-3 * float(np.ptp(expected)))


def test_a_forecast_is_raised_by_what_the_readings_are_raised_by() -> None:
    y = Y - 1e4  # negative, so that no method takes logarithms
    expected, found = paths(learnt(), [N], y)[0], paths(learnt(), [N], y - 1e3)[0]

    assert expected is not None
    assert found is not None
    np.testing.assert_allclose(found + 1e3, expected, atol=1e-3 * float(np.ptp(expected)))


def test_a_history_that_repeats_itself_is_repeated() -> None:
    day = readings("h", 24, 5)
    found = paths(saying(9.0), [N], np.resize(day, N))[0]

    assert found is not None
    np.testing.assert_allclose(found[:48], np.resize(day, 48), rtol=1e-6)


@pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")
def test_a_forecast_that_is_no_number_is_none() -> None:
    wild = 1e308 * np.where(np.arange(N) % 2, 1.0, -1.0)

    for found in paths(learnt(), [N, 600], wild):
        assert found is None or np.isfinite(found).all()


def test_a_week_without_readings_before_the_origin_has_no_plain_forecast() -> None:
    y = Y[:320].copy()
    y[80:250] = np.nan
    y = np.concatenate((y, Y[320:]))
    models = DatedModels((int(TIMES[0]),), saying(1.0, kinds=("plain",)).models)

    assert paths(models, [250], y)[0] is None


def test_the_digest_changes_with_every_leaf_and_date() -> None:
    models = saying(1.0, 2.0, 3.0)

    assert models.digest == saying(1.0, 2.0, 3.0).digest
    assert models.digest != saying(1.0, 2.0, 3.0000002).digest
    assert models.digest != saying(1.0000001, 2.0, 3.0).digest
    assert models.digest != replace(models, dates=(*DATES[:2], LAST + 1)).digest
    assert models.digest != saying(1.0, 2.0, 3.0, horizon=47).digest


def test_models_can_be_sent_to_a_worker() -> None:
    there = pickle.loads(pickle.dumps(learnt()))  # noqa: S301 - our own

    assert there.digest == learnt().digest
    np.testing.assert_array_equal(paths(there, [N])[0], paths(learnt(), [N])[0])


@pytest.mark.parametrize("freq", ["ME", "B", "D"])
def test_other_steps_have_no_forecast(freq: str) -> None:
    found = GriddedHistory.of(stamps("D", 400), np.arange(400.0), "D")
    assert found is not None
    models = saying(1.0)
    other = DatedModels(
        (0,), (replace(models.models[0], settings=GlobalSettings(freq=freq, horizon=HORIZON)),)
    )
    expected = Series.of(found, int(stamps("D", 400)[-1]), freq)

    assert (other.paths([found], int(stamps("D", 400)[-1]), [400], 10)[0] is None) == (expected is None)


def test_a_few_days_have_the_plain_forecast() -> None:
    y = Y[:100]
    own = DatedModels((int(TIMES[50]),), saying(1.0).models)
    found = own.of_few_readings(history(y), int(TIMES[99]), 30)
    rows = feature_rows(series("h", y), np.array([100]), np.arange(1, 31)[np.newaxis])

    assert found is not None
    assert found.calibration is None
    np.testing.assert_allclose(found.path, rows.base[0] + rows.scale[0, 0], rtol=1e-6)
    assert own.of_few_readings(history(Y[:40]), int(TIMES[39]), 30) is None  # before the model
    assert own.of_few_readings(history(Y[:60]), int(TIMES[59]), 30) is None  # less than three days


def test_no_backtest_has_a_model_that_is_later_than_its_cut_off() -> None:
    def no_fit(rows: int) -> FittedProphet | None:
        return FittedProphet(np.zeros(rows), lambda rows: np.zeros(rows.stop - rows.start))

    def combined(models: DatedModels) -> dict[str, float]:
        options = CombineOptions(members=("seasonal_naive", "profile"), cutoffs=3, horizon=48)
        found = combine(TIMES, Y, "h", no_fit, options, None, models)
        assert found is not None
        assert found.weights[GLOBAL] == pytest.approx(0.7)
        return dict(found.errors)

    later = combined(saying(0.0, 0.0, 1e6))  # the last model has a date after every cut-off
    assert later == combined(saying(0.0, 0.0, 0.0))
    assert combined(saying(0.0, 1.0, 0.0)) != later
