"""Forecasts and failures in, the bytes of an answer out: JSON, JSON Lines or CSV, a piece at a time."""

import csv
import io
import math
from collections.abc import Generator, Iterable, Iterator, Sequence
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

Table: TypeAlias = dict[str, NDArray[Any]]

DIGITS: Final = 10
"""Significant ones, of the largest value of a column."""
CELLS_PER_STEP: Final = 8_192
"""Written at once: some 3 milliseconds."""
CELLS_OF_A_RECORD: Final = 128
"""What a record takes besides its cells, in the time that a cell takes."""
COLUMNS: Final = ("ds", "yhat", "yhat_lower", "yhat_upper")
"""What is answered unless more is asked for."""
_SMALLEST, _LARGEST = 1e-100, 1e100
_FIRST_TIME, _LAST_TIME = np.datetime64("0001-01-01"), np.datetime64("9999-12-31")


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
        names = list(self.table)
        return names if names[0] == "ds" else sorted(names, key=lambda name: name != "ds")

    @property
    def cells(self) -> int:
        """How many values it has."""
        return len(self.table) * len(self.table["ds"])

    def columns(self, names: Sequence[str]) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
        """Return `ds` and the other columns, shape (columns, rows), in digits that carry meaning."""
        values = np.array([self.table[name] for name in names[1:]], dtype=np.float64)
        return self.table[names[0]], _rounded(values)

    def blocks(self, names: Sequence[str], *, most_cells: int = CELLS_PER_STEP) -> Iterator[list[list[Any]]]:
        """Yield the values of `names`, `ds` first, of some rows after the others."""
        ds, values = self.columns(names)
        rows = max(1, most_cells // len(names))
        for start in range(0, len(ds), rows):
            part = slice(start, start + rows)
            yield [_times(ds[part]), *values[:, part].tolist()]


Results: TypeAlias = list[Result | Failure]


def write_results(results: Results, kind: str, *, many: bool) -> Generator[None, None, bytes]:
    """Return the body: forecasts and failures in their order, which are taken out of the list meanwhile."""
    text = io.BytesIO()  # hands its bytes out without a copy of them
    if kind == CSV:
        yield from _write_csv(results, text)
    else:
        yield from _write_json(results, text, lines=kind == JSON_LINES, many=many)
    return text.getvalue()


_FRAMES: Final = {
    (True, True): (b"", b"\n", b"\n"),
    (False, True): (b'{"responses":[', b",", b"]}"),
    (False, False): (b"", b"", b""),
}
"""What stands before, between and after the records, by whether they are lines and may be many."""


def _write_json(results: Results, text: io.BytesIO, *, lines: bool, many: bool) -> Generator[None]:
    begin, between, end = _FRAMES[lines, many or lines]
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
                    yield
            written += cells + CELLS_OF_A_RECORD
        results[place] = _WRITTEN
        if written > CELLS_PER_STEP:
            written = 0
            yield
    text.write(end)


_WRITTEN: Final = Failure(RequestError, "")


def failure_content(failure: Failure, record: int | None) -> dict[str, Any]:
    """Return what JSON says of a failure; the only record of a body has no place."""
    content: dict[str, Any] = {"error": {"code": failure.error.status.name, "message": failure.message}}
    if record is not None or failure.target_model is not None:
        content["target_model"] = failure.target_model
    return content if record is None else content | {"record": record}


def _json_pieces(result: Result) -> Iterator[bytes]:
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
        return list(map(Row, *columns))
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


_USUAL: Final = list(Row.__struct_fields__)


def _write_csv(results: Results, text: io.BytesIO) -> Generator[None]:
    """Write one table: target_model, the columns of forecasts, and `record` and `error` if there is one."""
    names = columns_of(results)
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
                    yield
            written += len(names) * len(result.table["ds"]) + CELLS_OF_A_RECORD
        results[place] = _WRITTEN
        if written > CELLS_PER_STEP:
            written = 0
            yield


def _csv_rows(
    result: Result, names: Sequence[str], endings: tuple[object, ...]
) -> Iterator[Iterator[tuple[object, ...]]]:
    own = {name: position for position, name in enumerate(result.names)}
    for columns in result.blocks(result.names, most_cells=max(1, CELLS_PER_STEP * len(own) // len(names))):
        cells = [columns[own[name]] if name in own else repeat("") for name in names]
        yield zip(repeat(result.target_model), *cells, *map(repeat, endings), strict=False)


def _csv(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def columns_of(results: Sequence[Result | Failure]) -> list[str]:
    """Return the columns of all forecasts, `ds` first, each once."""
    names: dict[str, None] = {}
    seen: set[tuple[str, ...]] = set()
    for result in results:
        if isinstance(result, Result) and (columns := tuple(result.table)) not in seen:
            seen.add(columns)
            names |= dict.fromkeys(result.names)
    return list(names)


def _rounded(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return columns, shape (columns, rows), each to as many digits as its largest value has at DIGITS.

    What lies beyond depends on the processor's own sine and the order of a sum; it means nothing.  A column
    whose largest value is below 1e-100, where no model has its numbers, is 0; one whose largest is above
    1e100, or no number, stays as it is.
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
    """Return times that are written as ISO 8601, to the second unless there is more to say."""
    if ds.min() >= _FIRST_TIME and ds.max() <= _LAST_TIME:
        times: list[Any] = ds.astype("datetime64[us]").tolist()
        return times
    return [str(text) for text in np.datetime_as_string(ds)]  # beyond the years that Python knows
