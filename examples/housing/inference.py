"""Serves the model: houses in, prices out.  `train` puts this file into the archive as code/inference.py.

Request: {"houses": [{"square_feet": 1800, "bedrooms": 3, "bathrooms": 2, "lot_acres": 0.2,
  "year_built": 1995}, …]}
Response: {"prices": [412345.6]}

It imports nothing of the project: it needs NumPy, XGBoost and sagemaker-inference, as the image with Ray has.
"""

import json
import math
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xgboost
from numpy.typing import NDArray
from sagemaker_inference.errors import BaseInferenceToolkitError

JSON = "application/json"
MOST_HOUSES = 10_000


class Model(NamedTuple):
    """The trees, and how the features were scaled before they were trained."""

    booster: xgboost.Booster
    names: list[str]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]


def model_fn(model_dir: str) -> Model:
    """Load the model of an archive; SageMaker calls this once."""
    folder = Path(model_dir)
    booster = xgboost.Booster(model_file=folder / "model.ubj")
    features = json.loads((folder / "scaler.json").read_text())["features"]
    names, mean, std = ([each[key] for each in features] for key in ("name", "mean", "std"))
    return Model(booster, names, np.array(mean), np.array(std))


def input_fn(body: str | bytes, content_type: str) -> list[dict[str, Any]]:
    """Return the houses of a request."""
    if content_type != JSON:
        status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        raise _refused(status, f"the Content-Type must be {JSON}, not {content_type}")
    try:
        houses = json.loads(body)["houses"]
    except (ValueError, KeyError, TypeError) as error:
        raise _refused(HTTPStatus.BAD_REQUEST, 'the body must be {"houses": [{…}, …]}') from error
    if not isinstance(houses, list) or not 0 < len(houses) <= MOST_HOUSES:
        raise _refused(HTTPStatus.BAD_REQUEST, f"houses must be a list of 1 to {MOST_HOUSES} houses")
    return houses


def predict_fn(houses: list[dict[str, Any]], model: Model) -> list[float]:
    """Return the price of each house."""
    matrix = np.array([_features(house, place, model.names) for place, house in enumerate(houses)])
    scaled = ((matrix - model.mean) / model.std).astype(np.float32)
    prices: list[float] = model.booster.inplace_predict(scaled).tolist()
    return prices


def output_fn(prices: list[float], accept: str) -> tuple[str, str]:  # noqa: ARG001 -- JSON, whatever is asked
    """Return the response and its Content-Type."""
    return json.dumps({"prices": [round(price, 1) for price in prices]}), JSON


def _features(house: Any, place: int, names: list[str]) -> list[float]:  # noqa: ANN401 -- as it came
    """Return the numbers of a house in the model's order; refuse one without them."""
    values = [house.get(name) for name in names] if isinstance(house, dict) else [None]
    for name, value in zip(names, values, strict=False):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise _refused(HTTPStatus.BAD_REQUEST, f"houses[{place}].{name} must be a number, not {value!r}")
    return values


def _refused(status: HTTPStatus, message: str) -> BaseInferenceToolkitError:
    return BaseInferenceToolkitError(status, message, message)
