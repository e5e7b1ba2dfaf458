"""The channel `config`: holidays, changepoints, seasonalities from files, checked before all else."""

import json
from pathlib import Path
from typing import Any

import pytest

from container import Host, Paths
from fleetcast.archive import read_archive
from fleetcast.errors import InputError, SettingError
from fleetcast.forecasting import ForecastOptions, forecast, loads
from tests.unit.jobs import history, ledger, tree
from train.config.files import Config
from train.program import train
from train.settings import TrainSettings

FILES = {"A/data.csv": history(days=90), "B/data.csv": history(days=90, seed=1)}
HOLIDAYS = "ds,holiday,lower_window,upper_window,prior_scale,customer\n"
PROMOTION = HOLIDAYS + "2025-01-10,promotion,0,1,5,\n2025-02-10,promotion,0,1,5,\n"


def trained(paths: Paths) -> dict[str, dict[str, Any]]:
    train(paths, TrainSettings.from_files(paths))
    return ledger(paths)


def components(paths: Paths, customer: str) -> set[str]:
    model = loads(read_archive(paths.checkpoints / f"{customer}.tar.gz").model)
    return set(forecast(model, ForecastOptions(1, components=True)))


def test_holidays_of_a_file_are_the_same_as_those_of_a_hyperparameter(tmp_path: Path) -> None:
    rows = [
        {
            "ds": f"2025-0{month}-10",
            "holiday": "promotion",
            "lower_window": 0,
            "upper_window": 1,
            "prior_scale": 5,
        }
        for month in (1, 2)
    ]
    by_file = tree(tmp_path / "file", FILES, config={"holidays.csv": PROMOTION})
    by_json = tree(tmp_path / "json", FILES, config={"holidays.json": json.dumps(rows)})
    by_hyperparameter = tree(tmp_path / "hyperparameter", FILES, holidays=json.dumps(rows))

    for paths in (by_file, by_json, by_hyperparameter):
        assert trained(paths)["A"]["status"] == "ok"

    forecasts = [
        forecast(loads(read_archive(paths.checkpoints / "A.tar.gz").model), ForecastOptions(5))[
            "yhat"
        ].tolist()
        for paths in (by_file, by_json, by_hyperparameter)
    ]
    assert forecasts[0] == forecasts[1] == forecasts[2]
    assert "promotion" in components(by_file, "A")


def test_rows_of_one_customer_change_no_other_customer(tmp_path: Path) -> None:
    own = HOLIDAYS + "2025-01-15,inventory,,,,B\n2025-01-10,closed,,,,\n"
    paths = tree(tmp_path, FILES, config={"holidays.csv": own})

    trained(paths)

    assert {"closed"} == components(paths, "A") & {"closed", "inventory"}
    assert {"closed", "inventory"} <= components(paths, "B")


def test_a_changed_holiday_of_one_customer_refits_that_customer_alone(tmp_path: Path) -> None:
    own = HOLIDAYS + "2025-01-10,closed,,,,\n2025-01-15,inventory,,,,B\n"
    trained(tree(tmp_path, FILES, config={"holidays.csv": own}))

    paths = tree(tmp_path, FILES, config={"holidays.csv": own.replace("01-15", "01-16")})

    assert {name: row["status"] for name, row in trained(paths).items()} == {"A": "skipped", "B": "ok"}


def test_a_changed_holiday_of_all_customers_refits_all(tmp_path: Path) -> None:
    trained(tree(tmp_path, FILES, config={"holidays.csv": PROMOTION}))

    paths = tree(tmp_path, FILES, config={"holidays.csv": PROMOTION.replace("01-10", "01-11")})

    assert {row["status"] for row in trained(paths).values()} == {"ok"}


def test_changepoints_and_seasonalities_come_from_files_too(tmp_path: Path) -> None:
    config = {
        "changepoints.json": '["2025-02-01", {"ds": "2025-02-15", "customer": "B"}]',
        "seasonalities.json": '[{"name": "monthly", "period": 30.5, "fourier_order": 2, "customer": "B"}]',
    }
    paths = tree(tmp_path, FILES, config=config)

    trained(paths)

    texts = {name: json.loads(read_archive(paths.checkpoints / f"{name}.tar.gz").model) for name in "AB"}
    assert [len(texts[name]["params"]["delta"][0]) for name in "AB"] == [1, 2]
    assert ["monthly" in texts[name]["seasonalities"][0] for name in "AB"] == [False, True]


def test_only_the_customer_with_a_conditional_seasonality_needs_its_column(tmp_path: Path) -> None:
    rows = history(days=90, seed=1).splitlines()
    conditional = "\n".join([rows[0] + ",on", *(f"{row},{n % 2}" for n, row in enumerate(rows[1:]))]) + "\n"
    seasonality = {"name": "x", "period": 5, "fourier_order": 1, "condition_name": "on", "customer": "B"}
    paths = tree(
        tmp_path,
        FILES | {"B/data.csv": conditional},
        config={"seasonalities.json": json.dumps([seasonality])},
    )

    assert {row["status"] for row in trained(paths).values()} == {"ok"}


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_file_may_have_another_delimiter_and_a_byte_order_mark(tmp_path: Path, delimiter: str) -> None:
    content = "\ufeff" + PROMOTION.replace(",", delimiter)

    paths = tree(tmp_path, FILES, config={"holidays.csv": content})

    assert len(Config.from_files(paths).shared["holidays"]) == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("holidays.csv", "ds,holiday\n2025-01-10,a\nsoon,b\n", "config/holidays.csv, line 3: ds 'soon'"),
        ("holidays.csv", "ds,holiday\n2025-01-10,a,b\n", "line 2: 3 cells below a header of 2 columns"),
        ("holidays.csv", "ds,holiday\n2025-01-10,\n", "line 2: holiday is missing"),
        (
            "holidays.csv",
            "ds,name\n2025-01-10,a\n",
            "line 1: unknown column 'name'; accepted are ds, holiday",
        ),
        ("holidays.csv", "ds\n2025-01-10\n", "line 1: the column holiday is missing"),
        (
            "holidays.csv",
            HOLIDAYS + "2025-01-10,a,1,1,5,\n",
            "line 2: lower_window must be a whole number of days",
        ),
        (
            "holidays.csv",
            HOLIDAYS + "2025-01-10,a,-1,,5,\n",
            "line 2: lower_window and upper_window must both",
        ),
        ("holidays.csv", HOLIDAYS + "2025-01-10,a,0,400,5,\n", "line 2: upper_window must be a whole number"),
        ("holidays.csv", HOLIDAYS + "2025-01-10,a,0,0,-5,\n", "line 2: prior_scale must be a number above 0"),
        (
            "holidays.csv",
            HOLIDAYS + "2025-01-10,a,0,0,5,\n2025-01-11,a,0,0,6,\n",
            "config/holidays.csv, line 3: holidays: prior_scale of 'a' must be the same in every row",
        ),
        (
            "holidays.csv",
            HOLIDAYS + "2025-01-10,a,0,0,5,\n2025-01-11,a,0,0,6,B\n",
            "config/holidays.csv, line 3: holidays: prior_scale of 'a' must be the same in every row",
        ),
        ("holidays.csv", 'ds,holiday\n2025-01-10,"a\n', "config/holidays.csv, line"),
        ("holidays.csv", "", "config/holidays.csv is empty"),
        (
            "holidays.json",
            '[{"ds": "2025-01-10", "holiday": "a"},\n{"ds" 1}]',
            "config/holidays.json, line 2: not JSON",
        ),
        ("holidays.json", '{"ds": ["2025-01-10"]}', "must hold a list of rows"),
        ("holidays.json", '[{"ds": "2025-01-10", "holiday": "a"}, 7]', "row 2: must be an object"),
        ("holidays.json", '[{"ds": "2025-01-10", "holiday": 7}]', "row 1: holiday must be a text"),
        ("holidays.json", '[{"ds": "2025-01-10", "holiday": "a", "prior_scale": NaN}]', "NaN is not a value"),
        (
            "holidays.json",
            '[{"ds": "2025-01-10", "holiday": "trend"}]',
            "row 1: the name 'trend' is reserved",
        ),
        ("changepoints.json", '["2025-01-10", "x"]', "config/changepoints.json, row 2: ds 'x'"),
        ("changepoints.json", "[20250110]", "row 1: must be an object"),
        ("seasonalities.json", '[{"name": "m", "period": 5}]', "row 1: the column fourier_order is missing"),
        ("seasonalities.json", '[{"name": "m", "period": -5, "fourier_order": 2}]', "row 1: period"),
        (
            "seasonalities.json",
            '[{"name": "m", "period": 5, "fourier_order": 2, "mod": 1}]',
            "unknown column 'mod'",
        ),
        (
            "holiday.csv",
            PROMOTION,
            "config/holiday.csv is not a file of this channel; accepted are holidays.csv",
        ),
    ],
)
def test_a_malformed_file_fails_the_job_before_anything_is_written(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    paths = tree(tmp_path, FILES, config={name: content})

    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        trained(paths)

    assert not paths.checkpoints.exists()
    assert not paths.model.exists()
    assert not paths.output_data.exists()


def test_the_error_of_a_bad_byte_names_its_line(tmp_path: Path) -> None:
    paths = tree(tmp_path, FILES, config={"holidays.csv": PROMOTION})
    (paths.channels / "config" / "holidays.csv").write_bytes(b"ds,holiday\n2025-01-10,f\xfcr\n")

    with pytest.raises(InputError, match=r"config/holidays\.csv, line 2: not UTF-8"):
        trained(paths)


def test_a_file_and_a_hyperparameter_of_one_name_are_refused(tmp_path: Path) -> None:
    paths = tree(tmp_path, FILES, config={"holidays.csv": PROMOTION}, holidays="[]")

    with pytest.raises(SettingError, match="holidays is a hyperparameter and a file of the channel config"):
        trained(paths)


def test_two_files_of_holidays_are_refused(tmp_path: Path) -> None:
    paths = tree(tmp_path, FILES, config={"holidays.csv": PROMOTION, "holidays.json": "[]"})

    with pytest.raises(InputError, match=r"config/holidays\.csv and config/holidays\.json: keep one"):
        trained(paths)


def test_a_link_in_the_channel_is_not_followed(tmp_path: Path) -> None:
    paths = tree(tmp_path, FILES, config={"x": ""})
    (paths.channels / "config" / "x").unlink()
    (paths.channels / "config" / "holidays.csv").symlink_to("/etc/passwd")

    with pytest.raises(InputError, match=r"config/holidays\.csv is a link"):
        trained(paths)


def test_the_log_names_customers_that_have_rows_but_no_readings(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = {"holidays.csv": HOLIDAYS + "2025-01-10,a,,,,nobody;x=1;\n"}

    trained(tree(tmp_path, FILES, config=config))

    assert r"rows of 1 customers that are not among this host's: 'nobody;x\x3d1;'" in caplog.text


def test_a_config_channel_that_is_sharded_is_refused(tmp_path: Path) -> None:
    paths = tree(tmp_path, FILES, config={"holidays.csv": PROMOTION})
    channels = {"train": {}, "config": {"S3DistributionType": "ShardedByS3Key"}}
    (paths.config / "inputdataconfig.json").write_text(json.dumps(channels))
    resources = {"current_host": "algo-1", "hosts": ["algo-1", "algo-2"]}
    (paths.config / "resourceconfig.json").write_text(json.dumps(resources))

    with pytest.raises(InputError, match="config must be FullyReplicated"):
        TrainSettings.from_files(paths, Host.from_files(paths))
