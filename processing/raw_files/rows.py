"""Splits the bytes of a raw CSV file into rows; a malformed row never affects the rows around it."""

import codecs
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple, Protocol

import numpy as np

from fleetcast.errors import FleetcastError
from processing.raw_files.batch import Batch, RefusedRow

BLOCK_BYTES: Final = 4 * 1024 * 1024
MOST_BYTES_OF_A_LINE: Final = 1024 * 1024
MOST_LINES_OF_A_ROW: Final = 100
"""Number of lines after which an open quote counts as never closed."""
NEWLINE: Final = b"\n"
_NAMES_OF_A_HEADER: Final = 2
"""Least number of a row's cells that must be names of selected columns, for the row to be a header."""


class Stream(Protocol):
    """Bytes to read."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, and b"" at the end."""


class SecondHeaderError(FleetcastError, ValueError):
    """A file has a second header that differs from the first, so the columns below it are unknown."""


class RowLayout(NamedTuple):
    """The dialect and the header of one file, and the columns to read."""

    delimiter: str
    quote: str
    header: tuple[str, ...]
    selected: tuple[int | str, ...]
    """The columns to read: an index of the header, or a text for every row."""

    @property
    def unnamed(self) -> int:
        """Number of columns at the end without a name; rows may leave them out."""
        return len(self.header) - max((place for place, name in enumerate(self.header, 1) if name), default=0)

    @property
    def names(self) -> frozenset[str]:
        """The names of the selected columns."""
        return frozenset(self.header[place] for place in self.selected if isinstance(place, int))


@dataclass(frozen=True)
class Block:
    """Complete lines of a file, in UTF-8, each with its newline."""

    content: bytes
    first: int
    """The number of its first line."""
    is_last: bool

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their newlines; bytes that are not UTF-8 become surrogates."""
        return self.content.decode(errors="surrogateescape").split("\n")[:-1]

    def after(self, count: int) -> "Block":
        """Return the block without its first `count` lines."""
        if count == 0:
            return self
        rest = b"" if self.content.count(NEWLINE) == count else self.content.split(NEWLINE, count)[count]
        return Block(rest, self.first + count, self.is_last)


def blocks(stream: Stream, encoding: str) -> Iterator[tuple[bytes, bool]]:
    """Yield pairs (complete lines of a file in UTF-8, whether they are the last).

    Lines may end as on Unix, Windows or the old Macintosh.  A line longer than `MOST_BYTES_OF_A_LINE` is
    truncated, but stays longer than that.  Raises UnicodeError for bytes that are not in `encoding`; bytes
    that are not UTF-8 are passed on unchanged.
    """
    rest, is_mac = b"", None
    for piece in _as_utf8(stream, encoding):
        if is_mac is None:
            is_mac = NEWLINE not in piece and b"\r" in piece
        content = rest + (piece.replace(b"\r", NEWLINE) if is_mac else piece)
        whole, newline, rest = content.rpartition(NEWLINE)
        if newline:
            yield whole.replace(b"\r\n", NEWLINE).removesuffix(b"\r") + NEWLINE, False
        rest = rest[: MOST_BYTES_OF_A_LINE + 1]
    yield rest.removesuffix(b"\r") + NEWLINE if rest else b"", True


def _as_utf8(stream: Stream, encoding: str) -> Iterator[bytes]:
    """Yield the bytes of a file in UTF-8, without its byte order mark."""
    if encoding not in {"utf-8", "utf-8-sig"}:
        decoder = codecs.getincrementaldecoder(encoding)()
        while piece := stream.read(BLOCK_BYTES):
            yield decoder.decode(piece).encode("utf-8", "surrogatepass")
        yield decoder.decode(b"", final=True).encode()
        return
    yield stream.read(BLOCK_BYTES).removeprefix(codecs.BOM_UTF8)
    while piece := stream.read(BLOCK_BYTES):
        yield piece


def header_lines(block: Block, layout: RowLayout) -> int:
    """Return the number of lines up to the end of the header, 0 if the block has no header."""
    lines = (line + "\n" for line in block.lines)
    reader = csv.reader(lines, delimiter=layout.delimiter, quotechar=layout.quote)
    return next((reader.line_num for row in reader if any(cell.strip() for cell in row)), 0)


class RowReader:
    """Splits blocks into rows of one layout."""

    def __init__(self, layout: RowLayout) -> None:
        self._layout = layout
        self._width = len(layout.header)
        self._delimiter = layout.delimiter.encode()
        self._special = (layout.quote.encode(), b"\0")
        self._names = [name.encode() for name in layout.names]

    def read(self, block: Block) -> tuple[Batch, int]:
        """Return the rows of a block and the number of their lines; the other lines belong to the next block.

        Raises SecondHeaderError.
        """
        cells = self._plain(block.content)
        if cells is None:
            return self._row_by_row(block)
        count = len(cells) // self._width
        columns = [
            cells[column : -1 : self._width] if isinstance(column, int) else [column] * count
            for column in self._layout.selected
        ]
        lines = range(block.first, block.first + count)
        return Batch(columns, lines, lambda place: block.lines[place]), count

    def _plain(self, content: bytes) -> list[str] | None:
        """Return the cells, and one '' more, if no line has quotes and all match the header; else None."""
        codes = np.frombuffer(content, np.uint8)
        separators = codes[(codes == ord(self._delimiter)) | (codes == ord(NEWLINE))]
        if any(special in content for special in self._special) or len(separators) % self._width:
            return None
        ends = separators.reshape(-1, self._width) == ord(NEWLINE)
        if not ends[:, -1].all() or ends[:, :-1].any():
            return None
        if content.find(NEWLINE) > MOST_BYTES_OF_A_LINE:  # only the first line of a block can be truncated
            return None
        if sum(name in content for name in self._names) >= _NAMES_OF_A_HEADER:
            return None
        try:
            return content.decode().replace("\n", self._layout.delimiter).split(self._layout.delimiter)
        except UnicodeDecodeError:
            return None

    def _row_by_row(self, block: Block) -> tuple[Batch, int]:
        rows: list[list[str]] = []
        spans: list[tuple[int, int]] = []
        refused: list[RefusedRow] = []
        place, lines = 0, block.lines
        while place < len(lines):
            cells, count, reason = self._row(lines, place)
            if not count:
                if not block.is_last and len(lines) - place < MOST_LINES_OF_A_ROW:
                    break
                count, reason = 1, "a quote is not closed"
            reason = reason or self._repeated_header(cells, block.first + place)
            if reason:
                refused.append(RefusedRow(block.first + place, lines[place], reason))
            elif cells:
                rows.append(cells)
                spans.append((place, place + count))
            place += count
        columns = [
            [row[column] for row in rows] if isinstance(column, int) else [column] * len(rows)
            for column in self._layout.selected
        ]
        numbers = [block.first + start for start, _ in spans]
        return Batch(columns, numbers, lambda row: "\n".join(lines[slice(*spans[row])]), refused), place

    def _repeated_header(self, cells: Sequence[str], line: int) -> str | None:
        names = [cell.strip() for cell in cells]
        if len(self._layout.names.intersection(names)) < _NAMES_OF_A_HEADER:
            return None
        if tuple(names) != self._layout.header:
            raise SecondHeaderError(
                f"has a second header in line {line}, with other columns than the first: split the file there"
            )
        return "it repeats the header"

    def _row(self, lines: Sequence[str], place: int) -> tuple[list[str], int, str | None]:
        """Return the cells of the row that begins at `place`, its number of lines, and the reason against it.

        A blank line and a row with a reason have no cells.  The number is 0 if a quote is not closed.
        """
        line = lines[place]
        if reason := _reason_against(line):
            return [], 1, reason
        if not line.strip(" "):
            return [], 1, None
        if self._layout.quote not in line:
            cells, count = line.split(self._layout.delimiter), 1
        else:
            try:
                cells, count = read_row(lines, place, self._layout)
            except csv.Error as error:
                return [], 1, str(error)
        cells = self._fitted(cells) if count else cells
        if count > 1 and len(cells) != self._width:  # a lost quote is more likely than lost lines
            return [], 1, "a quote is not closed"
        if count and len(cells) != self._width:
            return [], 1, misfit(len(cells), self._width)
        return cells, count, None

    def _fitted(self, cells: list[str]) -> list[str]:
        """Return the cells without empty ones beyond the header, filled up where the header has no names."""
        width = self._width
        while len(cells) > width and not cells[-1].strip():
            cells.pop()
        lacking = width - len(cells)
        return cells + [""] * lacking if 0 < lacking <= self._layout.unnamed else cells


def read_row(lines: Sequence[str], place: int, layout: RowLayout) -> tuple[list[str], int]:
    """Return the cells of a row with quotes and its number of lines, 0 if a quote is not closed.

    Raises csv.Error if the first line is not CSV.
    """
    ahead = (line + "\n" for line in lines[place : place + MOST_LINES_OF_A_ROW])
    has_blanks = f"{layout.delimiter} {layout.quote}" in lines[place]  # as in: 7, "2026-01-31"
    reader = csv.reader(
        ahead, delimiter=layout.delimiter, quotechar=layout.quote, strict=True, skipinitialspace=has_blanks
    )
    try:
        cells = next(reader)
    except csv.Error as error:
        if reader.line_num > 1 or "end of data" in str(error):
            return [], 0
        raise csv.Error(f"the quotes are not those of CSV ({error})") from error
    return cells, reader.line_num


def misfit(cells: int, width: int) -> str:
    """Return the reason against a row that has `cells` cells below a header of `width`."""
    cause = (
        "a delimiter within a cell, or a decimal comma, needs quotes"
        if cells > width
        else "the row is cut off"
    )
    return f"{cells} cells below a header of {width}: perhaps {cause}"


def _reason_against(line: str) -> str | None:
    if "\0" in line:
        return "it holds a NUL character"
    if (
        len(line) * 4 > MOST_BYTES_OF_A_LINE
        and len(line.encode(errors="surrogateescape")) > MOST_BYTES_OF_A_LINE
    ):
        return f"it is longer than {MOST_BYTES_OF_A_LINE} bytes"
    if not line.isascii():
        try:
            line.encode()
        except UnicodeEncodeError:
            return "it is not UTF-8: name the encoding, such as --encoding latin-1"
    return None
