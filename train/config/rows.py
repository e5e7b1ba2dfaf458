"""Reads the rows of one file of the channel `config`, CSV or JSON, and checks each by itself."""

import codecs
import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from container import quoted
from fleetcast.errors import DialectError, InputError, UnusableFileError
from fleetcast.readings import ReadingOptions, detect_dialect, parse_times
from fleetcast.readings.customer import read_file

MOST_BYTES: Final = 16 * 1024 * 1024
"""The largest file: some 300,000 rows."""
MOST_WINDOW_DAYS: Final = 366
_COLUMNS: Final = {
    "holidays": ("ds", "holiday", "lower_window", "upper_window", "prior_scale"),
    "changepoints": ("ds",),
    "seasonalities": ("name", "period", "fourier_order", "prior_scale", "mode", "condition_name"),
}
_NEEDED: Final = {
    "holidays": ("ds", "holiday"),
    "changepoints": ("ds",),
    "seasonalities": ("name", "period", "fourier_order"),
}
CUSTOMER: Final = "customer"

Row: TypeAlias = dict[str, Any]
Placed: TypeAlias = tuple[str, Row]
"""A row and where it is, such as `line 3`."""


def read_rows(path: Path, argument: str) -> list[Placed]:
    """Return the rows of a file for an argument of `fit`, each with its place; raise InputError."""
    name = f"config/{path.name}"
    try:
        content = read_file(path, most_bytes=MOST_BYTES)
    except UnusableFileError as error:
        raise InputError(f"config/{error}") from error
    read = _csv_rows if path.suffix == ".csv" else _json_rows
    placed = list(read(name, content, argument))
    for place, row in placed:
        try:
            row.update(_checked(row, argument))
        except ValueError as error:
            raise InputError(f"{name}, {place}: {error}") from error
    if "ds" in _NEEDED[argument]:
        _read_times(name, placed)
    return placed


def _read_times(name: str, placed: Sequence[Placed]) -> None:
    """Read the times of all rows as those of customers' files are read, and write them in one way."""
    parsed = parse_times([row["ds"] for _, row in placed])
    for number, (place, row) in enumerate(placed):
        if reason := parsed.reasons.get(number):
            raise InputError(f"{name}, {place}: ds {quoted(row['ds'])} {reason}")
        if np.isnat(parsed.values[number]):
            raise InputError(f"{name}, {place}: ds {quoted(row['ds'])} is no time")
        row["ds"] = str(parsed.values[number].astype("datetime64[s]"))


def _csv_rows(name: str, content: bytes, argument: str) -> Iterator[Placed]:
    if not content.strip():
        raise InputError(f"{name} is empty")
    try:
        names = [(column,) for column in _NEEDED[argument]]
        dialect = detect_dialect(content, names=names, options=_options(name, content), whole=True)
        text = content.decode(dialect.encoding)
    except (DialectError, UnicodeDecodeError) as error:
        raise InputError(f"{name} {error}") from error
    lines = io.StringIO(text.removeprefix("\ufeff"), newline="")
    reader = csv.reader(lines, delimiter=dialect.delimiter, strict=True)
    header: list[str] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = [cell.strip() for cell in cells]
                _check_columns(header, argument)
                continue
            yield f"line {reader.line_num}", _csv_row(header, cells)
    except (ValueError, csv.Error) as error:
        raise InputError(f"{name}, line {max(reader.line_num, 1)}: {error}") from error


def _options(name: str, content: bytes) -> ReadingOptions:
    """Return the encoding of a file: UTF-8, or UTF-16 where it begins with a byte order mark."""
    if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return ReadingOptions(encoding="utf-16")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(f"{name}, line {line}: not UTF-8 text; save the file as UTF-8") from error
    return ReadingOptions(encoding="utf-8-sig")


def _csv_row(header: Sequence[str], cells: Sequence[str]) -> Row:
    if len(cells) != len(header):
        raise ValueError(f"{len(cells)} cells below a header of {len(header)} columns")
    row = {column: cell.strip() for column, cell in zip(header, cells, strict=True)}
    return {column: cell for column, cell in row.items() if cell != ""}


def _check_columns(header: Sequence[str], argument: str) -> None:
    accepted = (*_COLUMNS[argument], CUSTOMER)
    unknown = [column for column in header if column not in accepted]
    missing = [column for column in _NEEDED[argument] if column not in header]
    if unknown:
        raise ValueError(f"unknown column {quoted(unknown[0])}; accepted are {', '.join(accepted)}")
    if missing:
        raise ValueError(f"the column {missing[0]} is missing; needed are {', '.join(_NEEDED[argument])}")
    if len(set(header)) < len(header):
        raise ValueError("a column is there twice")


def _json_rows(name: str, content: bytes, argument: str) -> Iterator[Placed]:
    try:
        rows = json.loads(content.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise InputError(f"{name}, line {error.lineno}: not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not JSON: {error}") from error
    if not isinstance(rows, list):
        raise InputError(f"{name} must hold a list of rows, each an object such as {_example(argument)}")
    for number, row in enumerate(rows, start=1):
        if argument == "changepoints" and isinstance(row, str):
            row = {"ds": row}  # noqa: PLW2901 -- a date alone is a row too
        if not isinstance(row, dict):
            raise InputError(f"{name}, row {number}: must be an object such as {_example(argument)}")
        row = {column: cell for column, cell in row.items() if cell is not None}  # noqa: PLW2901
        try:
            _check_columns([*dict.fromkeys((*row,))], argument)
        except ValueError as error:
            raise InputError(f"{name}, row {number}: {error}") from error
        yield f"row {number}", row


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not a value of JSON")


def _example(argument: str) -> str:
    return {
        "holidays": '{"ds": "2026-12-24", "holiday": "closed"}',
        "changepoints": '{"ds": "2026-01-31"}, or a date such as "2026-01-31"',
        "seasonalities": '{"name": "monthly", "period": 30.5, "fourier_order": 5}',
    }[argument]


def _checked(row: Row, argument: str) -> Row:
    """Return a row with its cells as `fit` takes them; raise ValueError."""
    for column in _NEEDED[argument]:
        if row.get(column) in (None, ""):
            raise ValueError(f"{column} is missing")
    if ("lower_window" in row) != ("upper_window" in row):
        raise ValueError("lower_window and upper_window must both be there, or neither; 0 adds no day")
    return {
        column: _CHECKS[column](column, cell) if column in _CHECKS else cell for column, cell in row.items()
    }


def _name(column: str, cell: object) -> str:
    if not isinstance(cell, str):
        raise ValueError(f"{column} must be a text, not {quoted(cell)}")  # noqa: TRY004 -- a file's fault
    return cell


def _customer(column: str, cell: object) -> str:
    if isinstance(cell, bool) or not isinstance(cell, (str, int)):
        raise ValueError(f"{column} must be a customer's name, not {quoted(cell)}")  # noqa: TRY004 -- as above
    return str(cell)


def _days(least: int, most: int) -> Callable[[str, object], int]:
    def check(column: str, cell: object) -> int:
        number = _as_float(cell)
        if not number.is_integer() or not least <= number <= most:
            raise ValueError(
                f"{column} must be a whole number of days from {least} to {most}, not {quoted(cell)}"
            )
        return int(number)

    return check


def _positive(column: str, cell: object) -> float:
    number = _as_float(cell)
    if not 0 < number < math.inf:
        raise ValueError(f"{column} must be a number above 0, not {quoted(cell)}")
    return number


def _as_float(cell: object) -> float:
    if isinstance(cell, bool) or not isinstance(cell, (str, int, float)):
        return math.nan
    try:
        return float(cell)
    except (ValueError, OverflowError):
        return math.nan


_CHECKS: Final[dict[str, Callable[[str, object], object]]] = {
    "ds": _name,
    "holiday": _name,
    "name": _name,
    "customer": _customer,
    "lower_window": _days(-MOST_WINDOW_DAYS, 0),
    "upper_window": _days(0, MOST_WINDOW_DAYS),
    "prior_scale": _positive,
}
