"""Holidays in a job with a model of all customers: who has which, and forecasts of days never seen."""

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from container import Paths
from fleetcast.archive import GLOBAL_NAME, unpack
from fleetcast.forecasting import ForecastOptions, forecast, loads
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import DAY
from fleetcast.global_model import (
    FEATURES,
    GlobalModel,
    StoredHolidays,
    check_plain,
    forecast_history,
    read_global_model,
)
from tests.unit.fleetcast.global_model.fleets import readings, stamps
from tests.unit.jobs import archives, ledger, trained, tree
from tests.unit.train.global_training.fleets import csv, daily
from train.channel import find_customers
from train.global_training import training
from train.global_training.draw_rows import DrawRows, features_of
from train.global_training.holidays import features_of_holidays, stored_holidays
from train.global_training.kept_rows import KeepRows, KeptRows, answer
from train.refresh.program import refresh
from train.settings import TrainSettings

DAYS = 160
FEAST = np.array([12, 26, 45, 61, 83, 100, 121, 145, 164, 170])
"""Days of the history, and two after it, in two short weeks."""
FEW = slice(DAYS - 24, DAYS)
"""The readings of a customer too short for a backtest; day 145, a feast, is made a usual day there."""


def observed(seed: int, days: int = DAYS) -> Vector:
    """Return readings that rise by three quarters of their mean on a feast."""
    y = readings("D", days, seed)
    return np.asarray(y + 0.75 * y.mean() * np.isin(np.arange(days), FEAST), np.float64)


def few(days: int = DAYS) -> Vector:
    y = readings("D", days, 99)
    y[: FEW.start] = np.nan
    return y


@cache
def calendar() -> str:
    dates = (stamps("D", DAYS + 20).view("datetime64[us]")[FEAST]).astype("datetime64[D]")
    return "ds,holiday\n" + "".join(f"{date},feast\n" for date in dates if date != DATE_OF_145)


DATE_OF_145 = stamps("D", DAYS).view("datetime64[us]")[145].astype("datetime64[D]")


def files() -> dict[str, str]:
    own = {f"c{n:02d}/data.csv": csv("D", _without_145(observed(n), n)) for n in range(24)}
    return own | {"few/data.csv": csv("D", few())}


def _without_145(y: Vector, seed: int) -> Vector:
    return np.where(np.arange(y.size) == 145, readings("D", DAYS, seed), y)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """Return the folders of a job whose customers all have the feast."""
    options = {"models": "auto", "intervals": "calibrated"}
    paths = tree(tmp_path_factory.mktemp("job"), files(), config={"holidays.csv": calendar()}, **options)
    assert trained(paths).keys() == {name.split("/")[0] for name in files()}
    return paths


def forecast_of(paths: Paths, customer: str, periods: int = 14) -> Vector:
    model = loads(unpack((paths.checkpoints / f"{customer}.tar.gz").read_bytes()).model)
    return np.asarray(forecast(model, ForecastOptions(periods=periods, freq="D"))["yhat"], np.float64)


def global_model(paths: Paths) -> GlobalModel:
    content = unpack((paths.checkpoints / f"{GLOBAL_NAME}.tar.gz").read_bytes()).model
    assert isinstance(content, bytes)
    return read_global_model(content)


def rise(y: Vector, level: float) -> Vector:
    """Return by how much the feasts among the next 14 days exceed the same weekday of the other week."""
    return np.array([y[4] - y[11], y[10] - y[3]]) / level


def test_a_customer_with_few_readings_is_forecast_with_a_holiday_that_only_others_had(job: Paths) -> None:
    assert "few" in ledger(job)
    assert (rise(forecast_of(job, "few"), float(np.nanmean(few()))) > 0.3).all()


def test_a_customers_holidays_count_once_in_its_archive(job: Paths) -> None:
    rises = [rise(forecast_of(job, f"c{n:02d}"), observed(n).mean()) for n in range(24)]

    assert np.mean(rises) == pytest.approx(0.75, abs=0.2)


def test_a_history_without_an_archive_has_the_holidays_of_every_customer(job: Paths) -> None:
    y = few()[FEW]
    options = ForecastOptions(periods=14, freq=None)
    found = forecast_history(global_model(job), stamps("D", DAYS)[FEW], y, options)

    np.testing.assert_allclose(found["yhat"], forecast_of(job, "few"), rtol=1e-4)


def test_a_refresh_forecasts_few_readings_with_holidays(job: Paths, tmp_path: Path) -> None:
    longer = few(DAYS + 2)
    paths = Paths(tmp_path)
    tree(tmp_path, {"few/data.csv": csv("D", longer)})
    (paths.channels / "archives").mkdir(parents=True)
    for name in ("few", GLOBAL_NAME):
        content = (job.checkpoints / f"{name}.tar.gz").read_bytes()
        (paths.channels / "archives" / f"{name}.tar.gz").write_bytes(content)
    refresh(paths, TrainSettings.from_files(paths))
    found = forecast_of(paths, "few")

    assert (np.array([found[2] - found[9], found[8] - found[1]]) / np.nanmean(longer) > 0.3).all()


def prepared(base: Path, contents: dict[str, str], **options: Any) -> tuple[list[Any], TrainSettings]:
    paths = tree(base, contents, **{"models": "auto", **options})
    return find_customers(paths), TrainSettings.from_files(paths)


def test_rows_know_each_customers_own_holidays_under_the_same_name(tmp_path: Path) -> None:
    own = calendar().replace("ds,holiday", "ds,holiday,customer").replace("feast\n", "feast,c00\n")
    contents = {f"c0{n}/data.csv": csv("D", observed(n)) for n in range(2)}
    customers, settings = prepared(tmp_path, contents, config={"holidays.csv": own})
    task = DrawRows(settings, 4_000, features_of_holidays(settings))
    with_feast, without = (task(customer).plain for customer in customers)

    assert task.holidays == ("holiday", "holiday_days_1", "holiday_weeks_1", "holiday:feast")
    assert with_feast is not None
    assert without is not None
    assert set(np.unique(with_feast.x[:, -1])) == {0, 1}
    assert not without.x[:, -4:].any()
    is_feast = np.isin(with_feast.times, stamps("D", DAYS)[FEAST[:7]])
    np.testing.assert_array_equal(with_feast.x[:, -1] == 1, is_feast)


def test_effects_of_holidays_stay_in_the_plain_rows_and_leave_the_stacked_ones(
    tmp_path: Path,
) -> None:
    customers, settings = prepared(
        tmp_path, {"c/data.csv": csv("D", observed(1))}, config={"holidays.csv": calendar()}
    )
    found = DrawRows(settings, 4_000, features_of_holidays(settings))(customers[0])

    assert found.plain is not None
    assert found.stacked is not None
    means = [
        rows.target[rows.x[:, -1] == 1].mean() - rows.target[rows.x[:, -1] == 0].mean()
        for rows in (found.plain, found.stacked)
    ]
    assert means[0] > 1.5
    assert abs(means[1]) < means[0] / 3


def test_plain_rows_up_to_a_date_do_not_depend_on_later_readings_though_holidays_are_known(
    tmp_path: Path,
) -> None:
    y = observed(1)
    later = np.where(np.arange(DAYS) >= 100, y[::-1] * 3, y)
    found = []
    for name, content in (("a", y), ("b", later)):
        customers, settings = prepared(
            tmp_path / name, {"c/data.csv": csv("D", content)}, config={"holidays.csv": calendar()}
        )
        rows = DrawRows(settings, 4_000, features_of_holidays(settings))(customers[0]).plain
        assert rows is not None
        found.append(rows.until(int(stamps("D", DAYS)[99])))

    np.testing.assert_array_equal(found[0].x, found[1].x)
    np.testing.assert_array_equal(found[0].target, found[1].target)


def test_a_regressor_leaves_the_rows_of_both_models(tmp_path: Path) -> None:
    is_open = (np.random.default_rng(2).random(DAYS) < 0.3).astype(float)
    y = observed(1)
    contents = csv("D", y + 10 * y.mean() * is_open, columns={"open": is_open})
    found = []
    for name, content, options in (("a", contents, {"regressors": "open"}), ("b", csv("D", y), {})):
        customers, settings = prepared(
            tmp_path / name, {"c/data.csv": content}, config={"holidays.csv": calendar()}, **options
        )
        rows = DrawRows(settings, 4_000, features_of_holidays(settings))(customers[0]).plain
        assert rows is not None
        found.append(rows.target)

    assert np.abs(found[0] - found[1]).mean() < 0.3 * np.abs(found[1]).mean()


def test_a_country_and_a_table_have_features_and_a_job_without_holidays_none(tmp_path: Path) -> None:
    contents = daily(1)
    _, plain = prepared(tmp_path / "a", contents)
    _, both = prepared(tmp_path / "b", contents, config={"holidays.csv": calendar()}, country_holidays="PT")
    _, county = prepared(tmp_path / "c", contents, country_holidays="DE-BY")

    assert features_of_holidays(plain) == ()
    assert stored_holidays(plain, 0, 10**15) == StoredHolidays()
    assert {"holiday:feast", "holiday:Christmas Day"} <= set(features_of_holidays(both))
    assert "holiday:Epiphany" in features_of_holidays(county)
    stored = stored_holidays(both, int(stamps("D", 1)[0]), int(stamps("D", DAYS)[-1]))
    assert {"feast_delim_+0", "Christmas Day_delim_+0"} <= set(stored.columns)
    assert int(stamps("D", 1)[0]) // DAY in stored.days  # New Year's Day


def test_holidays_of_single_customers_leave_a_model_that_forecasts_other_histories(tmp_path: Path) -> None:
    own = calendar().replace("ds,holiday", "ds,holiday,customer").replace("feast\n", "feast,c00\n")
    paths = tree(tmp_path, daily(10, 90), config={"holidays.csv": own}, models="global")
    trained(paths)
    found = global_model(paths)
    check_plain(found)
    y = readings("D", 60, 50)

    assert found.parts["plain"].features[-1] == "holiday:feast"
    assert np.isfinite(forecast_history(found, stamps("D", 60), y, ForecastOptions(freq=None))["yhat"]).all()


def test_rows_that_stay_on_their_host_know_holidays_also_where_a_host_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = {"few/data.csv": csv("D", observed(3, 40))}  # too few for a row of the stacked model
    customers, settings = prepared(tmp_path, contents, config={"holidays.csv": calendar()})
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    keep = KeepRows(DrawRows(settings, 4_000, features_of_holidays(settings)), "rows")
    kept = KeptRows([keep(customers[0])], "rows")
    (stacked,), (plain,) = kept.load("stacked"), kept.load("plain")

    assert stacked.target.size == 0
    assert stacked.x.shape[1] == len(FEATURES["stacked"]) + 4
    assert plain.x.shape[1] == len(FEATURES["plain"]) + 4
    assert features_of(kept.customers, "plain")[-1] == "holiday:feast"
    assert answer(kept, "plain", "extent", "plain").rows == plain.target.size > 0


def test_the_most_names_are_those_with_the_most_dates(tmp_path: Path) -> None:
    rows = [
        {"ds": f"2024-{month:02d}-{day:02d}", "holiday": f"day {day:02d}"}
        for day in range(1, 29)
        for month in range(1, day // 3 + 2)
    ]
    rows += [{"ds": "2024-07-01", "holiday": f"rare {n:02d}"} for n in range(40)]
    _, settings = prepared(tmp_path, daily(1), holidays=json.dumps(rows))
    found = features_of_holidays(settings)

    assert len(found) == 3 + 50
    assert {f"holiday:day {day:02d}" for day in range(3, 29)} <= set(found)
    assert list(found[3:]) == sorted(found[3:])


def test_a_job_without_holidays_has_the_features_and_settings_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "LEAST_ROWS", 200)
    paths = tree(tmp_path, daily(10, 90), models="global")
    trained(paths)
    found = global_model(paths)

    assert {kind: part.features for kind, part in found.parts.items()} == dict(FEATURES)
    assert b"holiday" not in unpack(archives(paths)[f"{GLOBAL_NAME}.tar.gz"]).model
