"""Splits a CSV file in memory into columns; a row that does not match the header refuses the file."""

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fleetcast.errors import RowError
from fleetcast.readings.columns import Texts
from fleetcast.readings.tables.dialect import Dialect, decode_text

NEWLINE = ord("\n")
ASCII_INSIDE = ("utf-8", "utf-8-sig", "ascii", "iso8859-1", "cp1252", "latin-1")
"""Codecs in which an ASCII byte is never a part of another character."""
MOST_CHARACTERS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Table:
    """Cells by column."""

    header: tuple[str, ...]
    """The cells of the first line, without empty ones at its end."""
    columns: Sequence[Texts]
    """The cells of each column of the header, without the first line if it is a header."""
    line_of: Callable[[int], int]
    """Returns the line of a row of `columns`, from 1."""
    notes: tuple[str, ...] = ()


def parse_plain_table(content: bytes, dialect: Dialect, *, has_header: bool) -> Table | None:
    """Return the columns of a file without quotes whose rows all have as many cells; None for other files.

    It takes a tenth of the time of `parse_table`.  Repeated headers and lines without a cell are not skipped,
    so use `parse_table` if a text of the columns is refused.
    """
    if dialect.encoding not in ASCII_INSIDE or not dialect.header[-1] or b'"' in content or b"\0" in content:
        return None
    content = content.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n").removesuffix(b"\n") + b"\n"
    mark, width = dialect.delimiter.encode(), len(dialect.header)
    codes = np.frombuffer(content, np.uint8)
    separators = codes[(codes == mark[0]) | (codes == NEWLINE)]
    if len(separators) % width or b"\r" in content:
        return None
    rows = separators.reshape(-1, width)
    if (rows[:, -1] != NEWLINE).any() or (rows[:, :-1] != mark[0]).any():
        return None
    cells = content.replace(b"\n", mark).split(mark)
    first = int(has_header)
    columns = [cells[first * width + place : -1 : width] for place in range(width)]
    return Table(dialect.header, columns, lambda row: row + 1 + first)


def parse_table(content: bytes, dialect: Dialect, *, has_header: bool) -> Table:
    """Return the columns of a file; raises RowError for the first line that does not match the header.

    Lines without a cell and lines that repeat the header are skipped; `notes` counts the latter.
    """
    names = list(dialect.header)
    width = max(place for place, name in enumerate(names, 1) if name)
    rows: list[list[str]] = []
    lines: list[int] = []
    repeated: list[int] = []
    for line, row in _rows(content, dialect):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if has_header and cells == names:
            repeated.append(line)
            continue
        if len(cells) < width or any(cells[width:]):
            raise RowError(_misfit(line, cells, width, dialect.delimiter))
        rows.append(cells[:width])
        lines.append(line)
    columns = list(zip(*rows, strict=True)) or [()] * width
    return Table(tuple(names[:width]), columns, lines.__getitem__, _notes(repeated[1:]))


def _rows(content: bytes, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the line that it begins at."""
    text = decode_text(content, dialect.encoding)
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise RowError(
            f"line {line} has a NUL character: the file is damaged, or its encoding is another one"
        )
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=dialect.delimiter, skipinitialspace=True, strict=True
    )
    line = 1
    try:
        for row in reader:
            yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise RowError(f"line {line} has a quote that does not close, or text after one: {error}") from None


def _misfit(line: int, cells: Sequence[str], width: int, delimiter: str) -> str:
    shown = delimiter.join(cells)[:MOST_CHARACTERS_SHOWN]
    count = f"{len(cells)} of {width}: {shown!r}"
    if len(cells) < width:
        return f"line {line} has too few cells, {count}; it may be cut off"
    if delimiter == ",":
        return f"line {line} has too many cells, {count}; is there a comma in a number? Write 7.5 and 1234.5"
    return f"line {line} has too many cells, {count}; the header must name each column"


def _notes(repeated: Sequence[int]) -> tuple[str, ...]:
    if not repeated:
        return ()
    return (
        f"lines skipped because they repeat the header: {len(repeated)}, the first is line {repeated[0]}",
    )
