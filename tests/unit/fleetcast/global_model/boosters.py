"""Small XGBoost models of random rows, and what XGBoost predicts with them."""

from typing import Any, Final

import numpy as np
import xgboost
from numpy.typing import NDArray

from fleetcast.global_model import Trees, trees_of

FEATURES: Final = 6


def random_rows(rows: int, seed: int, *, missing: float = 0.1) -> NDArray[np.float32]:
    """Return rows of features, two of which have few values, so that rows are equal to thresholds."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, FEATURES)).astype(np.float32)
    x[:, :2] = np.round(x[:, :2])
    x[random.random(x.shape) < missing] = np.nan
    return x


def trained(rounds: int = 20, seed: int = 0, **parameters: Any) -> xgboost.Booster:
    x = random_rows(500, seed)
    y = np.nansum(x * np.arange(1, FEATURES + 1), axis=1) + np.sin(5 * np.nan_to_num(x[:, 2])) + seed
    parameters = {"objective": "reg:absoluteerror", "nthread": 1, "seed": seed} | parameters
    return xgboost.train(parameters, xgboost.DMatrix(x, y), rounds)


def trees(rounds: int = 20, seed: int = 0, **parameters: Any) -> Trees:
    return trees_of(trained(rounds, seed, **parameters).save_raw("json"))


def predicted(
    booster: xgboost.Booster, x: NDArray[np.float32], margin: NDArray[np.float64] | None = None
) -> NDArray[np.float32]:
    """Return XGBoost's own predictions, made in place: a DMatrix refuses infinities."""
    return booster.inplace_predict(x, base_margin=margin)
