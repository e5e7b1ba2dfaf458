"""Reads the columns of a customer's CSV file, plain or compressed with gzip."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from fleetcast.errors import DamagedFileError, DialectError, EncodingError, ReadingsError, RowError
from fleetcast.readings import (
    Dialect,
    ParsedColumn,
    ReadingOptions,
    Table,
    Texts,
    decimal_of,
    decompress,
    detect_dialect,
    is_reading,
    parse_numbers,
    parse_plain_table,
    parse_table,
    parse_times,
    place_of,
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

MOST_BYTES = 256 * 1024 * 1024
"""Most bytes of a file, both compressed and decompressed."""
HEAD_BYTES = 64 * 1024
"""Number of bytes at the start of a file from which its dialect is detected."""
TIME_AND_VALUE = 2


def csv_source(path: Path, content: bytes, columns: Sequence[str], options: ReadingOptions) -> Source:
    """Return the columns of a CSV file; raises ReadingsError if the file or a row is damaged or ambiguous."""
    try:
        if path.suffix.lower() == ".gz":
            content = decompress(content, path.name, most_bytes=MOST_BYTES)
        try:
            return _source(path, content, columns, options)
        except EncodingError:
            # times and numbers are ASCII, which latin-1 decodes like every other encoding without a mark
            return _source(path, content, columns, dataclasses.replace(options, encoding="latin-1"))
    except DamagedFileError as error:
        raise ReadingsError(str(error)) from error
    except DialectError as error:
        raise ReadingsError(f"{path.name} {error}") from error
    except RowError as error:
        raise ReadingsError(f"{path.name}, {error}") from error


def _source(path: Path, content: bytes, columns: Sequence[str], options: ReadingOptions) -> Source:
    names = (TIME_NAMES, VALUE_NAMES, *((name,) for name in columns))
    whole = len(content) <= HEAD_BYTES
    dialect = detect_dialect(content[:HEAD_BYTES], names=names, options=options, whole=whole)
    places = _places(path, dialect, columns, options)
    has_header = places is not None
    places = places or dict(zip((TIME_NAMES[0], VALUE_NAMES[0]), range(TIME_AND_VALUE), strict=True))
    plain = parse_plain_table(content, dialect, has_header=has_header)
    if plain is not None:
        source = _columns(path, plain, places, dialect, options)
        if not any(column.parsed.reasons for column in (source.time, source.value, *source.further.values())):
            return source
    return _columns(path, parse_table(content, dialect, has_header=has_header), places, dialect, options)


def _places(
    path: Path, dialect: Dialect, columns: Sequence[str], options: ReadingOptions
) -> dict[str, int] | None:
    """Return the index of each column in the header, time and reading first; None without a header."""
    header = dialect.header
    time, value = (place_of(header, names) for names in (TIME_NAMES, VALUE_NAMES))
    if time is None or value is None:
        first = dialect.delimiter.join(header)[:100]
        if not is_reading(header, options):
            raise ReadingsError(
                f"{path.name} needs the columns {TIME_NAMES[0]} and {VALUE_NAMES[0]} (or ds and y), "
                f"or no header at all; its first line is {first!r}"
            )
        if len(header) != TIME_AND_VALUE:
            raise ReadingsError(
                f"{path.name} has {len(header)} columns without a header, and which of them is the reading "
                f"is unknown; its first line is {first!r}; name the columns in a first line"
            )
        if columns:
            raise ReadingsError(
                f"{path.name} has no header, and so no column {' and no column '.join(columns)}"
            )
        return None
    further = {name: place_of(header, (name,)) for name in (*columns, *BOUNDS)}
    missing = [name for name in columns if further[name] is None]
    if missing:
        raise ReadingsError(f"{path.name} has no column {' and no column '.join(missing)}")
    present = {name: place for name, place in further.items() if place is not None}
    return {TIME_NAMES[0]: time, VALUE_NAMES[0]: value} | present


def _columns(
    path: Path, cells: Table, places: dict[str, int], dialect: Dialect, options: ReadingOptions
) -> Source:
    time = cells.columns[places[TIME_NAMES[0]]]
    if not len(time):
        raise ReadingsError(f"{path.name} has no readings")
    owner = place_of(cells.header, (OWNER,))
    if owner is not None:
        check_owner(path.name, set(cells.columns[owner]))
    texts = {name: cells.columns[place] for name, place in places.items() if name != TIME_NAMES[0]}
    parsed = _numbers(texts, dialect.decimal)
    if (
        any(column.reasons for column in parsed.values())
        and options.decimal is None
        and dialect.delimiter != ","
    ):
        parsed = _numbers(texts, decimal_of(_text(text) for column in texts.values() for text in column))
    further = {name: _column(parsed[name], texts[name]) for name in texts if name != VALUE_NAMES[0]}
    return Source(
        name=path.name,
        time=_column(parse_times(time, date_format=options.date_format), time),
        value=_column(parsed[VALUE_NAMES[0]], texts[VALUE_NAMES[0]]),
        further=further,
        place=lambda row: f"line {cells.line_of(row)}",
        notes=cells.notes,
    )


def _numbers(texts: Mapping[str, Texts], decimal: str) -> dict[str, ParsedColumn]:
    plain = (VALUE_NAMES[0], *BOUNDS)
    return {
        name: parse_numbers(column, decimal=decimal, booleans=name not in plain)
        for name, column in texts.items()
    }


def _column(parsed: ParsedColumn, texts: Texts) -> Column:
    return Column(parsed, lambda row: _text(texts[row]))


def _text(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("utf-8", errors="replace")
