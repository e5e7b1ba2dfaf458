"""A processing job: scores the model on houses that it has not seen, as it will be served.

  python -m examples.housing.evaluate

It reads model/model.tar.gz, the part test and the prices of the part train in <base>/processing/input.  It
writes evaluation.json, which `fleetcast gate` and `fleetcast register` read, and predictions.csv into
<base>/processing/output/evaluation.  <base> is SAGEMAKER_BASE_DIR, /opt/ml unless set.
"""

import csv
import json
import logging
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from container import Paths, run
from examples.housing.houses import FEATURES
from examples.housing.inference import model_fn, predict_fn
from examples.housing.parts import Rows, read_rows
from fleetcast.errors import InputError

logger = logging.getLogger(__name__)

MODEL_FILES: Final = ("model.ubj", "scaler.json", "code/inference.py")

Prices = NDArray[np.float64]


def metrics(actual: Prices, predicted: Prices, *, scale: float) -> dict[str, dict[str, float]]:
    """Return the errors as SageMaker's model registry shows them.

    `mase` divides by `scale`, the mean absolute error of the mean price on the training part: below 1 the
    model errs less than the mean (Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 5.8).
    """
    error = predicted - actual
    size = np.abs(error)
    return {
        "mae": {"value": float(size.mean()), "standard_deviation": float(size.std())},
        "rmse": {"value": float(np.sqrt((error**2).mean()))},
        "wape": {"value": float(size.sum() / actual.sum())},
        "bias": {"value": float(error.mean()), "standard_deviation": float(error.std())},
        "mase": {"value": float(size.mean() / scale), "standard_deviation": float(size.std() / scale)},
    }


def unpack(archive: Path, folder: Path) -> None:
    """Write the files of a model out of its model.tar.gz, and no others."""
    with tarfile.open(archive) as tar:
        found = {member.name.removeprefix("./"): tar.extractfile(member) for member in tar}
        for name in MODEL_FILES:
            file = found.get(name)
            if file is None:
                raise InputError(f"{archive} has no file {name}: train it with examples.housing.train")
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.read())


def predict(archive: Path, test: Rows) -> Prices:
    """Return the prices that the model in an archive gives, through the code that serves it."""
    with tempfile.TemporaryDirectory() as folder:
        unpack(archive, Path(folder))
        model = model_fn(folder)
    houses = [dict(zip(FEATURES, row, strict=True)) for row in test.features.tolist()]
    return np.array(predict_fn(houses, model))


def evaluate(paths: Paths) -> None:
    """Write evaluation.json and predictions.csv."""
    inputs, output = paths.processing_input, paths.processing_output / "evaluation"
    test, known = read_rows(inputs / "test"), read_rows(inputs / "train").prices
    actual, predicted = test.prices, predict(inputs / "model" / "model.tar.gz", test)
    mean = np.full_like(actual, known.mean())
    scale = float(np.abs(known - known.mean()).mean())
    evaluation: dict[str, Any] = {
        "regression_metrics": metrics(actual, predicted, scale=scale),
        "naive_metrics": metrics(actual, mean, scale=scale),
    }
    output.mkdir(parents=True, exist_ok=True)
    with (output / "predictions.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("actual", "predicted"), *zip(actual, predicted, strict=True)])
    (output / "evaluation.json").write_text(json.dumps(evaluation, indent=2) + "\n")
    for name in ("naive_metrics", "regression_metrics"):
        figures = (f"{metric} {each['value']:.4g}" for metric, each in evaluation[name].items())
        logger.info("%s: %s", name, ", ".join(figures))


def main() -> int:
    """Run the job and return its exit code."""

    def program(env: Mapping[str, str]) -> int:
        evaluate(Paths.from_env(env))
        return 0

    return run(program)


if __name__ == "__main__":
    raise SystemExit(main())
