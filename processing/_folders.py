"""Sorted lines of all customers in, one `<customer>/data.csv` after the other out."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TextIO

FILE_NAME = "data.csv"


def write_folders(
    chunks: Iterable[list[tuple[str, str]]], output: Path, *, header: str, mark: str = ".unfinished"
) -> Iterator[str]:
    """Write `<output>/<customer>/data.csv` for each customer; yield a customer once its file is whole.

    `chunks` hold pairs (customer, CSV line), sorted by customer across chunks; only one file is open and
    only one chunk is in memory at a time.  A file appears under its final name by rename.
    """
    customer: str | None = None
    file: TextIO | None = None
    try:
        for chunk in chunks:
            for name, pairs in groupby(chunk, itemgetter(0)):
                if name != customer:
                    if file is not None and customer is not None:
                        _finish(file)
                        yield customer
                    customer, file = name, _open(output / name / f"{FILE_NAME}{mark}", header)
                assert file is not None  # noqa: S101 -- opened with its customer
                file.write("\n".join(line for _, line in pairs) + "\n")
        if file is not None and customer is not None:
            _finish(file)
            yield customer
    finally:
        if file is not None:
            file.close()


def _open(path: Path, header: str) -> TextIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("w", encoding="utf-8", newline="")
    file.write(header + "\n")
    return file


def _finish(file: TextIO) -> None:
    file.close()
    unfinished = Path(file.name)
    unfinished.replace(unfinished.with_name(FILE_NAME))
