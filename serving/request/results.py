"""From forecasts and failures to the body of a response: JSON, JSON Lines or CSV.

Every rule of the output format is in this module: names and order of the columns, digits, times, and where an
error stands.  Bodies are written in steps, and each result is dropped once it is written.
"""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from serving.errors import RequestError
from serving.request.media_types import CSV, JSON_LINES
from serving.request.records import Failure
from serving.request.schema import encode
from serving.steps import Steps

Table: TypeAlias = dict[str, NDArray[Any]]

DIGITS: Final = 10
"""Significant digits of the largest value of a column."""
CELLS_PER_STEP: Final = 8_192
"""Written in one step, in some 3 milliseconds."""
CELLS_OF_A_RECORD: Final = 128
"""Time to write a record besides its cells, in cells."""
DEFAULT_COLUMNS: Final = ("ds", "yhat", "yhat_lower", "yhat_upper")
"""Columns of a forecast without quantiles or components."""
_SMALLEST, _LARGEST = 1e-100, 1e100
_FIRST_TIME, _LAST_TIME = np.datetime64("0001-01-01"), np.datetime64("9999-12-31")


class ForecastRow(msgspec.Struct, gc=False):
    """A row with the default columns, in the order of the response; three times as fast as a dict."""

    ds: datetime | str
    yhat_lower: float
    yhat_upper: float
    yhat: float


@dataclass(frozen=True, slots=True, eq=False)
class CustomerForecast:
    """The forecast of one record."""

    target_model: str
    table: Table

    @property
    def names(self) -> list[str]:
        """The names of the columns, `ds` first."""
        names = list(self.table)
        return names if names[0] == "ds" else ["ds", *(name for name in names if name != "ds")]

    @property
    def cells(self) -> int:
        """Number of values."""
        return len(self.table) * len(self.table["ds"])

    def columns(self, names: Sequence[str]) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
        """Return `ds`, shape (rows,), and the other columns, shape (columns, rows), rounded."""
        values = np.array([self.table[name] for name in names[1:]], dtype=np.float64)
        return self.table[names[0]], _rounded(values)

    def blocks(self, names: Sequence[str], *, max_cells: int = CELLS_PER_STEP) -> Iterator[list[list[Any]]]:
        """Yield the values of the columns `names`, `ds` first, for a few rows at a time."""
        ds, values = self.columns(names)
        rows = max(1, max_cells // len(names))
        for start in range(0, len(ds), rows):
            part = slice(start, start + rows)
            yield [_times(ds[part]), *values[:, part].tolist()]


Results: TypeAlias = list[CustomerForecast | Failure]


DONE: Final = Failure(RequestError, "")
"""Stands in a list for a record or result that is no longer needed."""


def write_results(results: Results, media_type: str, *, is_list: bool) -> Steps[bytes]:
    """Return the body with forecasts and failures in their order; the list is emptied meanwhile.

    `is_list` says whether JSON is written as a list of responses, or as the only one.
    """
    text = io.BytesIO()  # hands out its bytes without copying them
    if media_type == CSV:
        yield from _write_csv(results, text)
    else:
        yield from _write_json(results, text, lines=media_type == JSON_LINES, is_list=is_list)
    return text.getvalue()


_FRAMES: Final = {
    (True, True): (b"", b"\n", b"\n"),
    (False, True): (b'{"responses":[', b",", b"]}"),
    (False, False): (b"", b"", b""),
}
"""What is written before, between and after the records, by (are they lines, are they a list)."""


def _write_json(results: Results, text: io.BytesIO, *, lines: bool, is_list: bool) -> Steps[None]:
    begin, between, end = _FRAMES[lines, is_list or lines]
    text.write(begin)
    written = 0
    for place, result in enumerate(results):
        if place:
            text.write(between)
        if isinstance(result, Failure):
            text.write(encode(failure_content(result, place)))
            written += 16
        else:
            cells = result.cells
            for piece in _json_pieces(result):
                text.write(piece)
                if cells > CELLS_PER_STEP:
                    yield None
            written += cells + CELLS_OF_A_RECORD
        results[place] = DONE
        if written > CELLS_PER_STEP:
            written = 0
            yield None
    text.write(end)


def failure_content(failure: Failure, record: int | None) -> dict[str, Any]:
    """Return the JSON of an error; the only record of a body has no place."""
    content: dict[str, Any] = {"error": {"code": failure.error.status.name, "message": failure.message}}
    if record is not None or failure.target_model is not None:
        content["target_model"] = failure.target_model
    return content if record is None else content | {"record": record}


def _json_pieces(result: CustomerForecast) -> Iterator[bytes]:
    names = result.names
    if result.cells <= CELLS_PER_STEP:
        ds, values = result.columns(names)
        rows = _json_rows(names, [_times(ds), *values.tolist()])
        yield encode({"target_model": result.target_model, "predictions": rows})
        return
    yield b'{"target_model":%b,"predictions":[' % encode(result.target_model)
    for number, columns in enumerate(result.blocks(names)):
        yield (b"," if number else b"") + encode(_json_rows(names, columns))[1:-1]
    yield b"]}"


def _json_rows(names: list[str], columns: list[list[Any]]) -> list[Any]:
    if names == _USUAL:
        return list(map(ForecastRow, *columns))
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


_USUAL: Final = list(ForecastRow.__struct_fields__)


def _write_csv(results: Results, text: io.BytesIO) -> Steps[None]:
    """Write one table: target_model, the columns of all forecasts, and with errors `record` and `error`."""
    names = _all_columns(results)
    failed = any(isinstance(result, Failure) for result in results)
    text.write(_csv([["target_model", *names, *(("record", "error") if failed else ())]]))
    written = 0
    for place, result in enumerate(results):
        if isinstance(result, Failure):
            text.write(_csv([[result.target_model or "", *repeat("", len(names)), place, result.message]]))
            written += len(names) + 16
        else:
            for rows in _csv_rows(result, names, (place, "") if failed else ()):
                text.write(_csv(rows))
                if result.cells > CELLS_PER_STEP:
                    yield None
            written += len(names) * len(result.table["ds"]) + CELLS_OF_A_RECORD
        results[place] = DONE
        if written > CELLS_PER_STEP:
            written = 0
            yield None


def _csv_rows(
    result: CustomerForecast, names: Sequence[str], endings: tuple[object, ...]
) -> Iterator[Iterator[tuple[object, ...]]]:
    positions = {name: position for position, name in enumerate(result.names)}
    for columns in result.blocks(
        result.names, max_cells=max(1, CELLS_PER_STEP * len(positions) // len(names))
    ):
        cells = [columns[positions[name]] if name in positions else repeat("") for name in names]
        yield zip(repeat(result.target_model), *cells, *map(repeat, endings), strict=False)


def _csv(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _all_columns(results: Sequence[CustomerForecast | Failure]) -> list[str]:
    """Return the columns of all forecasts, `ds` first, each once."""
    tables = {tuple(result.table): result for result in results if isinstance(result, CustomerForecast)}
    return list(dict.fromkeys(name for result in tables.values() for name in result.names))


def _rounded(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return columns, shape (columns, rows), each rounded to DIGITS digits of its largest value.

    Further digits depend on the processor's sine and on the order of a sum, and mean nothing.  A column whose
    largest value is below 1e-100 becomes 0; one whose largest value is above 1e100, or no number, is not
    rounded.
    """
    rounded = columns.copy()
    for column, largest in zip(rounded, np.abs(columns).max(axis=1).tolist(), strict=True):
        if _SMALLEST < largest < _LARGEST:
            digits = DIGITS - math.ceil(math.log10(largest))
            unit = 10.0 ** abs(digits)
            column *= unit if digits > 0 else 1 / unit  # noqa: PLW2901 -- a view of `rounded`
            np.rint(column, out=column)
            column /= unit if digits > 0 else 1 / unit  # noqa: PLW2901
        elif largest <= _SMALLEST:
            column[:] = 0.0
    return rounded


def _times(ds: NDArray[np.datetime64]) -> list[Any]:
    """Return times that the encoder writes as ISO 8601, with a fraction of a second only if it has one."""
    if ds.min() >= _FIRST_TIME and ds.max() <= _LAST_TIME:
        times: list[Any] = ds.astype("datetime64[us]").tolist()
        return times
    return [str(text) for text in np.datetime_as_string(ds)]  # years that Python's datetime does not have
