"""The request and the response as a client sees them, field by field, limits included."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from serving._errors import RequestError

Table: TypeAlias = dict[str, NDArray[Any]]
Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200)]
Probability: TypeAlias = Annotated[float, Meta(gt=0, lt=1)]

MOST_PERIODS = 10_000
DEFAULT_PERIODS = 7
MOST_QUANTILES = 99
MOST_RECORDS = 10_000
MOST_ROWS = 1_000_000
"""Rows that one answer may have, over all its records."""
DIGITS = 10
"""Significant ones, of the largest value of a column."""
_SMALLEST, _LARGEST = 1e-100, 1e100
_FIRST_TIME, _LAST_TIME = np.datetime64("0001-01-01"), np.datetime64("9999-12-31")
COLUMNS = ("ds", "yhat", "yhat_lower", "yhat_upper")
"""What is answered unless more is asked for."""


class Request(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A forecast that is wanted: `period` steps of `freq` after the customer's last reading."""

    period: Annotated[int, Meta(ge=1, le=MOST_PERIODS)] = DEFAULT_PERIODS
    freq: Annotated[str, Meta(min_length=1, max_length=20)] = "D"
    include_history: bool = False
    interval_width: Annotated[float, Meta(ge=0, lt=1)] | None = None
    quantiles: Annotated[tuple[Probability, ...], Meta(max_length=MOST_QUANTILES)] = ()
    components: bool = False
    regressors: dict[Name, float | tuple[float, ...]] | None = None
    conditions: dict[Name, bool | tuple[bool, ...]] | None = None
    cap: float | tuple[float, ...] | None = None
    floor: float | tuple[float, ...] | None = None
    target_model: str | None = None
    """Where the TargetModel header cannot be sent; behind Multi Model Server the route names the model."""

    @property
    def horizon(self) -> tuple[object, ...] | None:
        """What it has in common with records that are forecast together; None where it needs more."""
        given = self.regressors, self.conditions, self.cap, self.floor
        if self.include_history or self.components or any(each is not None for each in given):
            return None
        return self.period, self.freq, self.interval_width, self.quantiles

    def columns(self, forecast: Table) -> Table:
        """Return what is answered of a forecast."""
        if self.components:
            return forecast
        wanted = {*COLUMNS, *(f"yhat_{probability:g}" for probability in self.quantiles)}
        return {name: values for name, values in forecast.items() if name in wanted}


class Row(msgspec.Struct, gc=False):
    """A row of a forecast with the usual columns; a third of the time that a dict takes."""

    ds: datetime | str
    yhat_lower: float
    yhat_upper: float
    yhat: float


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """The forecast of one record."""

    target_model: str
    table: Table

    @property
    def names(self) -> list[str]:
        """The columns, `ds` first."""
        return sorted(self.table, key=lambda name: name != "ds")

    def columns(self) -> list[list[Any]]:
        """Return the values of `names`, in digits that carry meaning."""
        times, *others = self.names
        values = np.array([self.table[name] for name in others], dtype=np.float64)
        return [_times(self.table[times]), *_rounded(values).tolist()]

    def content(self) -> dict[str, Any]:
        """Return what JSON says of it."""
        names = self.names
        if tuple(names) == Row.__struct_fields__:
            rows: list[Any] = list(map(Row, *self.columns()))
        else:
            rows = [dict(zip(names, row, strict=True)) for row in zip(*self.columns(), strict=True)]
        return {"target_model": self.target_model, "predictions": rows}


_json = msgspec.json.Decoder()
encode = msgspec.json.encode


def decode(text: bytes) -> object:
    """Return what a JSON text holds; a JSON string that holds JSON is read once more."""
    try:
        content: object = _json.decode(text)
        return _json.decode(content) if isinstance(content, str) else content
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RequestError('the body is not JSON; {"period": 7} is expected') from None


def records_of(content: object) -> tuple[list[object], bool]:
    """Return the records of a JSON body, and whether it could hold many: those of its `requests`."""
    if not (isinstance(content, dict) and "requests" in content):
        return [content], False
    records = content["requests"]
    if len(content) > 1 or not isinstance(records, list) or not 0 < len(records) <= MOST_RECORDS:
        raise RequestError(f'{{"requests": [...]}} takes 1 to {MOST_RECORDS} records, and no other field')
    return records, True


def as_request(record: object, *, texts: bool = False) -> Request:
    """Return a record as a request; `RequestError` names the field that is wrong and what it accepts.

    `texts` says that the record's values are texts, as CSV has them.
    """
    try:
        return msgspec.convert(record, Request, strict=not texts)
    except msgspec.ValidationError as error:
        raise RequestError(_sentence(str(error))) from None


def error_content(error: RequestError) -> dict[str, Any]:
    """Return what JSON says of an error."""
    return {"error": {"code": error.code, "message": str(error)}}


_PERIOD = f"period must be a whole number from 1 to {MOST_PERIODS}"
_FIELDS = f"a request is a JSON object with the fields {', '.join(Request.__struct_fields__)}"


def _sentence(problem: str) -> str:
    """Return msgspec's `Expected int >= 1 - at $.period` as a sentence about the field."""
    what, _, place = problem.partition(" - at `$.")
    if place == "period`":
        return _PERIOD
    what = what[:1].lower() + what[1:].replace("`", "")
    return f"{place.rstrip('`')}: {what}" if place else f"{what}; {_FIELDS}"


def _rounded(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return columns, shape (columns, rows), each to as many digits as its largest value has at DIGITS.

    What lies beyond depends on the processor's own sine and the order of a sum; it means nothing.  A column
    whose largest value is out of the ordinary, or no number, stays as it is.
    """
    rounded = columns.copy()
    for column, largest in zip(rounded, np.abs(columns).max(axis=1).tolist(), strict=True):
        if _SMALLEST < largest < _LARGEST:
            digits = DIGITS - math.ceil(math.log10(largest))
            unit = 10.0 ** abs(digits)
            column *= unit if digits > 0 else 1 / unit  # noqa: PLW2901 -- a view of `rounded`
            np.rint(column, out=column)
            column /= unit if digits > 0 else 1 / unit  # noqa: PLW2901
    return rounded


def _times(ds: NDArray[np.datetime64]) -> list[Any]:
    """Return times that are written as ISO 8601, to the second unless there is more to say."""
    if ds.min() >= _FIRST_TIME and ds.max() <= _LAST_TIME:
        times: list[Any] = ds.astype("datetime64[us]").tolist()
        return times
    return [str(text) for text in np.datetime_as_string(ds)]  # beyond the years that Python knows
