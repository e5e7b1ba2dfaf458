"""A job says what happened: nothing that fits nobody is begun, no fallback passes for a model."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from container import Paths
from fleetcast.archive import Archive, pack, read_archive
from fleetcast.errors import SettingError
from fleetcast.forecasting import ForecastOptions, forecast, loads
from serving.models import load_packed, look_up_each
from serving.request import Invocation, RequestBudget, RouteModel, respond
from tests.unit.jobs import HEADER, archives, history, ledger, run_train, tree
from train.channel import Customer
from train.customer import train_customer as customer_module
from train.program import TrainingError, train
from train.settings import TrainSettings

ONE_ROW = HEADER + "2025-01-01,5\n"
FIVE = {f"{number}/data.csv": history(days=60, seed=number) for number in range(5)}
METRIC = re.compile(r"[A-Za-z_]+=([0-9.]+);")


def trained(paths: Paths) -> dict[str, dict[str, Any]]:
    train(paths, TrainSettings.from_files(paths))
    return ledger(paths)


def written(paths: Paths) -> dict[str, bytes]:
    """Return every file below the tree but its input."""
    return {
        str(path): path.read_bytes()
        for path in paths.base.rglob("*")
        if path.is_file() and "input" not in path.relative_to(paths.base).parts
    }


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"growth": "logistic"}, "needs a cap: the hyperparameter cap, or a column cap"),
        ({"growth": "logistic", "floor": "1"}, "needs a cap"),
        ({"cap": "100"}, "cap belongs to growth = logistic, not to linear"),
        ({"growth": "flat", "floor": "0", "cap": "9"}, "not to flat"),
        ({"regressors": "temperature"}, r"no customer's file has a column 'temperature'"),
        (
            {
                "seasonalities": '[{"name": "x", "period": 3, "fourier_order": 1, "condition_name": "on"}]',
            },
            "no customer's file has a column 'on'",
        ),
        ({"changepoint_prior_scale": "-1"}, "changepoint_prior_scale must be a finite number above 0"),
        ({"regressors": '[{"name": "a", "prior_scale": 0}]'}, "prior_scale of 'a' must be"),
        ({"seasonalities": '[{"name": "x"}]'}, "'period' is missing"),
        ({"country_holidays": "XX"}, "must be a country of the holidays package"),
        ({"country_holidays": "DE-XX"}, "DE has no subdivision 'XX'; accepted are BB, BE, BW, BY"),
        ({"holidays": '[{"ds": "2025-01-01"}]'}, "holidays must have columns ds and holiday"),
        ({"cap": "nan", "growth": "logistic"}, "cap must be a finite number"),
        ({"delimiter": "abc"}, "delimiter must be one character"),
        ({"max-failed-fraction": "1", "max_failed_fraction": "0"}, "is there with - and with _"),
        ({"max_fallback_fraction": "2"}, "max_fallback_fraction must be a number from 0 to 1"),
    ],
)
def test_settings_that_fit_nobody_fail_the_job_before_anything_is_written(
    tmp_path: Path, given: dict[str, str], reason: str
) -> None:
    train(tree(tmp_path, FIVE), TrainSettings())
    before = {
        path: (paths := Paths(tmp_path)).base.joinpath(path).read_bytes() for path in written(Paths(tmp_path))
    }
    paths = tree(tmp_path, FIVE, **given)

    with pytest.raises(SettingError, match=reason):
        train(paths, TrainSettings.from_files(paths))

    assert written(paths) == before


def test_a_cap_in_the_files_is_a_cap(tmp_path: Path) -> None:
    files = {"7/data.csv": history(columns={"cap": 200.0}), "8/data.csv": history()}
    paths = tree(tmp_path, files, growth="logistic", max_failed_fraction="0.5")

    rows = trained(paths)

    assert rows["7"]["status"] == "ok"
    assert rows["8"]["reason"] == "its files have no column cap, which growth = logistic needs"


def test_an_empty_share_is_no_reason_to_fail(tmp_path: Path) -> None:
    paths = tree(tmp_path, {}, growth="logistic", regressors="temperature")
    (paths.channels / "train").mkdir(parents=True)

    assert train(paths, TrainSettings.from_files(paths)) == 0


def test_more_fallbacks_than_allowed_fail_the_job_and_are_listed(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"1/data.csv": ONE_ROW, "2/data.csv": history(), "<b>/data.csv": ONE_ROW})

    with pytest.raises(TrainingError, match=r"2 of 3 customers could be fitted by no engine, .* = 0\.5"):
        train(paths, TrainSettings())

    page = (paths.output_data / "report.html").read_text()
    fallbacks = page.partition("<h2>Fallbacks</h2>")[2].partition("<h2>Warnings</h2>")[0]
    assert fallbacks.count("seasonal naive forecast instead: a history needs at least 2 rows") == 2
    assert "&lt;b&gt;" in fallbacks
    assert json.loads((paths.model / "summary.json").read_text())["customers_fallback"] == 2


def test_a_fallback_is_never_put_in_the_place_of_a_fitted_archive(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": history()}, max_fallback_fraction="1")
    trained(paths)
    before = archives(paths)
    tree(tmp_path, {"7/data.csv": ONE_ROW}, max_fallback_fraction="1")

    row = trained(paths)["7"]

    assert archives(paths) == before
    assert (row["status"], row["engine"]) == ("kept", "fleetcast")
    assert "readings until 2025-02-09T06:00:00) stays: replace_with_fallback = true" in row["reason"]
    assert "in_sample" not in row


def test_a_fallback_replaces_an_archive_where_that_is_asked_for(tmp_path: Path) -> None:
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


def test_a_kept_archive_is_in_the_bundle_and_tried_again_the_next_time(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": history()}, max_fallback_fraction="1")
    trained(paths)
    tree(tmp_path, {"7/data.csv": ONE_ROW}, max_fallback_fraction="1")

    assert [trained(paths)["7"]["status"] for _ in range(2)] == ["kept", "kept"]
    assert (paths.model / "fleet-algo-1.sqlite").stat().st_size > 0


def test_without_a_customer_that_was_measured_there_is_no_mean_mase(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": ONE_ROW}, max_fallback_fraction="1")

    code, log = run_train(paths)

    assert code == 0
    assert "mean_mase" not in log
    assert "mean_mase" not in (paths.model / "summary.json").read_text()
    assert "customers_fallback=1;" in log


def test_a_line_through_two_readings_is_no_measurement(tmp_path: Path) -> None:
    two = "timestamp,consumption\n2026-01-01,1\n2026-01-02,2\n"
    paths = tree(tmp_path, {"7/data.csv": two}, max_fallback_fraction="1")

    code, log = run_train(paths)

    assert code == 0
    assert "mean_mase" not in log


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"cap": "1"}, "40 are above cap and 0 below"),
        ({"cap": "1e6", "floor": "1e5"}, "0 are above cap and 40"),
    ],
)
def test_readings_beyond_cap_or_floor_are_warned_of(
    tmp_path: Path, bounds: dict[str, str], message: str
) -> None:
    paths = tree(tmp_path, {"7/data.csv": history(days=40)}, growth="logistic", **bounds)

    run_train(paths)

    (line,) = ledger(paths).values()
    assert any(message in warning for warning in line["warnings"])


def test_an_idle_customer_under_logistic_growth_is_measured_and_served_as_zero(tmp_path: Path) -> None:
    days = np.datetime64("2025-01-01") + np.arange(100)
    zeros = "timestamp,consumption\n" + "".join(f"{day},0\n" for day in days)
    paths = tree(tmp_path, {"7/data.csv": zeros}, growth="logistic", cap="10")

    run_train(paths)

    row = ledger(paths)["7"]
    served = respond(
        Invocation(b'{"cap": 10}', {}, RouteModel("7")),
        look_up_each(lambda _: load_packed((paths.checkpoints / "7.tar.gz").read_bytes())),
        budget=RequestBudget(),
    )
    assert (row["status"], row["in_sample"]["smape"]) == ("ok", 0.0)
    assert {step["yhat"] for step in json.loads(served.body)["predictions"]} == {0.0}


def test_a_floor_below_multiplied_terms_is_warned_of(tmp_path: Path) -> None:
    options = {"scaling": "minmax", "seasonality_mode": "multiplicative"}

    run_train(paths := tree(tmp_path, {"7/data.csv": history()}, **options))

    assert any("multiplies the floor too" in warning for warning in ledger(paths)["7"]["warnings"])


def test_a_mean_mase_is_written_so_that_its_regex_reads_it(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": history()})

    code, log = run_train(paths)

    found = re.search(r"mean_mase=([0-9.]+);", log)
    assert code == 0
    assert found is not None
    assert float(found[1]) == json.loads((paths.model / "summary.json").read_text())["mean_mase"]


HOSTILE = ["x;mean_mase=0.000001;", "a\nmean_mase=0.1;\n", "\x1b[2J", "\u202emean_mase=0.1;", "caf\udce9"]


def test_no_name_of_a_customer_can_look_like_a_metric_or_a_line(tmp_path: Path) -> None:
    files = {f"{name}/data.csv": "x" for name in HOSTILE} | {"y;mean_mase=7;.csv": "x", "z=1;.txt": ""}
    paths = tree(tmp_path, files, max_failed_fraction="0.9")

    code, log = run_train(paths)

    failure = paths.failure.read_text()
    matching = [line for line in log.splitlines() if METRIC.search(line)]
    assert code == 1
    assert [line.split()[3].partition("=")[0] for line in matching] == ["customers_ok"]
    assert all(line.isprintable() for line in log.split("\n"))
    assert METRIC.search(failure) is None
    assert failure.isprintable()
    assert ledger(paths).keys() == {*HOSTILE, "y;mean_mase=7;"}


@pytest.mark.parametrize("name", ["growth", "country_holidays", "mean_mase=0.1;", "regressors", "holdout"])
def test_no_text_of_a_hyperparameter_can_look_like_a_metric(tmp_path: Path, name: str) -> None:
    paths = tree(tmp_path, FIVE, **{name: "x\nmean_mase=0.000001;"})

    code, log = run_train(paths)

    assert code == 1
    assert METRIC.search(log) is None
    assert METRIC.search(paths.failure.read_text()) is None
    assert len(log.splitlines()) <= 3


@pytest.mark.parametrize("model", [{"uncertainty_samples": 0}, {"uncertainty_samples": 0, "growth": "flat"}])
def test_without_uncertainty_there_is_no_coverage_and_all_else_works(
    tmp_path: Path, model: dict[str, Any]
) -> None:
    paths = tree(tmp_path, FIVE, holdout="7D", **{name: str(value) for name, value in model.items()})

    rows = trained(paths)

    assert {row["status"] for row in rows.values()} == {"ok"}
    for measured in (row[name] for row in rows.values() for name in ("in_sample", "holdout")):
        assert measured.keys() == {"mae", "rmse", "smape", "mase"}
    assert "<svg" in (paths.output_data / "report.html").read_text()
    assert "yhat_lower" not in forecast(
        loads(read_archive(paths.checkpoints / "0.tar.gz").model), ForecastOptions(1)
    )


def test_forecasts_that_are_never_negative_are_measured_as_such(tmp_path: Path) -> None:
    low = "".join(f"2025-01-{day:02},{max(0, 15 - day) + day % 3 * 0.1:.1f}\n" for day in range(1, 32))
    measured = {}
    for name in ("false", "true"):
        paths = tree(tmp_path / name, {"7/data.csv": HEADER + low}, non_negative=name, n_changepoints="0")
        row = trained(paths)["7"]
        measured[name] = row["in_sample"]["rmse"]
        assert row.get("non_negative", False) == (name == "true")
        metadata = read_archive(paths.checkpoints / "7.tar.gz").metadata
        assert metadata.get("non_negative") == (True if name == "true" else None)

    assert measured["true"] < measured["false"]


@pytest.mark.parametrize(
    ("step", "freq"),
    [(np.timedelta64(1, "D"), "D"), (np.timedelta64(15, "m"), "15min"), (np.timedelta64(7, "D"), "W-WED")],
)
def test_the_archive_knows_the_spacing_of_the_history(tmp_path: Path, step: Any, freq: str) -> None:
    ds = np.datetime64("2025-01-01T00:00:00") + np.arange(250) * step
    y = np.random.default_rng(0).normal(50, 1, 250)
    text = HEADER + "".join(f"{time},{value:.3f}\n" for time, value in zip(ds, y, strict=True))
    paths = tree(tmp_path, {"7/data.csv": text})

    trained(paths)

    assert read_archive(paths.checkpoints / "7.tar.gz").metadata["freq"] == freq


def test_slots_that_were_never_seen_are_in_the_ledger_and_once_in_the_log(tmp_path: Path) -> None:
    days = [f"2025-{1 + day // 28:02}-{1 + day % 28:02}" for day in range(28 * 6)]
    open_days = [day for day in days if np.is_busday(day, weekmask="1111110")]
    noise = np.random.default_rng(0).normal(50, 1, len(open_days))
    text = HEADER + "".join(f"{day},{y:.3f}\n" for day, y in zip(open_days, noise, strict=True))
    paths = tree(tmp_path, {f"{name}/data.csv": text for name in range(30)})

    code, log = run_train(paths)

    assert code == 0
    assert all("Sundays" in " ".join(row["warnings"]) for row in ledger(paths).values())
    assert log.count("Sundays") <= 2  # one line, which may name the weekday twice
    assert "unseen slots: 30 customers, the first" in log


def test_an_archive_that_could_not_be_served_is_not_called_ok(tmp_path: Path) -> None:
    rows = "".join(f"2025-01-{day:02},{day % 5 + 1}e307\n" for day in range(1, 32))
    paths = tree(tmp_path, {"7/data.csv": HEADER + rows}, max_failed_fraction="1", max_fallback_fraction="1")

    row = trained(paths)["7"]

    assert row["status"] != "ok"
    for path in paths.checkpoints.glob("*.tar.gz"):
        assert np.isfinite(forecast(loads(read_archive(path).model), ForecastOptions(1))["yhat"]).all()


def test_one_customer_whose_holidays_clash_fails_alone(tmp_path: Path) -> None:
    own = "ds,holiday,prior_scale,customer,lower_window,upper_window\n2025-01-01,New Year's Day,3,7,0,0\n"
    files = {"7/data.csv": history(days=400), "8/data.csv": history(days=400, seed=1)}
    country = '{"country": "US", "prior_scale": 5}'
    paths = tree(
        tmp_path, files, config={"holidays.csv": own}, country_holidays=country, max_failed_fraction="0.5"
    )

    rows = trained(paths)

    assert rows["8"]["status"] == "ok"
    assert rows["7"]["status"] == "failed"
    assert 'prior_scale of "New Year\'s Day"' in rows["7"]["reason"]


def test_what_is_packed_is_read_back_before_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = tree(tmp_path, {"7/data.csv": history()})
    customer = Customer("7", (str(paths.channels / "train" / "7" / "data.csv"),))
    monkeypatch.setattr(customer_module, "pack", lambda archive: pack(Archive("{}", archive.metadata)))

    outcome = customer_module.fit_customer(customer, settings=TrainSettings(), checkpoints=tmp_path)

    assert outcome.status == "failed"
    assert "its archive cannot be served" in outcome.reason


def test_what_prophet_itself_fitted_is_listed_but_does_not_fail_the_job(tmp_path: Path) -> None:
    paths = tree(tmp_path, {"7/data.csv": HEADER + "2025-01-01,1\n2025-01-02,5\n2025-01-03,2\n"})

    row = trained(paths)["7"]

    assert (row["status"], row["engine"]) == ("fallback", "prophet")
    assert "fitted by Prophet itself" in (paths.output_data / "report.html").read_text()


def test_the_options_of_the_reader_are_hyperparameters_as_an_sdk_writes_them(tmp_path: Path) -> None:
    rows = history().replace(",", ";").replace(".", ",")
    paths = tree(tmp_path, {"7/data.csv": rows}, delimiter='";"', decimal='","')

    assert trained(paths)["7"]["status"] == "ok"
    assert read_archive(paths.checkpoints / "7.tar.gz").metadata["hyperparameters"]["decimal"] == ","


def test_rows_that_lack_a_regressor_are_counted_in_the_ledger(tmp_path: Path) -> None:
    lines = history(columns={"temperature": 20.0}).splitlines()
    lines[5] = lines[5].rpartition(",")[0] + ","
    paths = tree(tmp_path, {"7/data.csv": "\n".join(lines) + "\n"}, regressors="temperature")

    row = trained(paths)["7"]

    assert row["status"] == "ok"
    assert any("temperature: 1 of 40" in warning for warning in row["warnings"])
