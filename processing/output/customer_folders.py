"""Sorted lines of all customers in, one `<customer>/data.csv` after the other out."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TextIO

from processing.output.disk import naming
from processing.output.folder import FILE_NAME, MARK


def write_folders(
    chunks: Iterable[list[tuple[str, str]]], output: Path, *, header: str
) -> Iterator[tuple[str, int]]:
    """Write `<output>/<customer>/data.csv` for each customer.

    `chunks` hold pairs (customer, CSV line), sorted by customer and line across chunks; only one file is
    open and only one chunk is in memory at a time.  A file appears under its final name by rename.  Yields
    a customer once its file is whole, with the number of lines that are there more than once.
    """
    for customer, parts in _by_customer(chunks):
        again, last = 0, ""
        with _new_file(output / customer) as file:
            file.write(header + "\n")
            for lines in parts:
                file.write("\n".join(lines) + "\n")
                again += len(lines) - len(set(lines)) + (lines[0] == last)
                last = lines[-1]
        yield customer, again


def _by_customer(chunks: Iterable[list[tuple[str, str]]]) -> Iterator[tuple[str, Iterator[list[str]]]]:
    """Yield each customer with its lines in parts; a part is read before the next customer is asked for."""
    parts = (
        (customer, [line for _, line in pairs])
        for chunk in chunks
        for customer, pairs in groupby(chunk, itemgetter(0))
    )
    for customer, group in groupby(parts, itemgetter(0)):
        yield customer, (lines for _, lines in group)


@contextmanager
def _new_file(folder: Path) -> Iterator[TextIO]:
    """Open a file that gets its final name at the end of the block, and leaves nothing if that fails."""
    path = folder / f"{FILE_NAME}{MARK}"
    folder.mkdir(exist_ok=True)
    try:
        with naming(path), path.open("w", encoding="utf-8", newline="") as file:
            yield file
        path.replace(folder / FILE_NAME)
    except BaseException:
        path.unlink(missing_ok=True)
        with suppress(OSError):  # not empty: the file of an earlier run is there
            folder.rmdir()
        raise
