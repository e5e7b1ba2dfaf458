"""The channel `config`: holidays, changepoints and seasonalities from files, for all customers or for one.

Every file is read and checked before the job writes anything; an error names the file and the line.
"""

import csv
import hashlib
import io
import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from container import InputError, Paths, quoted
from forecasting import HolidayTable
from readings import DialectError, detect_dialect, times
from train._channel import CONFIG
from train._files import UnusableFileError, read_file
from train._host import Host

logger = logging.getLogger(__name__)

MOST_BYTES: Final = 16 * 1024 * 1024
"""Of one file: some 300,000 rows."""
MOST_WINDOW_DAYS: Final = 366
_FILES: Final = {
    "holidays.csv": "holidays",
    "holidays.json": "holidays",
    "changepoints.json": "changepoints",
    "seasonalities.json": "seasonalities",
}
_ACCEPTED: Final = ", ".join(_FILES)
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
_CUSTOMER: Final = "customer"

Row: TypeAlias = dict[str, Any]
Rows: TypeAlias = Mapping[str, Sequence[Row]]
"""By the name of the argument of `forecasting.fit`."""


@dataclass(frozen=True, slots=True)
class Config:
    """What the files of the channel hold."""

    shared: Rows = field(default_factory=dict)
    """For every customer."""
    own: Mapping[str, Rows] = field(default_factory=dict)
    """By customer: rows of that customer alone, in addition."""

    @classmethod
    def from_files(cls, paths: Paths, host: Host | None = None) -> "Config":
        """Read the channel; without one there is nothing.  Raises `InputError` with file, line and reason."""
        folder = paths.channels / CONFIG
        if not folder.is_dir():
            return cls()
        if (host or Host()).was_given_a_share(CONFIG):
            raise InputError("the channel config must be FullyReplicated: each host needs all of its files")
        shared: dict[str, list[Row]] = {}
        own: dict[str, dict[str, list[Row]]] = {}
        for argument, path in _files(folder.resolve()).items():
            for row in _rows(path, argument):
                customer = row.pop(_CUSTOMER, "")
                rows = own.setdefault(customer, {}) if customer else shared
                rows.setdefault(argument, []).append(row)
        return cls(shared, own)

    def arguments_of(self, customer: str = "") -> dict[str, Any]:
        """Return the arguments of `forecasting.fit` that the files hold for a customer, or for all.

        Raises `forecasting.SettingError` where rows contradict each other.
        """
        arguments: dict[str, Any] = dict(self.rows_of(customer))
        if holidays := arguments.get("holidays"):
            arguments["holidays"] = HolidayTable.of(holidays)
        if changepoints := arguments.get("changepoints"):
            arguments["changepoints"] = sorted({row["ds"] for row in changepoints})
        return arguments

    def digest_of(self, customer: str = "") -> str:
        """Return the SHA-256 of what concerns a customer, or all; empty where nothing does."""
        rows = self.rows_of(customer)
        return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest() if rows else ""

    def names(self) -> set[str]:
        """Return which arguments of `forecasting.fit` come from files."""
        return {name for rows in (self.shared, *self.own.values()) for name in rows}

    def rows_of(self, customer: str) -> dict[str, list[Row]]:
        """Return the rows that concern a customer: those of all, then its own."""
        own = self.own.get(customer, {})
        names = dict.fromkeys((*self.shared, *own))
        return {name: [*self.shared.get(name, ()), *own.get(name, ())] for name in names}


def _files(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            logger.info("%s is passed over: hidden", quoted(path))
            continue
        argument = _FILES.get(path.name)
        if argument is None:
            raise InputError(f"config/{path.name} is not a file of this channel; accepted are {_ACCEPTED}")
        if argument in found:
            raise InputError(f"config/{found[argument].name} and config/{path.name}: keep one of them")
        found[argument] = path
    return found


def _rows(path: Path, argument: str) -> list[Row]:
    """Return the checked rows of a file."""
    name = f"config/{path.name}"
    try:
        content = read_file(path, most_bytes=MOST_BYTES)
    except UnusableFileError as error:
        raise InputError(f"config/{error}") from error
    read = _csv_rows if path.suffix == ".csv" else _json_rows
    found = list(read(name, content, argument))
    for place, row in found:
        try:
            row.update(_checked(row, argument))
        except ValueError as error:
            raise InputError(f"{name}, {place}: {error}") from error
    if "ds" in _NEEDED[argument]:
        _read_times(name, found)
    return [row for _, row in found]


def _read_times(name: str, found: Sequence[tuple[str, Row]]) -> None:
    """Write the times of all rows in one way, read as those of the customers' files are."""
    parsed = times([row["ds"] for _, row in found])
    for number, (place, row) in enumerate(found):
        if reason := parsed.reasons.get(number):
            raise InputError(f"{name}, {place}: ds {quoted(row['ds'])} {reason}")
        if np.isnat(parsed.values[number]):
            raise InputError(f"{name}, {place}: ds {quoted(row['ds'])} is no time")
        row["ds"] = str(parsed.values[number].astype("datetime64[s]"))


def _csv_rows(name: str, content: bytes, argument: str) -> Iterator[tuple[str, Row]]:
    try:
        names = [(column,) for column in _NEEDED[argument]]
        dialect = detect_dialect(content, names=names, whole=True)
        text = content.decode(dialect.encoding)
    except (DialectError, UnicodeDecodeError) as error:
        raise InputError(f"{name}: {error}") from error
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


def _csv_row(header: Sequence[str], cells: Sequence[str]) -> Row:
    if len(cells) != len(header):
        raise ValueError(f"{len(cells)} cells below a header of {len(header)} columns")
    row = {column: cell.strip() for column, cell in zip(header, cells, strict=True)}
    return {column: cell for column, cell in row.items() if cell != ""}


def _check_columns(header: Sequence[str], argument: str) -> None:
    accepted = (*_COLUMNS[argument], _CUSTOMER)
    unknown = [column for column in header if column not in accepted]
    missing = [column for column in _NEEDED[argument] if column not in header]
    if unknown:
        raise ValueError(f"unknown column {quoted(unknown[0])}; accepted are {', '.join(accepted)}")
    if missing:
        raise ValueError(f"the column {missing[0]} is missing; needed are {', '.join(_NEEDED[argument])}")
    if len(set(header)) < len(header):
        raise ValueError("a column is there twice")


def _json_rows(name: str, content: bytes, argument: str) -> Iterator[tuple[str, Row]]:
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
    """Return a row with its cells as `forecasting.fit` takes them; raise ValueError."""
    for column in _NEEDED[argument]:
        if row.get(column) in (None, ""):
            raise ValueError(f"{column} is missing")
    if ("lower_window" in row) != ("upper_window" in row):
        raise ValueError("lower_window and upper_window must both be there, or neither; 0 is no day more")
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
