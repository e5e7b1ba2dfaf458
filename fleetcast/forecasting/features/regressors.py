"""Extra regressors and conditions: their declarations, and the columns that come with the rows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from fleetcast.errors import HistoryError, SettingError
from fleetcast.forecasting.arrays import Flags, Vector
from fleetcast.forecasting.features.reserved_names import check_name
from fleetcast.forecasting.limits import LARGEST, SMALLEST
from fleetcast.forecasting.option_checks import positive
from fleetcast.forecasting.settings import Mode, Settings, mode

Standardize: TypeAlias = bool | Literal["auto"]


@dataclass(frozen=True, slots=True)
class Regressor:
    """The declaration of one extra regressor, with the arguments of Prophet's `add_regressor`."""

    name: str
    prior_scale: float
    standardize: Standardize
    mode: Mode


@dataclass(frozen=True, slots=True)
class Standardization:
    """A regressor enters the model as (value − mu) / std."""

    mu: float = 0.0
    std: float = 1.0


AS_IT_IS = Standardization()
NO_NUMBERS = "cmMV"
"""Kinds of NumPy arrays that are no numbers, though NumPy converts them: complex, times, raw bytes."""
_ARGUMENTS = ("name", "prior_scale", "standardize", "mode", "regressor_predictor")


def added_regressor(declaration: str | Mapping[str, Any], settings: Settings) -> Regressor:
    """Return the regressor of a name or of `add_regressor`'s arguments; raises SettingError."""
    arguments: Mapping[str, Any] = {"name": declaration} if isinstance(declaration, str) else declaration
    unknown = [name for name in arguments if name not in _ARGUMENTS]
    if unknown or "name" not in arguments:
        raise SettingError(
            f"a regressor has name and may have prior_scale, standardize, mode; not {unknown or arguments!r}"
        )
    name, standardize = arguments["name"], arguments.get("standardize", "auto")
    if arguments.get("regressor_predictor"):
        raise SettingError(
            f"regressor_predictor of {name!r} is not part of a serialized model; "
            "forecast the regressor with a model of its own and pass its values"
        )
    if standardize not in ("auto", True, False):
        raise SettingError(f"standardize of {name!r} must be 'auto', True or False, not {standardize!r}")
    scale = arguments.get("prior_scale")
    return Regressor(
        name=check_name(name, kind="regressor"),
        prior_scale=settings.holidays_prior_scale
        if scale is None
        else positive(f"prior_scale of {name!r}", scale),
        standardize=standardize if standardize == "auto" else bool(standardize),
        mode=mode(f"mode of {name!r}", arguments.get("mode") or settings.seasonality_mode),
    )


def standardization(values: Vector, *, standardize: Standardize) -> Standardization:
    """Return how a regressor with these values in the history is standardized, by Prophet's rule.

    A constant never is, a 0/1 column only if `standardize` is True.  std is the sample standard deviation
    (with N − 1).  Raises HistoryError if it is too small to divide by.
    """
    low, high = values.min(), values.max()
    if low == high or standardize is False:
        return AS_IT_IS
    if standardize == "auto" and low == 0 and high == 1 and bool(np.all((values == 0) | (values == 1))):
        return AS_IT_IS
    spread = float(values.std(ddof=1))
    if spread < SMALLEST:
        raise HistoryError(f"a regressor differs by less than {SMALLEST}; count it in a smaller unit")
    return Standardization(float(values.mean()), spread)


def numeric_columns(
    names: Iterable[str], columns: Mapping[str, ArrayLike] | None, *, rows: int, usable: Flags | None = None
) -> dict[str, Vector]:
    """Return the values of the named regressors in the usable rows, one array for each name.

    A column has one value for each of the `rows`, or one for all; `usable`, shape (rows,), selects rows, None
    all of them.  Raises ValueError if a column is missing, has another length, or has no finite number.
    """
    numbers = {}
    for name in names:
        values = _numbers(name, _column(name, columns, rows=rows, usable=usable, kind="regressor"))
        if not (np.abs(values) <= LARGEST).all():
            raise ValueError(
                f"regressor {name!r} must be a finite number in every row, at most {LARGEST} in size"
            )
        numbers[name] = values
    return numbers


def condition_columns(
    names: Iterable[str], columns: Mapping[str, ArrayLike] | None, *, rows: int, usable: Flags | None = None
) -> dict[str, Flags]:
    """Return the values of the named conditions in the usable rows, one array for each name.

    Columns are as in `numeric_columns`.  Raises ValueError if a column is missing, has another length, or has
    a value that is neither true nor false.
    """
    conditions = {}
    for name in names:
        values = _column(name, columns, rows=rows, usable=usable, kind="condition")
        try:
            flags = np.asarray(values == True, dtype=np.bool_)  # noqa: E712 - also for objects, 0 and 1
            others = np.asarray(values == False, dtype=np.bool_)  # noqa: E712
        except (TypeError, ValueError):  # a missing value of pandas is neither equal nor unequal
            flags = others = np.zeros(rows, np.bool_)
        if flags.shape != values.shape or not np.all(flags | others):
            raise ValueError(f"condition {name!r} must be true or false (or 1 or 0) in every row")
        conditions[name] = flags
    return conditions


def _numbers(name: str, values: np.ndarray[Any, np.dtype[Any]]) -> Vector:
    """Return a column as numbers, True as 1 and False as 0; raises ValueError for anything else."""
    wrong = f"regressor {name!r} must be a number, True or False in every row"
    if values.dtype.kind in NO_NUMBERS:
        raise ValueError(wrong)
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(wrong) from error


def _column(
    name: str, columns: Mapping[str, ArrayLike] | None, *, rows: int, usable: Flags | None, kind: str
) -> np.ndarray[Any, np.dtype[Any]]:
    """Return one column in the usable rows; raises ValueError."""
    if columns is None or name not in columns:
        raise ValueError(f"{kind} {name!r} is missing: the model was declared with it")
    values = np.asarray(columns[name])
    if values.shape not in ((), (rows,)):
        raise ValueError(
            f"{kind} {name!r} must be one value or one for each of {rows} rows, not of shape {values.shape}"
        )
    values = np.broadcast_to(values, (rows,))
    return values if usable is None else values[usable]
