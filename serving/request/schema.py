"""The request as a client sees it, field by field, limits included."""

from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from serving.errors import RequestError

MOST_PERIODS: Final = 10_000
DEFAULT_PERIODS: Final = 7
MOST_QUANTILES: Final = 99
MOST_RECORDS: Final = 100_000
MOST_WHOLE_NUMBER: Final = 2**53
"""Beyond it a number that JSON writes with a fraction or an exponent may stand for several whole ones."""

Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200)]
Probability: TypeAlias = Annotated[float, Meta(gt=0, lt=1)]
Period: TypeAlias = Annotated[
    float,  # 2.0 is a whole number too
    Meta(ge=1, le=MOST_PERIODS, multiple_of=1, extra_json_schema={"default": DEFAULT_PERIODS}),
]
Values: TypeAlias = float | bool | tuple[float | bool, ...]
"""One for all rows, or one for each."""


class Request(msgspec.Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    """A forecast that is wanted: `period` steps of `freq` after the last reading, or the times `ds`."""

    period: Period | UnsetType = UNSET
    freq: Annotated[str, Meta(min_length=1, max_length=20)] | None = None
    """None for the one of the model's history."""
    ds: Annotated[tuple[str, ...], Meta(min_length=1, max_length=MOST_PERIODS)] | None = None
    include_history: bool = False
    interval_width: Annotated[float, Meta(ge=0, lt=1)] | None = None
    quantiles: Annotated[tuple[Probability, ...], Meta(max_length=MOST_QUANTILES)] = ()
    components: bool = False
    regressors: dict[Name, Values] | None = None
    conditions: dict[Name, Values] | None = None
    cap: float | tuple[float, ...] | None = None
    floor: float | tuple[float, ...] | None = None
    non_negative: bool | None = None
    """None for what the model was trained with."""
    target_model: str | int | float | None = None
    """Where the TargetModel header cannot be sent; behind Multi Model Server the route names the model."""

    def __post_init__(self) -> None:
        """Raise ValueError for fields that exclude each other."""
        others = self.period is not UNSET or self.freq is not None or self.include_history
        if self.ds is not None and others:
            raise ValueError("ds names the times itself: leave period, freq and include_history out")

    @property
    def periods(self) -> int:
        """How many steps are wanted; of no meaning where `ds` names the times."""
        return DEFAULT_PERIODS if self.period is UNSET else int(self.period)

    @property
    def name(self) -> str | None:
        """The customer's name: `target_model` as a text."""
        return self.target_model if isinstance(self.target_model, str) else as_name(self.target_model)

    @property
    def is_plain(self) -> bool:
        """Whether it depends on a few words alone, so that it is forecast together with others like it."""
        values = self.ds, self.regressors, self.conditions, self.cap, self.floor
        return not (self.include_history or self.components or any(each is not None for each in values))


class _Named(msgspec.Struct, gc=False):
    """What of a record that cannot be used may still say whose it is."""

    target_model: str | int | float | None = None


encode = msgspec.json.encode
_json = msgspec.json.Decoder()
_request = msgspec.json.Decoder(Request)
_named = msgspec.json.Decoder(_Named)
NOT_JSON: Final = 'the body is not JSON; {"period": 7} is expected'


def decode(text: bytes) -> object:
    """Return what a JSON text holds; a JSON string that holds JSON is read once more."""
    try:
        content: object = _json.decode(text)
        return _json.decode(content) if isinstance(content, str) else content
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RequestError(NOT_JSON) from None


def as_request(record: bytes | memoryview | msgspec.Raw) -> Request:
    """Return the request of a JSON text; `RequestError` names the field that is wrong and what it accepts."""
    try:
        return _checked(_request.decode(record))
    except msgspec.ValidationError as error:
        raise RequestError(_sentence(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RequestError(NOT_JSON) from None


def as_request_of_texts(record: dict[str, str]) -> Request:
    """Return the request of texts by field, as CSV has them; a name stays the text that it is."""
    others = {field: text for field, text in record.items() if field != "target_model"}
    try:
        wanted = msgspec.convert(others, Request, strict=False)
    except msgspec.ValidationError as error:
        raise RequestError(_sentence(str(error))) from None
    return msgspec.structs.replace(wanted, target_model=record.get("target_model"))


def name_in(record: bytes | memoryview | msgspec.Raw) -> str | None:
    """Return the target_model of a record that may be unusable otherwise, None where it names none."""
    try:
        return as_name(_named.decode(record).target_model)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return None


def as_name(target_model: str | float | None) -> str | None:
    """Return a name as a text: 7 and 7.0 are "7"; raise `RequestError` for other numbers."""
    if target_model is None or isinstance(target_model, str):
        return target_model
    if abs(target_model) > MOST_WHOLE_NUMBER or target_model != int(target_model):
        raise RequestError("target_model must be a text or a whole number")
    return str(int(target_model))


def _checked(wanted: Request) -> Request:
    as_name(wanted.target_model)
    return wanted


_PERIOD: Final = f"period must be a whole number from 1 to {MOST_PERIODS}"
_FIELDS: Final = f"a request is a JSON object with the fields {', '.join(Request.__struct_fields__)}"


def _sentence(problem: str) -> str:
    """Return msgspec's `Expected int >= 1 - at $.period` as a sentence about the field."""
    what, _, place = problem.partition(" - at `$.")
    if place == "period`":
        return _PERIOD
    what = what[:1].lower() + what[1:].replace("`", "")
    if place:
        return f"{place.rstrip('`')}: {what}"
    return what if what.startswith("ds names") else f"{what}; {_FIELDS}"


def error_content(error: RequestError) -> dict[str, Any]:
    """Return what JSON says of an error."""
    return {"error": {"code": error.code, "message": str(error)}}


def fields() -> tuple[str, ...]:
    """Return the names of the fields of a request."""
    names: tuple[str, ...] = Request.__struct_fields__
    return names
