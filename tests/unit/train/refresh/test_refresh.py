"""A refresh: old archives and newer readings become archives that forecast from the new end."""

import json
from pathlib import Path

import numpy as np
import pytest

from fleetcast.forecasting import ForecastOptions, forecast
from fleetcast.forecasting.arrays import Vector
from fleetcast.forecasting.members import GriddedHistory, forecasts
from tests.unit.jobs import trained, tree
from tests.unit.train.refresh.jobs import (
    HOUR,
    SEVERAL,
    START,
    WHOLE,
    N,
    csv,
    job,
    metadata,
    model,
    packed,
    path,
    put,
    refreshed,
    yhat,
)


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
