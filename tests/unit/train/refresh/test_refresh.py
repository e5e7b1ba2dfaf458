"""A refresh: old archives and newer readings become archives that forecast from the new end."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from container import Paths
from fleetcast.archive import GLOBAL_NAME, Archive, pack, read_bundle, unpack
from fleetcast.errors import InputError
from fleetcast.forecasting import ForecastOptions, Model, forecast, loads
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.calendar import microseconds
from fleetcast.forecasting.members import GriddedHistory, forecasts
from fleetcast.global_model import write_global_model
from tests.unit.fleetcast.global_model.fleets import plain_model
from tests.unit.jobs import trained, tree, write_config
from train.exit_codes import TrainingError
from train.refresh.job import run_refresh
from train.refresh.program import refresh
from train.settings import TrainSettings

HOUR = 3_600_000_000
START = int(microseconds(["2025-01-06"])[0])
DAYS = 35
SEVERAL = json.dumps(["seasonal_naive", "long_profile", "autoregression", "median"])


def hourly(days: int = DAYS + 4, seed: int = 0) -> Vector:
    random = np.random.default_rng(seed)
    steps = np.arange(24 * days)
    shape = random.gamma(2.0, size=24)[steps % 24] + np.repeat(random.normal(size=7), 24)[steps % 168]
    y: Vector = np.round(100 + 10 * shape + np.cumsum(random.normal(size=steps.size)) * 0.1, 3)
    return y


def csv(y: Vector, first: int = 0, *, columns: Mapping[str, Vector] | None = None, step: int = HOUR) -> str:
    columns = columns or {}
    stamps = (
        (START + HOUR * first + step * np.arange(y.size)).astype("datetime64[us]").astype("datetime64[s]")
    )
    lines = [",".join(("timestamp", "consumption", *columns))]
    for row, (stamp, value) in enumerate(zip(stamps, y, strict=True)):
        cells = [str(stamp), "" if np.isnan(value) else f"{value}"]
        lines.append(",".join([*cells, *(str(values[row]) for values in columns.values())]))
    return "\n".join(lines) + "\n"


N = 24 * DAYS
WHOLE = hourly()


def put(paths: Paths, name: str, content: str) -> None:
    """Replace a customer's file in the channel."""
    (paths.channels / "train" / name).write_text(content)


def refreshed(paths: Paths) -> dict[str, dict[str, Any]]:
    """Run the job in this process, with real workers; return the ledger's lines by customer."""
    assert refresh(paths, TrainSettings.from_files(paths)) == 0
    return ledger(paths)


def ledger(paths: Paths) -> dict[str, dict[str, Any]]:
    lines = (paths.output_data / "refresh.jsonl").read_text().splitlines()
    return {row["customer"]: row for row in map(json.loads, lines)}


def packed(paths: Paths, customer: str = "a") -> bytes:
    return (paths.checkpoints / f"{customer}.tar.gz").read_bytes()


def model(paths: Paths, customer: str = "a") -> Model:
    found = loads(unpack(packed(paths, customer)).model)
    assert isinstance(found, Model)
    return found


def metadata(paths: Paths, customer: str = "a") -> Mapping[str, Any]:
    return unpack(packed(paths, customer)).metadata


def yhat(paths: Paths, customer: str = "a", periods: int = 48) -> Vector:
    return np.asarray(forecast(model(paths, customer), ForecastOptions(periods, "h"))["yhat"])


def bundle(paths: Paths) -> dict[str, bytes]:
    return dict(read_bundle(paths.model / "fleet-algo-1.sqlite"))


def path(of: Model) -> Vector:
    assert of.combination is not None
    assert of.combination.correction is not None
    return of.combination.correction.path


def job(tmp_path: Path, models: str = SEVERAL, **hyperparameters: str) -> Paths:
    """Return a tree with an archive of a customer `a` that was trained without its last four days."""
    paths = tree(tmp_path, {"a.csv": csv(WHOLE[:N])}, config=None, models=models, **hyperparameters)
    assert trained(paths)["a"]["status"] == "ok"
    return paths


@pytest.mark.parametrize(
    "method", ["seasonal_naive", "long_profile", "day_by_week+correction", "autoregression"]
)
def test_it_equals_a_training_with_the_same_weights_on_the_whole_history(tmp_path: Path, method: str) -> None:
    old = job(tmp_path / "old", json.dumps([method]))
    put(old, "a.csv", csv(WHOLE))
    new = tree(tmp_path / "new", {"a.csv": csv(WHOLE)}, models=json.dumps([method]))
    trained(new)

    assert refreshed(old)["a"]["status"] == "refreshed"

    np.testing.assert_allclose(path(model(old)), path(model(new)), rtol=1e-5)
    np.testing.assert_allclose(yhat(old), yhat(new), rtol=1e-5)


def test_the_path_is_the_weighted_mean_of_the_methods(tmp_path: Path) -> None:
    paths = job(tmp_path)
    put(paths, "a.csv", csv(WHOLE))
    weights = metadata(paths)["metrics"]["members"]
    assert len(weights) > 1

    refreshed(paths)

    history = GriddedHistory.of(START + HOUR * np.arange(WHOLE.size), WHOLE, "h")
    assert history is not None
    found = path(model(paths))
    each = forecasts(list(weights), [history.grid()], found.size, {})
    together = sum(weights[name] * np.asarray(each[name][0]) for name in weights)
    np.testing.assert_allclose(found, together, rtol=1e-5)


def test_the_forecast_begins_after_the_new_end_with_the_weights_and_intervals_of_the_training(
    tmp_path: Path,
) -> None:
    paths = job(tmp_path, "auto", intervals="calibrated")
    before, old = model(paths).combination, dict(metadata(paths))
    put(paths, "a.csv", csv(WHOLE))

    refreshed(paths)

    after, new = model(paths).combination, metadata(paths)
    assert before is not None
    assert after is not None
    assert before.calibration is not None
    assert after.calibration is not None
    table = forecast(model(paths), ForecastOptions(3, "h"))
    end = START + HOUR * (WHOLE.size - 1)
    assert after.origin == end
    assert table["ds"].view(np.int64).tolist() == [end + HOUR * k for k in (1, 2, 3)]
    np.testing.assert_array_equal(after.calibration.scales, before.calibration.scales)
    assert new["last"] == "2025-02-13T23:00:00"
    assert new["trained_until"] == old["last"]
    for name in ("metrics", "fingerprint", "rows", "first", "hyperparameters", "freq"):
        assert new[name] == old[name]


def test_a_corrected_prophet_forecasts_its_residuals_at_the_new_readings(tmp_path: Path) -> None:
    paths = job(tmp_path, "prophet+correction")
    stale = forecast(model(paths), ForecastOptions(96 + 48, "h"))["yhat"]
    put(paths, "a.csv", csv(np.concatenate((WHOLE[:N], WHOLE[N:] + 30))))

    refreshed(paths)

    assert np.mean(yhat(paths)[:6] - stale[96:102]) > 15


def test_regressors_and_holidays_are_removed_before_and_added_after(tmp_path: Path) -> None:
    wind = np.random.default_rng(5).normal(size=WHOLE.size)
    y = WHOLE + 20 * wind
    files = {"a.csv": csv(y[:N], columns={"wind": wind[:N]})}
    paths = tree(tmp_path, files, models='["long_profile"]', regressors="wind")
    trained(paths)
    put(paths, "a.csv", csv(y, columns={"wind": wind}))

    refreshed(paths)

    ahead = {"wind": np.repeat([0.0, 3.0], [24, 24])}
    calm, windy = np.split(
        np.asarray(forecast(model(paths), ForecastOptions(48, "h", regressors=ahead))["yhat"]), 2
    )
    assert np.mean(windy - calm) == pytest.approx(60, rel=0.15)
    assert "last_readings" not in metadata(paths)


def test_readings_after_the_end_of_the_channel_cannot_matter(tmp_path: Path) -> None:
    short, long = job(tmp_path / "short"), job(tmp_path / "long")
    put(short, "a.csv", csv(WHOLE[: N + 48]))
    put(long, "a.csv", csv(np.where(np.arange(WHOLE.size) < N + 48, WHOLE, np.nan)))

    refreshed(short)
    refreshed(long)

    np.testing.assert_array_equal(yhat(short), yhat(long))


def test_a_second_refresh_with_the_same_readings_changes_nothing(tmp_path: Path) -> None:
    paths = job(tmp_path)
    put(paths, "a.csv", csv(WHOLE))
    refreshed(paths)
    once = packed(paths)

    row = refreshed(paths)["a"]

    assert row["status"] == "unchanged"
    assert row["reason"] == "the channel has no reading after 2025-02-13T23:00:00"
    assert packed(paths) == once


def test_the_archive_remembers_readings_so_that_new_ones_suffice(tmp_path: Path) -> None:
    paths, at_once = job(tmp_path / "steps"), job(tmp_path / "once")
    put(paths, "a.csv", csv(WHOLE[: N + 24]))
    refreshed(paths)
    put(paths, "a.csv", csv(WHOLE[N + 24 :], N + 24))
    put(at_once, "a.csv", csv(WHOLE[-900 - 72 :], WHOLE.size - 900 - 72))

    refreshed(paths)
    refreshed(at_once)

    assert len(metadata(paths)["last_readings"]["values"]) <= 4900
    assert len(packed(paths)) < 10_000
    np.testing.assert_allclose(yhat(paths), yhat(at_once), rtol=1e-3)


def test_readings_that_changed_replace_the_remembered_ones_and_are_counted(tmp_path: Path) -> None:
    paths, at_once = job(tmp_path / "steps"), job(tmp_path / "once")
    put(paths, "a.csv", csv(WHOLE[: N + 24]))
    refreshed(paths)
    corrected = WHOLE.copy()
    corrected[N + 3 : N + 8] += 50
    put(paths, "a.csv", csv(corrected[N:], N))
    put(at_once, "a.csv", csv(corrected))

    row = refreshed(paths)["a"]
    refreshed(at_once)

    assert row["warnings"] == ["5 readings in the channel differ from those in the archive, and replace them"]
    np.testing.assert_allclose(yhat(paths), yhat(at_once), rtol=1e-2)


def test_a_gap_before_the_new_readings_is_a_gap(tmp_path: Path) -> None:
    paths, whole = job(tmp_path / "steps"), job(tmp_path / "whole")
    put(paths, "a.csv", csv(WHOLE[: N + 12]))
    refreshed(paths)
    put(paths, "a.csv", csv(WHOLE[N + 30 :], N + 30))
    gap = WHOLE.copy()
    gap[N + 12 : N + 30] = np.nan
    put(whole, "a.csv", csv(gap))

    refreshed(paths)
    refreshed(whole)

    np.testing.assert_allclose(yhat(paths), yhat(whole), rtol=1e-2)


def test_old_readings_alone_change_nothing(tmp_path: Path) -> None:
    paths = job(tmp_path)
    once = packed(paths)
    put(paths, "a.csv", csv(WHOLE[: N // 2] * 3))

    assert refreshed(paths)["a"]["status"] == "unchanged"
    assert packed(paths) == once


def test_prophet_alone_has_nothing_to_refresh(tmp_path: Path) -> None:
    paths = job(tmp_path, "prophet")
    once = packed(paths)
    put(paths, "a.csv", csv(WHOLE))

    row = refreshed(paths)["a"]

    assert row["status"] == "unchanged"
    assert "a training makes it new" in row["reason"]
    assert packed(paths) == once


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (csv(WHOLE[N:], N), "there are 96 steps of 'h' up to its last reading, and a refresh needs 336"),
        (csv(np.tile(WHOLE, 3), step=HOUR // 2), "every '30min' now, and its methods were chosen for 'h'"),
        ("a,b,c\n1,2,3\n", "a.csv needs the columns timestamp and consumption"),
    ],
)
def test_a_customer_that_cannot_be_refreshed_keeps_its_archive_and_is_named(
    tmp_path: Path, content: str, reason: str
) -> None:
    paths = job(tmp_path)
    once = packed(paths)
    put(paths, "a.csv", content)

    with pytest.raises(TrainingError, match="1 of 1 customers failed"):
        refresh(paths, TrainSettings.from_files(paths))

    row = ledger(paths)["a"]
    assert row["status"] == "kept"
    assert reason in row["reason"]
    assert packed(paths) == once
    assert bundle(paths)["a"] == once


def test_every_customer_has_an_outcome_and_every_archive_is_in_the_bundle(tmp_path: Path) -> None:
    files = {f"{name}.csv": csv(hourly(seed=seed)[:N]) for seed, name in enumerate("abcd")}
    paths = tree(tmp_path, files, models=SEVERAL, max_failed_fraction="0.3")
    trained(paths)
    (paths.checkpoints / "c.tar.gz").write_bytes(b"damaged")
    shutil.rmtree(paths.channels / "train")
    (paths.channels / "train").mkdir()
    for seed, name in ((0, "a"), (2, "c"), (9, "new")):
        put(paths, f"{name}.csv", csv(hourly(seed=seed)))

    rows = refreshed(paths)

    assert {name: row["status"] for name, row in rows.items()} == {
        "a": "refreshed",
        "b": "unchanged",
        "c": "failed",
        "d": "unchanged",
        "new": "new",
    }
    assert rows["b"]["reason"] == "the channel has no readings of it"
    for name in "abd":
        assert bundle(paths)[name] == packed(paths, name)
    figures = json.loads((paths.model / "summary.json").read_text())
    assert figures["customers_refreshed"] == 1
    assert figures["customers_unchanged"] == 2


def test_a_stopped_job_loses_no_customer_and_the_same_command_goes_on(tmp_path: Path) -> None:
    files = {f"{name}.csv": csv(hourly(seed=seed)[:N]) for seed, name in enumerate("abcd")}
    paths = tree(tmp_path, files, models=SEVERAL)
    trained(paths)
    old = {name: packed(paths, name) for name in "abcd"}
    for seed, name in enumerate("abcd"):
        put(paths, f"{name}.csv", csv(hourly(seed=seed)))
    answers = iter([False, False])

    result = run_refresh(paths, TrainSettings.from_files(paths), stopped=lambda: next(answers, True))

    assert not result.is_complete
    assert bundle(paths) == {name: packed(paths, name) for name in "abcd"}
    done = {name for name in "abcd" if packed(paths, name) != old[name]}
    assert done == {name for name, row in ledger(paths).items() if row["status"] == "refreshed"}
    rows = refreshed(paths)
    assert {name for name, row in rows.items() if row["status"] == "unchanged"} == done
    assert all(packed(paths, name) != old[name] for name in "abcd")


def test_archives_may_come_from_a_channel_of_their_own(tmp_path: Path) -> None:
    paths = tree(tmp_path, {name: csv(WHOLE[:N]) for name in ("a.csv", "b.csv")}, models=SEVERAL)
    trained(paths)
    shutil.move(paths.checkpoints, paths.channels / "archives")
    old = (paths.channels / "archives" / "a.tar.gz").read_bytes()
    put(paths, "a.csv", csv(WHOLE))

    content = pack(Archive(write_global_model(plain_model()), {"customer": GLOBAL_NAME, "freq": "h"}))
    (paths.channels / "archives" / f"{GLOBAL_NAME}.tar.gz").write_bytes(content)

    rows = refreshed(paths)

    assert packed(paths, GLOBAL_NAME) == bundle(paths)[GLOBAL_NAME] == content
    assert [rows[name]["status"] for name in "ab"] == ["refreshed", "unchanged"]
    assert (paths.channels / "archives" / "a.tar.gz").read_bytes() == old
    assert packed(paths) != old
    assert packed(paths, "b") == (paths.channels / "archives" / "b.tar.gz").read_bytes()


def test_hosts_share_the_customers_and_write_what_one_host_writes(tmp_path: Path) -> None:
    files = {f"{name}.csv": csv(hourly(seed=seed)[:N]) for seed, name in enumerate("abc")}
    one = tree(tmp_path / "one", files, models=SEVERAL)
    trained(one)
    put(one, "a.csv", csv(hourly(seed=0)))
    put(one, "c.csv", csv(hourly(seed=2)))
    (one.channels / "train" / "b.csv").unlink()
    two = Paths(tmp_path / "two")
    shutil.copytree(one.base, two.base)

    refreshed(one)
    for host in ("algo-1", "algo-2"):
        config = {"current_host": host, "hosts": ["algo-1", "algo-2"]}
        write_config(two, "resourceconfig", config)
        refreshed(two)

    for name in "abc":
        assert packed(two, name) == packed(one, name)
    assert {path.name for path in two.model.glob("fleet-*")} == {
        "fleet-algo-1.sqlite",
        "fleet-algo-2.sqlite",
    }


def test_the_options_of_the_training_are_in_the_archive(tmp_path: Path) -> None:
    def german(y: Vector) -> str:
        return csv(y).replace(",", ";").replace(".", ",")

    files = {"a.csv": german(WHOLE[:N] - 200)}
    paths = tree(tmp_path, files, models=SEVERAL, delimiter=";", decimal=",", non_negative="true")
    trained(paths)
    put(paths, "a.csv", german(WHOLE - 200))
    (paths.config / "hyperparameters.json").write_text("{}")

    row = refreshed(paths)["a"]

    assert row["status"] == "refreshed"
    assert row["non_negative"] is True
    assert metadata(paths)["non_negative"] is True


def test_an_archive_of_another_maker_is_kept(tmp_path: Path) -> None:
    paths = job(tmp_path, max_failed_fraction="1")
    archive = unpack(packed(paths))
    changed = {"customer": "other", **{k: v for k, v in archive.metadata.items() if k != "customer"}}
    (paths.checkpoints / "a.tar.gz").write_bytes(pack(Archive(archive.model, changed)))
    put(paths, "a.csv", csv(WHOLE))

    row = refreshed(paths)["a"]

    assert row["status"] == "kept"
    assert "train did not write it for this customer" in row["reason"]


@pytest.mark.parametrize(
    "entry",
    [
        None,
        [],
        {},
        {"last": 1, "step": HOUR, "base": 0.0, "values": "?"},
        {"last": 1, "step": HOUR, "base": 0.0, "values": "AAAA"},
        {"last": 1, "step": 1, "base": 0.0, "values": "AAAAAA=="},
        {"last": 1, "step": HOUR, "base": 0.0, "values": "AADAfw=="},
        {"last": 1, "step": HOUR, "base": 0.0, "values": "AAAA" * 4000},
        {"last": 10**30, "step": HOUR, "base": 0.0, "values": "AAAAAA=="},
    ],
)
def test_remembered_readings_that_are_none_are_ignored(tmp_path: Path, entry: object) -> None:
    paths = job(tmp_path)
    archive = unpack(packed(paths))
    changed = {**archive.metadata, "last_readings": entry}
    (paths.checkpoints / "a.tar.gz").write_bytes(pack(Archive(archive.model, changed)))
    put(paths, "a.csv", csv(WHOLE))
    refreshed(paths)
    with_entry = yhat(paths)
    shutil.rmtree(tmp_path)

    without = job(tmp_path)
    put(without, "a.csv", csv(WHOLE))
    refreshed(without)

    np.testing.assert_array_equal(with_entry, yhat(without))


def test_the_model_of_all_customers_stays_and_is_in_the_bundle(tmp_path: Path) -> None:
    paths = job(tmp_path)
    content = pack(Archive(write_global_model(plain_model()), {"customer": GLOBAL_NAME, "freq": "h"}))
    (paths.checkpoints / f"{GLOBAL_NAME}.tar.gz").write_bytes(content)
    put(paths, "a.csv", csv(WHOLE))

    rows = refreshed(paths)

    assert {name: row["status"] for name, row in rows.items()} == {"a": "refreshed"}
    assert bundle(paths)[GLOBAL_NAME] == content


def test_a_tree_without_archives_is_refused(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"a.csv": csv(WHOLE)})

    with pytest.raises(InputError, match="no archive"):
        refresh(paths, TrainSettings.from_files(paths))


def test_archives_that_are_sharded_are_refused(tmp_path: Path) -> None:
    paths = job(tmp_path)
    shutil.move(paths.checkpoints, paths.channels / "archives")
    write_config(paths, "resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]})
    write_config(paths, "inputdataconfig", {"archives": {"S3DistributionType": "ShardedByS3Key"}})

    with pytest.raises(InputError, match="FullyReplicated"):
        refresh(paths, TrainSettings.from_files(paths))


def test_a_training_after_a_refresh_judges_the_choice_by_readings_that_it_had_not_seen(
    tmp_path: Path,
) -> None:
    paths = job(tmp_path, "auto", keep_incumbent="true")
    put(paths, "a.csv", csv(WHOLE))
    refreshed(paths)

    row = trained(paths)["a"]

    assert row["status"] == "ok"
    assert row["incumbent"]["outcome"] in {"kept", "replaced"}
    assert row["incumbent"]["reason"] != "too few readings to compare with a new choice"
