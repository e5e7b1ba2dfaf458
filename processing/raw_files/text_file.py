"""Reads the rows of a raw CSV file."""

from collections.abc import Iterator, Sequence
from typing import Final

from container import quoted
from fleetcast import readings
from fleetcast.errors import DamagedFileError, DialectError, InputError
from fleetcast.readings import ReadingOptions
from processing.raw_files.batch import Batch
from processing.raw_files.find import RawFile
from processing.raw_files.rows import (
    Block,
    RowLayout,
    RowReader,
    SecondHeaderError,
    Stream,
    blocks,
    header_lines,
)

HEAD_BYTES: Final = 64 * 1024
"""Number of bytes at the start of a file from which its dialect is detected."""


class EmptyFileError(InputError):
    """A file is empty, as some programs write one beside the others."""


class TextFile:
    """A CSV file of any dialect, plain or compressed with gzip."""

    def __init__(self, file: RawFile, names: Sequence[str], options: ReadingOptions) -> None:
        """Detect the dialect; raises InputError if it is ambiguous, EmptyFileError if there is no text."""
        self._file = file
        required = [(name,) for name in names if name not in file.partition]
        try:
            with readings.open_verified(file.path) as stream:
                head = stream.read(HEAD_BYTES)
            if not head.strip():
                raise EmptyFileError(f"{quoted(file.name)} is not read: it is empty")
            whole = len(head) < HEAD_BYTES
            self._dialect = readings.detect_dialect(head, names=required, options=options, whole=whole)
        except (DamagedFileError, DialectError) as error:
            raise self._refused(error) from error

    @property
    def columns(self) -> Sequence[str]:
        """The cells of the header."""
        return self._dialect.header

    @property
    def decimal(self) -> str:
        """The decimal mark of its numbers."""
        return self._dialect.decimal

    def check(self, selected: Sequence[int | str]) -> None:
        """Accept all columns, because texts have one type."""

    def batches(self, selected: Sequence[int | str]) -> Iterator[Batch]:
        """Yield the rows of the selected columns: indices of `columns`, or a text for every row.

        Raises InputError if the file is damaged or not in its encoding to the end; do not use the rows that
        were read until then.
        """
        try:
            with readings.open_verified(self._file.path) as stream:
                yield from self._batches(stream, tuple(selected))
        except UnicodeError as error:
            raise self._refused(f"is not {self._dialect.encoding} to its end; set --encoding") from error
        except (DamagedFileError, SecondHeaderError) as error:
            raise self._refused(error) from error

    def _batches(self, stream: Stream, selected: tuple[int | str, ...]) -> Iterator[Batch]:
        layout = RowLayout(self._dialect.delimiter, self._dialect.quote, self._dialect.header, selected)
        reader, rest, line, has_header = RowReader(layout), b"", 1, False
        for content, is_last in blocks(stream, self._dialect.encoding):
            block = Block(rest + content, line, is_last)
            if not has_header:
                header = header_lines(block, layout)
                block, has_header = block.after(header), header > 0
            batch, count = reader.read(block)
            if batch.lines or batch.refused:
                yield batch
            rest, line = block.after(count).content, block.first + count

    def _refused(self, error: Exception | str) -> InputError:
        predicate = str(error).removeprefix(f"{self._file.path.name} ")
        return InputError(f"{quoted(self._file.name)} {predicate}")
