"""Collects the rows that cannot be used, writes them to `rejected.csv` and logs a summary."""

import csv
import logging
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

from container import one_line, quoted
from fleetcast.archive import NewFile, remove_unfinished, sync_folder
from processing.output.disk import name_in_errors
from processing.raw_files import RefusedRow

logger = logging.getLogger(__name__)

HEADER: Final = ("file", "line", "row", "reason")
MOST_CHARACTERS: Final = 1_000
"""Most characters of a row; the middle of a longer one is left out."""
MOST_FILES: Final = 20
"""Most files in the log."""


class RejectedRows:
    """The rows that were refused so far, in a temporary file, and their number by input file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(HEADER)
        self._counts: Counter[str] = Counter()
        self._first: dict[str, tuple[int, str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with name_in_errors(self._path):
            self._file.close()

    @property
    def total(self) -> int:
        """Number of refused rows."""
        return self._counts.total()

    def add(self, name: str, refused: Iterable[RefusedRow]) -> None:
        """Add rows of the file `name`; raises OSError."""
        with name_in_errors(self._path):
            for row in refused:
                self._first.setdefault(name, (row.line, row.reason))
                self._counts[name] += 1
                self._writer.writerow((one_line(name), row.line, _shortened(one_line(row.row)), row.reason))

    def write(self, path: Path) -> None:
        """Write all rows to `path`, complete or not at all; without a row, remove the file of an earlier run.

        Raises OSError.
        """
        with name_in_errors(self._path):
            self._file.flush()
        if not self._counts:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_unfinished(path.parent)
        with NewFile(path) as new:
            shutil.copyfile(self._path, new.temporary)
            new.finish()
        sync_folder(path.parent)

    def log(self) -> None:
        """Log the number of refused rows of each file, and the first of them."""
        for name, count in self._counts.most_common(MOST_FILES):
            logger.warning(
                "%s: %d rows rejected; the first, line %d: %s", quoted(name), count, *self._first[name]
            )
        if len(self._counts) > MOST_FILES:
            logger.warning("%d more files have rejected rows", len(self._counts) - MOST_FILES)


def _shortened(row: str) -> str:
    half = MOST_CHARACTERS // 2
    return row if len(row) <= MOST_CHARACTERS else f"{row[:half]} ... {row[-half:]}"
