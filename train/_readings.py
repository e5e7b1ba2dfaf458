"""One customer's file in, arrays out; every way a file can be bad has its own sentence."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Times: TypeAlias = NDArray[np.datetime64]
Vector: TypeAlias = NDArray[np.float64]

TIME_NAMES = ("timestamp", "ds")
VALUE_NAMES = ("consumption", "y")
MOST_BYTES = 256 * 1024 * 1024


class ReadingsError(ValueError):
    """A customer's file cannot be used; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class History:
    """The readings of one customer: `ds` datetime64[us] and `y` float64, both of shape (rows,)."""

    ds: Times
    y: Vector


def read_history(path: Path, content: bytes) -> History:
    """Return what `content`, the bytes of `path`, holds.

    CSV with the header `timestamp,consumption` or `ds,y` (other columns are passed over), or without a
    header; Parquet with those columns.  Raises `ReadingsError`.
    """
    if len(content) > MOST_BYTES:
        raise ReadingsError(f"{path.name} has more than {MOST_BYTES} bytes")
    times, values = _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path, content)
    if not times:
        raise ReadingsError(f"{path.name} has no readings")
    return History(_times(path, times), _values(path, values))


def _read_csv(path: Path, content: bytes) -> tuple[list[str], list[str]]:
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ReadingsError(f"{path.name} is not a UTF-8 CSV file: {error}") from error
    rows = [row for row in rows if row]
    if not rows:
        return [], []
    time, value, first = _columns(path, rows[0])
    try:
        return [row[time] for row in rows[first:]], [row[value] for row in rows[first:]]
    except IndexError:
        short = next(number for number, row in enumerate(rows, 1) if len(row) <= max(time, value))
        raise ReadingsError(f"{path.name}, row {short}: too few columns") from None


def _columns(path: Path, header: list[str]) -> tuple[int, int, int]:
    """Return the places of time and value, and the first row that holds a reading."""
    time = next((header.index(name) for name in TIME_NAMES if name in header), None)
    value = next((header.index(name) for name in VALUE_NAMES if name in header), None)
    if time is not None and value is not None:
        return time, value, 1
    if len(header) > 1 and _is_time(header[0]):
        return 0, 1, 0
    raise ReadingsError(
        f"{path.name} needs the columns {TIME_NAMES[0]} and {VALUE_NAMES[0]} (or ds and y), "
        f"or no header at all; its first line is {','.join(header)[:100]!r}"
    )


def _read_parquet(path: Path) -> tuple[list[str], list[str]]:
    import duckdb  # noqa: PLC0415 -- 40 ms that a job without Parquet does not pay

    try:
        table = duckdb.connect().read_parquet(str(path))
        time, value, _ = _columns(path, table.columns)
        names = (f'CAST("{table.columns[place]}" AS VARCHAR)' for place in (time, value))
        rows = table.project(", ".join(names)).fetchall()
    except duckdb.Error as error:
        raise ReadingsError(f"{path.name} is not readable Parquet: {str(error).splitlines()[0]}") from error
    return [row[0] or "" for row in rows], [row[1] or "" for row in rows]


def _times(path: Path, texts: list[str]) -> Times:
    try:
        times = np.array([text.strip().replace(" ", "T") for text in texts], dtype="datetime64[us]")
    except ValueError:
        bad = next(text for text in texts if not _is_time(text))
        raise ReadingsError(f"{path.name}: {bad!r} is not a time such as 2026-01-31 13:45:00") from None
    if np.isnat(times).any():
        raise ReadingsError(f"{path.name} has a reading without a time")
    return times


def _values(path: Path, texts: list[str]) -> Vector:
    try:
        values = np.array([float(text or "nan") for text in texts])
    except ValueError as error:
        raise ReadingsError(f"{path.name}: {str(error).rpartition(': ')[2]} is not a number") from None
    if np.isinf(values).any():
        raise ReadingsError(f"{path.name} has an infinite reading")
    return values


def _is_time(text: str) -> bool:
    try:
        np.datetime64(text.strip().replace(" ", "T"), "us")
    except ValueError:
        return False
    return True
