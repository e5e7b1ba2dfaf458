"""Prepare a fit from keyword arguments, as `fit` has them, without fitting."""

from typing import Any

from numpy.typing import ArrayLike

from fleetcast.forecasting.options import FitOptions, RowColumns
from fleetcast.forecasting.preprocessing.prepare import Prepared, prepare

COLUMNS = ("cap", "floor", "regressors", "conditions")


def prepared(ds: ArrayLike, y: ArrayLike, **arguments: Any) -> Prepared:
    columns = RowColumns(**{name: arguments.pop(name) for name in COLUMNS if name in arguments})
    return prepare(ds, y, columns, FitOptions.of(arguments))
