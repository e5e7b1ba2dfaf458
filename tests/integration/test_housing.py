"""The houses example from end to end, with a small table, in the environment that `make housing` makes.

Its code in an archive is served without that environment.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb

from container import Paths
from examples.housing.houses import EVENT_TIME, FEATURES, IDENTIFIER, TYPES, houses, write
from examples.housing.parts import part_of, read_rows
from testbed.feature_store import feature_store
from testbed.server import serving

HOUSES = 600
ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / ".venv-housing"


def run(module: str, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a module of the example in its environment; skip the test without that."""
    if not (ENVIRONMENT / "ready").exists():
        pytest.skip("needs Ray Data: `make .venv-housing/ready` installs it into an environment of its own")
    return subprocess.run(
        [ENVIRONMENT / "bin" / "python", "-m", module, *options],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return the folder of a run, and what it printed."""
    folder = tmp_path_factory.mktemp("housing")
    options = ("--folder", str(folder), "--houses", str(HOUSES), "--trials", "2", "--max-mase", "0.5")
    process = run("examples.housing", *options)
    assert process.returncode == 0, process.stdout + process.stderr
    return folder, process.stdout + process.stderr


def output(folder: Path, step: str) -> Path:
    return folder / "run" / "steps" / step / "ml" / "processing" / "output"


def test_each_house_is_in_one_part_and_the_scaler_knows_the_training_part_alone(
    finished: tuple[Path, str],
) -> None:
    folder, _ = finished
    table = houses(HOUSES, seed=0)
    order = np.argsort(table[IDENTIFIER])
    matrix = np.column_stack([table[name] for name in FEATURES]).astype(float)[order]
    parts = np.array([part_of(house) for house in table[IDENTIFIER][order]])
    train = matrix[parts == "train"]

    model = folder / "run" / "steps" / "Train" / "ml" / "model"
    scaler = json.loads((model / "scaler.json").read_text())["features"]
    prepared = output(folder, "Prepare")
    assert [each["name"] for each in scaler] == list(FEATURES)
    assert [each["mean"] for each in scaler] == pytest.approx(train.mean(axis=0))
    assert [each["std"] for each in scaler] == pytest.approx(train.std(axis=0))
    for part in ("train", "validation"):
        expected = (matrix[parts == part] - train.mean(axis=0)) / train.std(axis=0)
        assert np.allclose(read_rows(prepared / part).features, expected)
    assert np.array_equal(read_rows(prepared / "test").features, matrix[parts == "test"])


def test_the_model_is_good_enough_for_the_gate_and_better_than_the_mean(finished: tuple[Path, str]) -> None:
    folder, _ = finished

    evaluation = json.loads((output(folder, "Evaluate") / "evaluation" / "evaluation.json").read_text())
    gate = json.loads((output(folder, "Gate") / "gate" / "gate.json").read_text())
    assert gate["gate"]["passed"]["value"] == 1, gate["reason"]
    assert evaluation["regression_metrics"]["mae"]["value"] < evaluation["naive_metrics"]["mae"]["value"] / 2


def test_the_approved_model_is_served_with_the_prices_of_the_evaluation(finished: tuple[Path, str]) -> None:
    folder, printed = finished
    lines = (output(folder, "Evaluate") / "evaluation" / "predictions.csv").read_text().splitlines()[1:]
    predicted = [round(float(line.split(",")[1])) for line in lines]
    rows = [line.split() for line in printed.splitlines() if line.startswith("house-")]

    assert ":model-package/housing/1 is Approved" in printed
    assert len(rows) == 3
    assert [int(row[2].replace(",", "")) for row in rows] == pytest.approx(predicted[:3], abs=1)
    assert (folder / "prices.png").stat().st_size > 0


def test_a_refused_house_ends_the_job_with_the_reason_in_one_line(tmp_path: Path) -> None:
    table = tmp_path / "processing" / "input" / "houses" / "houses.csv"
    table.parent.mkdir(parents=True)
    write(table, 20)
    types = {name: kind for name, kind in TYPES.items() if name != "price"}
    names = {"group": "housing", "identifier": IDENTIFIER, "event_time": EVENT_TIME}

    with feature_store(**names, types=types) as store:
        variables = store.environment | {"SAGEMAKER_BASE_DIR": str(tmp_path)}
        process = run("examples.housing.ingest", "--feature-group", "housing", **variables)

    assert process.returncode == 1
    assert "not all houses are in housing" in process.stderr
    assert "price is not a feature of housing" in process.stderr
    assert "Traceback" not in process.stderr


def test_the_archives_code_answers_prices_and_refuses_what_is_no_house(tmp_path: Path) -> None:
    table = houses(100, seed=0)
    model = Paths(tmp_path).models / "housing" / "model"
    (model / "code").mkdir(parents=True)
    matrix = np.column_stack([table[name] for name in FEATURES])
    booster = xgb.train({"max_depth": 2}, xgb.DMatrix(matrix, table["price"]), 5)
    booster.save_model(model / "model.ubj")
    scaler = {"features": [{"name": name, "mean": 0.0, "std": 1.0} for name in FEATURES]}
    (model / "scaler.json").write_text(json.dumps(scaler))
    shutil.copy(ROOT / "examples" / "housing" / "inference.py", model / "code")
    house = dict(zip(FEATURES, matrix[0].tolist(), strict=True))

    with serving(tmp_path, ALLOW_ARCHIVE_CODE="true") as server:
        assert server.load("housing", model).status == 200
        priced = server.invoke("housing", {"houses": [house]})
        refused = server.invoke("housing", {"houses": [house | {"bedrooms": "3"}]})
        table_of_text = server.request("POST", "/models/housing/invoke", b"1,2", content_type="text/csv")

    (expected,) = booster.predict(xgb.DMatrix(matrix[:1]))
    assert priced.json == {"prices": [round(float(expected), 1)]}
    assert refused.status == 400
    assert b"Traceback" not in refused.content
    assert table_of_text.status == 415
