"""The bundle: the archives of many customers in one SQLite file.

Its table `archives` has the customer's name, in the bytes of a file name, and the bytes of the `.tar.gz`.
"""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from fleetcast.archive.atomic_files import NewFile, sync_folder, write_error
from fleetcast.errors import ArchiveError

ARCHIVES_PER_COMMIT: Final = 1_000
_SELECT_NAMES: Final = "SELECT customer FROM archives ORDER BY customer"
_SELECT_SIZE: Final = "SELECT length(archive) FROM archives WHERE customer = ?"
_SELECT_ARCHIVE: Final = "SELECT archive FROM archives WHERE customer = ?"
_SCHEMA: Final = "CREATE TABLE archives (customer BLOB PRIMARY KEY, archive BLOB NOT NULL)"


class BundleWriter:
    """A context that collects archives in a temporary file; `finish` gives it the name `path`."""

    def __init__(self, path: Path) -> None:
        self._file = NewFile(path)
        self._archives = 0
        try:
            self._database = sqlite3.connect(self._file.temporary)
            self._database.execute("PRAGMA journal_mode = OFF")  # an unfinished bundle is removed as a whole
            self._database.execute("PRAGMA synchronous = OFF")
            self._database.execute(_SCHEMA)
        except sqlite3.Error as error:
            raise write_error(path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()
        self._file.discard()

    def add(self, customer: str, packed: bytes) -> None:
        """Add the bytes of a customer's `.tar.gz`, in place of any before; raises FilesystemError."""
        try:
            self._database.execute(
                "INSERT OR REPLACE INTO archives VALUES (?, ?)", (os.fsencode(customer), packed)
            )
            self._archives += 1
            if self._archives % ARCHIVES_PER_COMMIT == 0:
                self._database.commit()
        except sqlite3.Error as error:
            raise write_error(self._file.path, error) from error

    def finish(self) -> None:
        """Sync the bundle to the disk and rename it to its path; raises FilesystemError."""
        try:
            self._database.commit()
            self._database.close()
        except sqlite3.Error as error:
            raise write_error(self._file.path, error) from error
        self._file.finish()
        sync_folder(self._file.path.parent)


class BundleReader:
    """Reads single archives from a bundle; for one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Open the file; raises ArchiveError if it cannot be opened."""
        self._path = path
        try:
            # A new bundle is renamed over this one and never written into it: an open bundle does not change.
            self._database = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def customers(self) -> Iterator[str]:
        """Yield the names of all customers, sorted; raise ArchiveError if the file is not a bundle."""
        try:
            for (key,) in self._database.execute(_SELECT_NAMES):
                yield os.fsdecode(key)
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def find(self, customer: str, *, most_bytes: int) -> bytes | None:
        """Return the bytes of the customer's `.tar.gz`, or None if the bundle does not have the customer.

        Raises ArchiveError if the archive has more than `most_bytes` bytes, or the file is not a bundle.
        """
        try:
            size = self._database.execute(_SELECT_SIZE, (os.fsencode(customer),)).fetchone()
            if size is None:
                return None
            if size[0] > most_bytes:
                raise ArchiveError(f"the archive is larger than {most_bytes} bytes")
            (packed,) = self._database.execute(_SELECT_ARCHIVE, (os.fsencode(customer),)).fetchone()
        except sqlite3.Error as error:
            raise self._failed(error) from error
        return bytes(packed)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _failed(self, error: Exception) -> ArchiveError:
        return ArchiveError(f"the bundle {self._path.name} cannot be read: {error}")


def read_bundle(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the pairs (customer, bytes of the `.tar.gz`) of a bundle, sorted by customer."""
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        for key, packed in database.execute("SELECT customer, archive FROM archives ORDER BY customer"):
            yield os.fsdecode(key), packed
    finally:
        database.close()
