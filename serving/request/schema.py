"""The fields of a request, declared once: type, limits, default and what they mean.

From the declaration of `Request` come the decoder, the error sentences, the OpenAPI document and
`field_table`, the table in the documentation.
"""

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any, Final, Self, TypeAlias

import msgspec
import numpy as np
from msgspec import UNSET, Meta, UnsetType
from numpy.typing import NDArray

from container import quoted
from fleetcast.errors import FutureError
from fleetcast.forecasting import ForecastOptions
from fleetcast.readings import parse_times
from serving.errors import RequestError
from serving.models import Forecaster

MAX_PERIODS: Final = 10_000
"""Largest `period`, and most times in `ds`."""
DEFAULT_PERIODS: Final = 7
MAX_QUANTILES: Final = 99
MAX_READINGS: Final = 10_000
"""Most readings in `history`."""
LARGEST_READING: Final = 1e30
"""Largest absolute value of a reading, as in a training."""
MAX_RECORDS: Final = 100_000
"""Most records in one request body."""
MAX_WHOLE_NUMBER: Final = 2**53
"""Largest name that is a number; a larger float stands for several whole numbers."""

_Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200)]
_Probability: TypeAlias = Annotated[float, Meta(gt=0, lt=1)]
_Period: TypeAlias = Annotated[
    float,  # 2.0 is a whole number too
    Meta(ge=1, le=MAX_PERIODS, multiple_of=1, extra_json_schema={"default": DEFAULT_PERIODS}),
]
_Values: TypeAlias = float | bool | tuple[float | bool, ...]
"""One for all rows, or one for each row."""


def _described(default: str, accepted: str) -> Meta:
    """Return the documentation of a field: the default that applies without it, and the accepted values."""
    return Meta(description=accepted, extra={"default": default})


class History(msgspec.Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    """The readings of a customer that has no model of its own."""

    ds: Annotated[
        tuple[str, ...],
        Meta(min_length=1, max_length=MAX_READINGS, description="times in ISO 8601, in any order"),
    ]
    y: Annotated[
        tuple[Annotated[float, Meta(ge=-LARGEST_READING, le=LARGEST_READING)] | None, ...],
        Meta(min_length=1, max_length=MAX_READINGS, description="as many numbers; null is a missing reading"),
    ]

    def __post_init__(self) -> None:
        """Raise ValueError unless each reading has a time."""
        if len(self.ds) != len(self.y):
            raise ValueError(
                f"ds has {len(self.ds)} times and y {len(self.y)} readings; send as many of both"
            )


_TIMES_TWICE: Final = "ds names the times itself: leave period, freq and include_history out"


class Request(msgspec.Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    """One record of a request: `period` steps of `freq` after the last reading, or the times `ds`."""

    period: Annotated[
        _Period | UnsetType,
        _described(str(DEFAULT_PERIODS), f"1 to {MAX_PERIODS:,} steps after the last reading"),
    ] = UNSET
    freq: Annotated[
        Annotated[str, Meta(min_length=1, max_length=20)] | None,
        _described(
            'the archive\'s, else the spacing of the last readings, else `"D"`',
            "a step such as `D`, `h`, `15min`, `W`, `MS`, `B`, by pandas' names; null means the default",
        ),
    ] = None
    ds: Annotated[
        Annotated[tuple[str, ...], Meta(min_length=1, max_length=MAX_PERIODS)] | None,
        _described(
            "none",
            f"up to {MAX_PERIODS:,} times in ISO 8601, instead of `period`, `freq` and `include_history`; "
            "times with an offset are converted to UTC; the forecast is in ascending order",
        ),
    ] = None
    include_history: Annotated[
        bool, _described("false", "true adds the times of the readings, if the model kept its history")
    ] = False
    interval_width: Annotated[
        Annotated[float, Meta(ge=0, lt=1)] | None,
        _described("the model's, usually 0.8", "the interval's probability, from 0 to below 1"),
    ] = None
    quantiles: Annotated[
        tuple[_Probability, ...],
        Meta(max_length=MAX_QUANTILES),
        _described("none", f"up to {MAX_QUANTILES} numbers between 0 and 1; each adds a column `yhat_0.1`"),
    ] = ()
    components: Annotated[bool, _described("false", "true adds every other column of Prophet's forecast")] = (
        False
    )
    regressors: Annotated[
        dict[_Name, _Values] | None,
        _described(
            "none",
            '`{"temperature": [20, 21, …]}`: a number or boolean for each row (in the order of `ds`), or one '
            "for all rows; required if the model has regressors, refused otherwise",
        ),
    ] = None
    conditions: Annotated[
        dict[_Name, _Values] | None,
        _described("none", "as `regressors`, for the conditions of the model's seasonalities"),
    ] = None
    cap: Annotated[
        float | tuple[float, ...] | None,
        _described(
            "none",
            "a number for each row, or one for all; required for logistic growth, refused otherwise",
        ),
    ] = None
    floor: Annotated[float | tuple[float, ...] | None, _described("none", "as `cap`; optional")] = None
    non_negative: Annotated[
        bool | None,
        _described("the archive's, else false", "true raises `yhat` and its quantiles to at least 0"),
    ] = None
    history: Annotated[
        History | None,
        _described(
            "none",
            f'`{{"ds": [...], "y": [...]}}`: up to {MAX_READINGS:,} times and readings, null where one is '
            "missing; required by the global model, refused by a customer's own; not in CSV",
        ),
    ] = None
    target_model: Annotated[
        str | int | float | None,
        _described(
            "none",
            "the customer, where the route does not name the model; a whole number stands for its digits",
        ),
    ] = None

    def __post_init__(self) -> None:
        """Raise ValueError for fields that exclude each other."""
        others = self.period is not UNSET or self.freq is not None or self.include_history
        if self.ds is not None and others:
            raise ValueError(_TIMES_TWICE)

    @property
    def periods(self) -> int:
        """Number of steps; meaningless with `ds`, which names the times."""
        return DEFAULT_PERIODS if self.period is UNSET else int(self.period)

    @property
    def name(self) -> str | None:
        """The name of the model: `target_model` as a text."""
        return self.target_model if isinstance(self.target_model, str) else as_name(self.target_model)

    @property
    def times(self) -> int:
        """Number of times that have to be parsed."""
        return len(self.ds or ()) + (0 if self.history is None else len(self.history.ds))

    @property
    def can_share(self) -> bool:
        """Whether it can be computed in a batch with other customers: all of them have the same rows."""
        values = self.ds, self.regressors, self.conditions, self.cap, self.floor, self.history
        is_plain = not (self.include_history or self.components)
        return is_plain and all(value is None for value in values)

    def without_name(self) -> Self:
        """Return the same request for no customer in particular."""
        return self if self.target_model is None else msgspec.structs.replace(self, target_model=None)

    def options(self, forecaster: Forecaster) -> ForecastOptions:
        """Return the options of the forecast, with the model's where the request has none.

        Raises `RequestError` if one of `ds` is no time, or `freq` no step.
        """
        options = {name: getattr(self, name) for name in _SHARED_OPTIONS}
        try:
            return ForecastOptions(
                **options,
                periods=self.periods,
                freq=forecaster.freq if self.freq is None else self.freq,
                ds=None if self.ds is None else times(self.ds, field="ds"),
                non_negative=forecaster.non_negative if self.non_negative is None else self.non_negative,
            )
        except FutureError as error:
            raise RequestError(str(error)) from error


_OPTIONS_OF_THE_MODEL: Final = frozenset({"ds", "freq", "non_negative", "periods"})
_SHARED_OPTIONS: Final = tuple(
    option.name for option in dataclasses.fields(ForecastOptions) if option.name not in _OPTIONS_OF_THE_MODEL
)
"""The options that are fields of a request under the same name."""


def times(texts: Sequence[str], *, field: str) -> NDArray[np.datetime64]:
    """Return times as `train` reads them, in UTC if they have an offset; raise `RequestError`."""
    parsed = parse_times(texts)
    invalid = np.flatnonzero(np.isnat(parsed.values))
    if invalid.size:
        place = int(invalid[0])
        reason = parsed.reasons.get(place, "is no time")
        raise RequestError(f"{field}[{place}], {quoted(texts[place], most_characters=100)}, {reason}")
    return parsed.values


class _NameOnly(msgspec.Struct, gc=False):
    """A record of which only the name is read, because it is invalid otherwise."""

    target_model: str | int | float | None = None


encode = msgspec.json.encode
_json = msgspec.json.Decoder()
_request = msgspec.json.Decoder(Request)
_name_only = msgspec.json.Decoder(_NameOnly)
NOT_JSON: Final = 'the body is not JSON; {"period": 7} is expected'


def decode(text: bytes) -> object:
    """Return the value of a JSON text; a JSON string that contains JSON is decoded once more."""
    try:
        content: object = _json.decode(text)
        return _json.decode(content) if isinstance(content, str) else content
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RequestError(NOT_JSON) from None


def as_request(record: bytes | memoryview | msgspec.Raw) -> Request:
    """Return the request in a JSON text; `RequestError` names the wrong field and what it accepts."""
    try:
        request = _request.decode(record)
    except msgspec.ValidationError as error:
        raise RequestError(_sentence(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RequestError(NOT_JSON) from None
    as_name(request.target_model)
    return request


def as_request_of_texts(record: dict[str, str]) -> Request:
    """Return the request in the cells of a CSV line, by field; `target_model` stays the text that it is."""
    if "history" in record:
        raise RequestError("history cannot be sent as CSV; send this record as JSON or JSON Lines")
    others = {field: text for field, text in record.items() if field != "target_model"}
    try:
        request = msgspec.convert(others, Request, strict=False)
    except msgspec.ValidationError as error:
        raise RequestError(_sentence(str(error))) from None
    return msgspec.structs.replace(request, target_model=record.get("target_model"))


def name_in(record: bytes | memoryview | msgspec.Raw) -> str | None:
    """Return the name in a record that is invalid otherwise, or None if it has none."""
    try:
        return as_name(_name_only.decode(record).target_model)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return None


def as_name(target_model: str | float | None) -> str | None:
    """Return a name as a text, 7 and 7.0 as "7"; raise `RequestError` for a number with a fraction."""
    if target_model is None or isinstance(target_model, str):
        return target_model
    if abs(target_model) > MAX_WHOLE_NUMBER or target_model != int(target_model):
        raise RequestError("target_model must be a text or a whole number")
    return str(int(target_model))


_PERIOD: Final = f"period must be a whole number from 1 to {MAX_PERIODS}"
_FIELDS: Final = f"a request is a JSON object with the fields {', '.join(Request.__struct_fields__)}"


def _sentence(problem: str) -> str:
    """Return msgspec's `Expected int >= 1 - at `$.period`` as a sentence about the field."""
    what, _, place = problem.partition(" - at `$.")
    if place == "period`":
        return _PERIOD
    what = what[:1].lower() + what[1:].replace("`", "")
    if place:
        return f"{place.rstrip('`')}: {what}"
    return _TIMES_TWICE if what == _TIMES_TWICE else f"{what}; {_FIELDS}"


def fields() -> tuple[str, ...]:
    """Return the names of the fields of a request."""
    names: tuple[str, ...] = Request.__struct_fields__
    return names


def field_table() -> str:
    """Return the fields of a request as a Markdown table for the documentation: field, default, accepted."""
    declared: Any = msgspec.inspect.type_info(Request)
    rows = [
        f"| `{field.name}` | {field.type.extra['default']} | {field.type.extra_json_schema['description']} |"
        for field in declared.fields
    ]
    return "\n".join(["| field | default | accepted |", "| --- | --- | --- |", *rows, ""])
