"""Fit, or prepare a fit, with options and columns of rows as keywords of one call."""

from typing import Any

from numpy.typing import ArrayLike

from fleetcast.forecasting import FitOptions, Model, RowColumns, SampledModel, fit
from fleetcast.forecasting.preprocessing.preparation import Prepared, prepare

COLUMNS = ("cap", "floor", "regressors", "conditions")


def prepared(ds: ArrayLike, y: ArrayLike, **arguments: Any) -> Prepared:
    columns, options = _parted(arguments)
    return prepare(ds, y, RowColumns(**columns), FitOptions(**options))


def fit_with(ds: ArrayLike, y: ArrayLike, **arguments: Any) -> Model | SampledModel:
    columns, options = _parted(arguments)
    return fit(ds, y, FitOptions(**options), **columns)


def _parted(arguments: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    columns = {name: value for name, value in arguments.items() if name in COLUMNS}
    return columns, {name: value for name, value in arguments.items() if name not in COLUMNS}
