"""Customers that the solver cannot fit: Prophet, a seasonal naive forecast, or the earlier archive."""

import json
from pathlib import Path

import pytest

from fleetcast.archive import read_archive
from fleetcast.forecasting import ForecastOptions, forecast, loads
from tests.unit.jobs import HEADER, archives, history, ledger, trained, tree
from train.program import TrainingError, train
from train.settings import TrainSettings

ONE_ROW = HEADER + "2025-01-01,5\n"


def test_a_customer_that_no_engine_fits_gets_a_seasonal_naive_forecast_and_the_reason(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": HEADER + "2025-01-01,5\n"})

    train(paths, TrainSettings(max_fallback_fraction=1.0))

    row = ledger(paths)["7"]
    model = loads(read_archive(paths.checkpoints / "7.tar.gz").model)
    assert (row["status"], row["engine"]) == ("fallback", "naive")
    assert "seasonal naive forecast instead" in row["reason"]
    assert forecast(model, ForecastOptions(2))["yhat"].tolist() == pytest.approx([5.0, 5.0])
    assert str(forecast(model, ForecastOptions(1))["ds"][0])[:10] == "2025-01-02"


def test_readings_that_are_all_missing_have_no_model(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": HEADER + "2025-01-01,\n2025-01-02,\n"})

    train(paths, TrainSettings(max_failed_fraction=1.0))

    assert ledger(paths)["7"]["reason"] == "no reading is a number"


def test_a_model_that_prophet_fitted_is_listed_and_does_not_fail_the_job(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": HEADER + "2025-01-01,1\n2025-01-02,5\n2025-01-03,2\n"})

    row = trained(paths)["7"]

    assert (row["status"], row["engine"]) == ("fallback", "prophet")
    assert "fitted by Prophet itself" in (paths.output_data / "report.html").read_text()


def test_more_fallbacks_than_allowed_fail_the_job_and_are_in_the_report(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"1/data.csv": ONE_ROW, "2/data.csv": history(), "<b>/data.csv": ONE_ROW})

    with pytest.raises(TrainingError, match=r"neither .* nor Prophet could fit 2 of 3 customers, .* = 0\.5"):
        train(paths, TrainSettings())

    page = (paths.output_data / "report.html").read_text()
    fallbacks = page.partition("<h2>Fallbacks</h2>")[2].partition("<h2>Warnings</h2>")[0]
    assert fallbacks.count("seasonal naive forecast instead: a history needs at least 2 rows") == 2
    assert "&lt;b&gt;" in fallbacks
    assert json.loads((paths.model / "summary.json").read_text())["customers_fallback"] == 2


def test_a_fallback_does_not_replace_a_fitted_archive(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": history()}, max_fallback_fraction="1")
    trained(paths)
    before = archives(paths)
    tree(tmp_path, {"7/data.csv": ONE_ROW}, max_fallback_fraction="1")

    row = trained(paths)["7"]

    assert archives(paths) == before
    assert (row["status"], row["engine"]) == ("kept", "fleetcast")
    assert "readings until 2025-02-09T06:00:00) stays: replace_with_fallback = true" in row["reason"]
    assert "in_sample" not in row


def test_a_fallback_replaces_a_fitted_archive_if_a_hyperparameter_allows_it(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": history()})
    trained(paths)
    tree(tmp_path, {"7/data.csv": ONE_ROW}, max_fallback_fraction="1", replace_with_fallback="true")

    row = trained(paths)["7"]

    assert (row["status"], row["engine"]) == ("fallback", "naive")
    assert read_archive(paths.checkpoints / "7.tar.gz").metadata["engine"] == "naive"


def test_a_fallback_replaces_a_fallback(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": ONE_ROW}, max_fallback_fraction="1")
    trained(paths)
    tree(tmp_path, {"7/data.csv": ONE_ROW.replace("5", "6")}, max_fallback_fraction="1")

    assert trained(paths)["7"]["status"] == "fallback"


def test_a_customer_with_a_kept_archive_is_fitted_again_by_the_next_job(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": history()}, max_fallback_fraction="1")
    trained(paths)
    tree(tmp_path, {"7/data.csv": ONE_ROW}, max_fallback_fraction="1")

    assert [trained(paths)["7"]["status"] for _ in range(2)] == ["kept", "kept"]
    assert (paths.model / "fleet-algo-1.sqlite").stat().st_size > 0
