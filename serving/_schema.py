"""The request and the response as a client sees them: JSON in, JSON out, limits included."""

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

    def columns(self, forecast: Table) -> Table:
        """Return what is answered of a forecast."""
        if self.components:
            return forecast
        wanted = {*COLUMNS, *(f"yhat_{probability:g}" for probability in self.quantiles)}
        return {name: values for name, values in forecast.items() if name in wanted}


_json = msgspec.json.Decoder()


def parse_request(body: bytes) -> Request:
    """Return the request in `body`; `RequestError` names the field that is wrong and what it accepts.

    A body that is a JSON string holding JSON is accepted.
    """
    try:
        content = _json.decode(body)
        if isinstance(content, str):
            content = _json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RequestError('the body is not JSON; {"period": 7} is expected') from None
    try:
        return msgspec.convert(content, Request)
    except msgspec.ValidationError as error:
        raise RequestError(_sentence(str(error))) from None


def format_response(forecast: Table, *, target_model: str) -> bytes:
    """Return the JSON of a forecast, one record per row, `ds` first."""
    names = sorted(forecast, key=lambda name: name != "ds")
    columns = [_texts(forecast[name]) if name == "ds" else forecast[name].tolist() for name in names]
    records = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    return msgspec.json.encode({"target_model": target_model, "predictions": records})


def format_error(error: RequestError) -> bytes:
    """Return the JSON that says what was wrong."""
    return msgspec.json.encode({"error": {"code": error.code, "message": str(error)}})


_PERIOD = f"period must be a whole number from 1 to {MOST_PERIODS}"
_FIELDS = f"a request is a JSON object with the fields {', '.join(Request.__struct_fields__)}"


def _sentence(problem: str) -> str:
    """Return msgspec's `Expected int >= 1 - at $.period` as a sentence about the field."""
    what, _, place = problem.partition(" - at `$.")
    if place == "period`":
        return _PERIOD
    what = what[:1].lower() + what[1:].replace("`", "")
    return f"{place.rstrip('`')}: {what}" if place else f"{what}; {_FIELDS}"


def _texts(ds: NDArray[np.datetime64]) -> list[str]:
    """Return times as ISO 8601, to the second unless there is more to say."""
    whole = ds.astype("datetime64[s]")
    texts = np.datetime_as_string(whole if (whole == ds).all() else ds.astype("datetime64[us]"))
    return [str(text) for text in texts]
