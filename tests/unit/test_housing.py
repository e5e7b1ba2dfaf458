"""The parts of the houses example that need neither Ray nor Ray Data; the whole is in tests/integration."""

import csv
import json
import sys
import tarfile
from http import HTTPStatus
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from sagemaker_inference.errors import BaseInferenceToolkitError

from container import Paths
from examples.housing.__main__ import main
from examples.housing.definition import housing_pipeline
from examples.housing.evaluate import evaluate, metrics, unpack
from examples.housing.houses import COLUMNS, FEATURES, IDENTIFIER, TYPES, houses, write
from examples.housing.inference import JSON, MOST_HOUSES, Model, input_fn, model_fn, output_fn, predict_fn
from examples.housing.parts import PERCENT, newest, part_of, read_rows, scaler_json
from examples.housing.thresholds import thresholds
from examples.housing.train import candidates, hyperparameters
from fleetcast.errors import InputError, SettingError
from pipeline.aws import Aws
from pipeline.check import check
from pipeline.gate import parser
from pipeline.gate.program import gate

ROOT = Path(__file__).parents[2]
HOUSE = {"square_feet": 1_800, "bedrooms": 3, "bathrooms": 2.5, "lot_acres": 0.2, "year_built": 1995}
SCALER = {
    "features": [
        {"name": name, "mean": mean, "std": std}
        for name, mean, std in zip(FEATURES, (2_000, 3, 2, 0.5, 1970), (600, 1, 0.5, 0.3, 30), strict=True)
    ]
}


def test_an_equal_seed_makes_an_equal_table_and_another_seed_another_one(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write(tmp_path / name, 50, seed=seed)
    a, b, c = ((tmp_path / name).read_text() for name in "abc")

    assert a == b
    assert a != c


def test_the_table_has_eight_columns_of_the_types_of_the_feature_group(tmp_path: Path) -> None:
    write(tmp_path / "houses.csv", 200)
    with (tmp_path / "houses.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert tuple(rows[0]) == COLUMNS == tuple(TYPES)
    assert len(COLUMNS) == 8
    assert len({row[IDENTIFIER] for row in rows}) == 200
    for row in rows:
        for name, kind in TYPES.items():
            if kind != "String":
                assert (int if kind == "Integral" else float)(row[name]) > 0


def test_a_larger_and_younger_house_costs_more() -> None:
    table = houses(5_000, seed=0)
    size, price = table["square_feet"], table["price"]

    assert np.corrcoef(size, price)[0, 1] > 0.7
    assert 100_000 < np.median(price) < 1_000_000


def test_a_house_is_in_one_part_whatever_table_it_is_in_and_the_shares_are_those_declared() -> None:
    parts = [part_of(house) for house in houses(10_000, seed=0)[IDENTIFIER]]

    assert parts[:100] == [part_of(house) for house in houses(100, seed=9)[IDENTIFIER]]
    for part, percent in PERCENT.items():
        assert abs(parts.count(part) / 100 - percent) < 2


def records(*rows: tuple[str, str, str, bool, int]) -> pd.DataFrame:
    names = (IDENTIFIER, "listed_at", "api_invocation_time", "is_deleted", "price")
    table = pd.DataFrame(rows, columns=list(names))
    return table.assign(write_time=table["api_invocation_time"], **dict.fromkeys(FEATURES, 1.0))


def test_of_each_house_the_newest_record_counts_and_a_deleted_house_is_gone() -> None:
    table = records(
        ("sold again", "2026-01-02", "10:00", False, 2),
        ("sold again", "2026-01-01", "11:00", False, 1),
        ("put twice", "2026-01-01", "10:01", False, 4),
        ("put twice", "2026-01-01", "10:00", False, 3),
        ("deleted", "2026-01-01", "10:00", False, 5),
        ("deleted", "2026-01-02", "10:00", True, 0),
    )

    kept = newest(table)

    assert dict(zip(kept[IDENTIFIER], kept["price"], strict=True)) == {"sold again": 2, "put twice": 4}
    assert list(kept["part"]) == [part_of(house) for house in kept[IDENTIFIER]]


def test_the_scaler_is_plain_numbers_and_a_column_without_variation_is_not_divided() -> None:
    numbers = {f"{what}({name})": 2.0 for what in ("mean", "std") for name in FEATURES} | {
        "std(bedrooms)": 0.0
    }

    scaler = json.loads(json.dumps(scaler_json(numbers)))["features"]

    assert [each["name"] for each in scaler] == list(FEATURES)
    assert [each["std"] for each in scaler] == [2.0, 1.0, 2.0, 2.0, 2.0]


def write_parquet(folder: Path, table: pd.DataFrame, *, files: int = 1) -> None:
    folder.mkdir(parents=True)
    for number in range(files):
        part = table.iloc[number::files]  # noqa: F841 -- DuckDB finds it by its name
        duckdb.execute(f"COPY part TO '{folder}/{number}.parquet'")


def test_rows_come_in_one_order_however_they_are_divided_into_files(tmp_path: Path) -> None:
    table = pd.DataFrame(houses(20, seed=0))
    write_parquet(tmp_path / "one", table)
    write_parquet(tmp_path / "three", table.sample(frac=1, random_state=0), files=3)

    one, three = read_rows(tmp_path / "one"), read_rows(tmp_path / "three")

    assert np.array_equal(one.features, three.features)
    assert np.array_equal(one.prices, three.prices)
    assert one.features.tolist() == table[list(FEATURES)].to_numpy().tolist()


def test_an_equal_seed_makes_an_equal_search() -> None:
    assert candidates(3, seed=1) == candidates(4, seed=1)[:3]
    assert candidates(3, seed=1) != candidates(3, seed=2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model that was trained with scaled features, as `train` writes it."""
    folder = tmp_path_factory.mktemp("model")
    table = houses(600, seed=3)
    matrix = np.column_stack([table[name] for name in FEATURES])
    booster = xgb.train({"max_depth": 3}, xgb.DMatrix(scaled(matrix), table["price"]), 60)
    booster.save_model(folder / "model.ubj")
    (folder / "scaler.json").write_text(json.dumps(SCALER))
    (folder / "code").mkdir()
    (folder / "code" / "inference.py").write_text("")
    return folder


def scaled(matrix: Any) -> Any:
    return (matrix - [each["mean"] for each in SCALER["features"]]) / [
        each["std"] for each in SCALER["features"]
    ]


@pytest.fixture(scope="module")
def model(trained: Path) -> Model:
    return model_fn(str(trained))


def test_houses_are_scaled_as_in_training_in_the_order_of_the_model(model: Model) -> None:
    in_another_order = dict(reversed(HOUSE.items())) | {"colour": "red"}
    body = json.dumps({"houses": [HOUSE, in_another_order]})

    prices = predict_fn(input_fn(body, JSON), model)
    content, kind = output_fn(prices, "text/csv")

    (expected,) = model.booster.predict(xgb.DMatrix(scaled(np.array([[HOUSE[name] for name in FEATURES]]))))
    assert prices == [expected, expected]
    assert json.loads(content) == {"prices": [round(float(expected), 1)] * 2}
    assert kind == JSON


@pytest.mark.parametrize(
    ("body", "kind", "status", "message"),
    [
        ("{}", "text/csv", HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "application/json"),
        ("{", JSON, HTTPStatus.BAD_REQUEST, "houses"),
        ("[]", JSON, HTTPStatus.BAD_REQUEST, "houses"),
        ('{"houses": []}', JSON, HTTPStatus.BAD_REQUEST, f"1 to {MOST_HOUSES}"),
        ('{"houses": {}}', JSON, HTTPStatus.BAD_REQUEST, f"1 to {MOST_HOUSES}"),
        (
            json.dumps({"houses": [0] * (MOST_HOUSES + 1)}),
            JSON,
            HTTPStatus.BAD_REQUEST,
            f"1 to {MOST_HOUSES}",
        ),
    ],
)
def test_a_request_without_houses_is_refused(body: str, kind: str, status: int, message: str) -> None:
    with pytest.raises(BaseInferenceToolkitError) as refused:
        input_fn(body, kind)

    assert refused.value.status_code == status
    assert message in refused.value.message


@pytest.mark.parametrize("wrong", [None, "3", True, float("nan"), float("inf")])
def test_a_house_without_a_number_is_refused_by_its_place_and_the_feature(wrong: Any, model: Model) -> None:
    with pytest.raises(BaseInferenceToolkitError, match=r"houses\[1\].bedrooms must be a number"):
        predict_fn([HOUSE, HOUSE | {"bedrooms": wrong}], model)
    with pytest.raises(BaseInferenceToolkitError, match=r"houses\[0\].square_feet must be a number"):
        predict_fn([[1, 2]], model)  # type: ignore[list-item]


def test_the_metrics_are_those_of_textbooks() -> None:
    found = metrics(np.array([100.0, 300.0]), np.array([110.0, 260.0]), scale=50.0)

    assert {name: each["value"] for name, each in found.items()} == {
        "mae": 25.0,
        "rmse": pytest.approx(850**0.5),
        "wape": 0.125,
        "bias": -15.0,
        "mase": 0.5,
    }
    assert found["mae"]["standard_deviation"] == 15.0


def pack(model: Path, archive: Path, *names: str, before: str = "") -> None:
    archive.parent.mkdir(parents=True)
    with tarfile.open(archive, "w:gz") as tar:
        for name in names or ("model.ubj", "scaler.json", "code"):
            tar.add(model / name, before + name)


@pytest.mark.parametrize("before", ["", "./"])
def test_an_evaluation_scores_the_served_model_and_the_mean_of_the_training_part(
    before: str, trained: Path, tmp_path: Path
) -> None:
    paths = Paths(tmp_path)
    pack(trained, paths.processing_input / "model" / "model.tar.gz", before=before)
    write_parquet(paths.processing_input / "train", pd.DataFrame(houses(600, seed=3)))
    test = pd.DataFrame(houses(200, seed=4))
    write_parquet(paths.processing_input / "test", test)

    evaluate(paths)

    output = paths.processing_output / "evaluation"
    evaluation = json.loads((output / "evaluation.json").read_text())
    model, naive = evaluation["regression_metrics"], evaluation["naive_metrics"]
    errors = np.abs(test["price"] - houses(600, seed=3)["price"].mean())
    assert naive["mae"]["value"] == pytest.approx(errors.mean())
    assert naive["mase"]["value"] == pytest.approx(1, abs=0.2)
    assert model["mase"]["value"] < 0.5
    with (output / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["actual"]) for row in rows] == test["price"].tolist()
    (paths.processing_input / "evaluation").symlink_to(output)
    assert gate(paths, parser().parse_args(thresholds("0.3")), Aws()).passed
    assert "above 0.1 (--max-mase)" in gate(paths, parser().parse_args(thresholds("0.1")), Aws()).reason


def test_a_model_without_one_of_its_files_is_refused_by_the_name_of_that_file(
    trained: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "model" / "model.tar.gz"
    pack(trained, archive, "model.ubj", "code")

    with pytest.raises(InputError, match=r"has no file scaler\.json"):
        unpack(archive, tmp_path)


def test_the_pipeline_is_one_that_sagemaker_takes_and_its_scripts_and_options_exist() -> None:
    definition = housing_pipeline().as_json()

    calls = {step["Name"]: step["Arguments"] for step in definition["Steps"]}
    commands = [
        calls[name]["AppSpecification"]["ContainerEntrypoint"] for name in ("Ingest", "Prepare", "Evaluate")
    ]
    commands.append(calls["Train"]["AlgorithmSpecification"]["ContainerEntrypoint"])
    options = calls["Gate"]["AppSpecification"]["ContainerArguments"]
    assert check(definition) == []
    assert list(calls) == ["Ingest", "Prepare", "Train", "Evaluate", "Gate", "IsGoodEnough"]
    for command in commands:
        assert command[:2] == ["python3", "-m"]
        assert (ROOT / command[2].replace(".", "/")).with_suffix(".py").is_file()
    assert parser().parse_args([text if isinstance(text, str) else "0.3" for text in options]).exit_zero


def test_hyperparameters_are_texts_and_have_defaults() -> None:
    found = hyperparameters({"trials": "3", "_tuning_objective_metric": "x", "sagemaker_region": "y"})

    assert found == {"trials": 3, "seed": 0, "workers_per_host": 2}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"trails": "3"}, "'trails' is not one of the hyperparameters trials, seed, workers_per_host"),
        ({"trials": "0"}, "trials must be a whole number from 1 on, not '0'"),
        ({"seed": "-1"}, "seed must be a whole number from 0 on, not '-1'"),
    ],
)
def test_a_wrong_hyperparameter_is_refused_by_its_name(texts: dict[str, str], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        hyperparameters(texts)


def test_a_folder_that_holds_other_files_is_not_emptied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    monkeypatch.setattr(sys, "argv", ["housing", "--folder", str(tmp_path)])

    with pytest.raises(SystemExit, match="holds other files"):
        main()

    assert (tmp_path / "mine.txt").read_text() == "mine"
