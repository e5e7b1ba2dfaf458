"""Reads the columns of a customer's Parquet file; the time zone of the machine does not matter."""

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fleetcast.errors import DialectError, ReadingsError
from fleetcast.extras import require
from fleetcast.readings import (
    ParsedColumn,
    ReadingOptions,
    parse_numbers,
    parse_times,
    place_of,
    times_since_1970,
)
from fleetcast.readings.customer.source import (
    BOUNDS,
    OWNER,
    TIME_NAMES,
    VALUE_NAMES,
    Column,
    Source,
    check_owner,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

TIME_TYPES = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE")
INTEGER_TYPES = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
TEXT_TYPES = ("HUGEINT", "UHUGEINT", "DECIMAL", "VARCHAR", "ENUM", '"NULL"')
"""Types that are read as texts, which have all digits."""
FREE_TEXT_TYPES = ("VARCHAR", "ENUM")
"""Types whose numbers may have any decimal mark."""
NUMERIC_COLUMNS = (VALUE_NAMES[0], *BOUNDS)
"""Columns that do not accept true and false."""
NEVER = 2**63 - 1
"""Value of an infinite time, in microseconds since 1970; it is later than any accepted time."""
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "threads": 1,
}


def parquet_source(path: Path, columns: Sequence[str], options: ReadingOptions) -> Source:
    """Return the columns of a Parquet file; raises ReadingsError, also for a type that is not accepted."""
    require("duckdb", extra="process")
    import duckdb  # noqa: PLC0415 -- 40 ms that a job without Parquet does not pay

    try:
        relation = duckdb.connect(config=CONFIG).read_parquet(glob.escape(str(path)), hive_partitioning=False)
        header = relation.columns
        types = [str(kind).partition("(")[0] for kind in relation.types]
        places = _places(path, header, columns)
        for name, place in places.items():
            _check_type(path, header[place], types[place], name)
        selected = [
            f"{_selected(header[place], types[place], name)} AS column_{order}"
            for order, (name, place) in enumerate(places.items())
        ]
        owner = place_of(header, (OWNER,))
        if owner is not None:
            check_owner(path.name, relation.project(_quoted(header[owner])).distinct().limit(2).fetchall())
        arrays = relation.project(", ".join(selected)).fetchnumpy()
    except duckdb.Error as error:
        raise ReadingsError(
            f"{path.name} is not readable Parquet: {str(error).splitlines()[0][:200]}"
        ) from error
    except DialectError as error:
        raise ReadingsError(f"{path.name} {error}") from error
    time, value, *further = (
        _column(name, types[place], column, options)
        for (name, place), column in zip(places.items(), arrays.values(), strict=True)
    )
    if not len(time.parsed.values):
        raise ReadingsError(f"{path.name} has no readings")
    names = list(places)[2:]
    return Source(
        path.name, time, value, dict(zip(names, further, strict=True)), lambda row: f"row {row + 1}"
    )


def _places(path: Path, header: Sequence[str], columns: Sequence[str]) -> dict[str, int]:
    """Return the index of each column, time and reading first."""
    time, value = (place_of(header, names) for names in (TIME_NAMES, VALUE_NAMES))
    if time is None or value is None:
        raise ReadingsError(
            f"{path.name} needs the columns {TIME_NAMES[0]} and {VALUE_NAMES[0]} (or ds and y); "
            f"its columns are {', '.join(header)[:100]}"
        )
    found = {name: place_of(header, (name,)) for name in (*columns, *BOUNDS)}
    missing = [name for name in columns if found[name] is None]
    if missing:
        raise ReadingsError(f"{path.name} has no column {' and no column '.join(missing)}")
    further = {name: place for name, place in found.items() if place is not None}
    return {TIME_NAMES[0]: time, VALUE_NAMES[0]: value} | further


def _check_type(path: Path, column: str, kind: str, name: str) -> None:
    accepted: tuple[str, ...]
    if name == TIME_NAMES[0]:
        accepted = (*TIME_TYPES, *INTEGER_TYPES, "DOUBLE", *TEXT_TYPES)
        content = "times: accepted are timestamps, dates, integers, DOUBLE, DECIMAL and texts"
    elif name in NUMERIC_COLUMNS:
        accepted = (*INTEGER_TYPES, "FLOAT", "DOUBLE", *TEXT_TYPES)
        content = "readings: accepted are integers, FLOAT, DOUBLE, DECIMAL and texts"
    else:
        accepted = (*INTEGER_TYPES, "FLOAT", "DOUBLE", *TEXT_TYPES, "BOOLEAN")
        content = "numbers: accepted are integers, FLOAT, DOUBLE, DECIMAL, BOOLEAN and texts"
    if kind not in accepted:
        raise ReadingsError(f"{path.name} has a column {column!r} of type {kind}, which holds no {content}")


def _selected(column: str, kind: str, name: str) -> str:
    """Return the SQL expression of a column as microseconds since 1970, as DOUBLE, or as VARCHAR."""
    quoted = _quoted(column)
    if kind in TIME_TYPES:
        micros = f"epoch_ns({quoted}) // 1000" if kind == "TIMESTAMP_NS" else f"epoch_us({quoted})"
        return f"CASE WHEN isfinite({quoted}) THEN {micros} WHEN {quoted} IS NOT NULL THEN {NEVER} END"
    if name == TIME_NAMES[0] and kind == "DOUBLE":
        whole, digits = f"{quoted} = trunc({quoted}) AND abs({quoted}) < 1e20", f"CAST({quoted} AS HUGEINT)"
        return f"CASE WHEN {whole} THEN CAST({digits} AS VARCHAR) ELSE CAST({quoted} AS VARCHAR) END"
    if name == TIME_NAMES[0] or kind in TEXT_TYPES:
        return f"CAST({quoted} AS VARCHAR)"
    return f"CAST({quoted} AS DOUBLE)"


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _column(name: str, kind: str, column: "NDArray[Any]", options: ReadingOptions) -> Column:
    missing: NDArray[np.bool_] = np.ma.getmaskarray(column)
    values: NDArray[Any] = np.ma.getdata(column)
    if kind in TIME_TYPES:
        return Column(
            times_since_1970(values, missing), lambda row: _moment(values[row], missing=missing[row])
        )
    if values.dtype == np.float64:
        infinite = np.isinf(values) & ~missing
        reasons = dict.fromkeys(np.flatnonzero(infinite).tolist(), "is an infinite number")
        return Column(ParsedColumn(np.where(missing, np.nan, values), reasons), lambda row: str(values[row]))
    texts = ["" if absent else text for text, absent in zip(values.tolist(), missing.tolist(), strict=True)]
    if name == TIME_NAMES[0]:
        return Column(parse_times(texts, date_format=options.date_format), texts.__getitem__)
    decimal = (options.decimal if kind in FREE_TEXT_TYPES else None) or "."
    return Column(
        parse_numbers(texts, decimal=decimal, booleans=name not in NUMERIC_COLUMNS), texts.__getitem__
    )


def _moment(micros: np.int64, *, missing: bool) -> str:
    if missing:
        return ""
    return "infinity" if micros == NEVER else str(micros.astype("datetime64[us]"))
