"""The models that were loaded by name, known to every process: a table in a SQLite file.

A model is checked when it is loaded, and its text goes into the table.  So every process answers from the
same version, whatever becomes of the folder meanwhile; each keeps what it has used in its own memory.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final, NamedTuple

from container import free_bytes
from fleetcast.archive import Archive, pack
from serving.errors import (
    AlreadyLoadedError,
    ModelNotFoundError,
    NoMemoryError,
    RequestError,
    UnavailableError,
)
from serving.models import METADATA_FIELDS, Packed, check_model_name, load_archive, read_below

logger = logging.getLogger(__name__)

MOST_PER_PAGE: Final = 1_000
BUSY_SECONDS: Final = 10.0
_SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS models (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name BLOB NOT NULL UNIQUE,
        url TEXT NOT NULL,
        packed BLOB NOT NULL
    )"""


class Described(NamedTuple):
    """A loaded model."""

    name: str
    url: str


class SharedModels:
    """Loads, lists, unloads; and is a `ModelStore` for the cache of each process.  For any thread."""

    def __init__(self, file: Path, *, folder: Path, reserve_bytes: int) -> None:
        """`folder` is that of SageMaker's models; with less than `reserve_bytes` free a model is refused."""
        self._file = file
        self._folder = folder
        self._reserve_bytes = reserve_bytes
        self._lock = Lock()
        self._database = sqlite3.connect(
            file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = OFF")  # it lives as long as the server
        self._database.execute(_SCHEMA)

    def load(self, name: str, url: str) -> None:
        """Make the model of a folder known as `name`; raises a `RequestError` that says what is wrong."""
        check_model_name(name)
        key = _key(name)
        if self._ask("SELECT 1 FROM models WHERE name = ?", key):
            raise AlreadyLoadedError(f"model {name!r} is loaded already")
        if free_bytes() < self._reserve_bytes:
            raise NoMemoryError("there is no memory for another model")
        archive = read_below(Path(url), store=self._folder)
        load_archive(archive)
        metadata = {field: archive.metadata[field] for field in METADATA_FIELDS if field in archive.metadata}
        packed = pack(Archive(archive.model, metadata))
        try:
            self._ask("INSERT INTO models (name, url, packed) VALUES (?, ?, ?)", key, url, packed)
        except sqlite3.IntegrityError:
            raise AlreadyLoadedError(f"model {name!r} is loaded already") from None

    def unload(self, name: str) -> None:
        """Forget a model; raises `ModelNotFoundError`."""
        if not self._ask("DELETE FROM models WHERE name = ? RETURNING 1", _key(name)):
            raise _not_loaded(name)

    def describe(self, name: str) -> Described:
        """Return a model; raises `ModelNotFoundError`."""
        found = self._ask("SELECT url FROM models WHERE name = ?", _key(name))
        if not found:
            raise _not_loaded(name)
        return Described(name, found[0][0])

    def page(self, *, limit: int, after: int) -> tuple[list[Described], int | None]:
        """Return up to `limit` models in the order of loading, and the `after` of the next page."""
        found = self._ask(
            "SELECT id, name, url FROM models WHERE id > ? ORDER BY id LIMIT ?", after, limit + 1
        )
        models = [Described(name.decode(), url) for _, name, url in found[:limit]]
        return models, found[limit - 1][0] if len(found) > limit else None

    def read(self, name: str, *, known_version: str | None = None) -> Packed | None:
        """See `ModelStore`."""
        found = self._ask("SELECT id FROM models WHERE name = ?", _key(name))
        if found and str(found[0][0]) == known_version:
            return None
        found = self._ask("SELECT id, packed FROM models WHERE name = ?", _key(name))
        if not found:
            raise _not_loaded(name)
        return Packed(found[0][1], str(found[0][0]))

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """Make what SQLite says of a full disk or a long wait into an answer."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
                logger.error("the list of models in %s cannot be written: %s", self._file.parent, error)  # noqa: TRY400
                raise UnavailableError("the server's disk is full or failing; nothing was changed") from error
            raise UnavailableError("the list of models is busy") from error

    def _ask(self, statement: str, *values: object) -> list[Any]:
        with self._lock, self._refusing():
            return self._database.execute(statement, values).fetchall()


def _key(name: str) -> bytes:
    return name.encode(errors="replace")


def _not_loaded(name: str) -> RequestError:
    return ModelNotFoundError(f"model {name[:100]!r} is not loaded")
