"""The table of the models that were loaded by name, in a SQLite file that all workers share.

`POST /models` reads the folder once, checks that the model can forecast, and stores its content.  So every
worker forecasts with the same version, even if the folder changes afterwards; each caches the models that it
has used.
"""

import json
import logging
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final, NamedTuple

from container import free_bytes
from fleetcast.archive import Archive
from serving.errors import (
    AlreadyLoadedError,
    ModelNotFoundError,
    RequestError,
    UnavailableError,
    no_memory,
)
from serving.models import (
    METADATA_FIELDS,
    Forecaster,
    Packed,
    check_model_name,
    load_archive,
    read_below,
)

logger = logging.getLogger(__name__)

BUSY_SECONDS: Final = 10.0
"""How long a statement waits for another worker's write before its request is answered 503."""
COMPRESSION_LEVEL: Final = 1
"""zlib's fastest: a model of 5 KB takes 1.7 KB, as with its slowest."""
_SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS models (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name BLOB NOT NULL UNIQUE,
        url TEXT NOT NULL,
        content BLOB NOT NULL
    )"""


_BETWEEN: Final = b"\n"
"""Separates head and model in a content; JSON on one line has no such byte."""
_ERRORS: Final = "surrogatepass"
"""A model's text may hold what JSON's escapes allow and UTF-8 does not."""


class LoadedModel(NamedTuple):
    """The name of a loaded model, and the folder that it was loaded from."""

    name: str
    url: str


class LoadedModelsTable:
    """Loads, lists and unloads models; a `ModelStore` for the cache of each worker.  Thread-safe."""

    def __init__(self, file: Path, *, folder: Path, reserve_bytes: int) -> None:
        """Open the table in `file`, or create it.

        Models lie below `folder`.  With less than `reserve_bytes` of free memory a load is refused.
        """
        self._file = file
        self._folder = folder
        self._reserve_bytes = reserve_bytes
        self._lock = Lock()
        self._database = sqlite3.connect(
            file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = OFF")  # the file lives only as long as the server
        self._database.execute(_SCHEMA)

    def load(self, name: str, url: str) -> None:
        """Load the model in the folder `url` under `name`; raise a `RequestError` if that is not possible."""
        check_model_name(name)
        key = _key(name)
        if self._execute("SELECT 1 FROM models WHERE name = ?", key):
            raise AlreadyLoadedError(f"model {name!r} is loaded already; unload it first")
        if free_bytes() < self._reserve_bytes:
            raise no_memory()
        archive = read_below(Path(url), store=self._folder)
        load_archive(archive)
        try:
            self._execute(
                "INSERT INTO models (name, url, content) VALUES (?, ?, ?)", key, url, _stored(archive)
            )
        except sqlite3.IntegrityError:
            raise AlreadyLoadedError(f"model {name!r} is loaded already; unload it first") from None

    def unload(self, name: str) -> None:
        """Remove a model; raise `ModelNotFoundError`."""
        if not self._execute("DELETE FROM models WHERE name = ? RETURNING 1", _key(name)):
            raise _not_loaded(name)

    def describe(self, name: str) -> LoadedModel:
        """Return a model's entry; raise `ModelNotFoundError`."""
        rows = self._execute("SELECT url FROM models WHERE name = ?", _key(name))
        if not rows:
            raise _not_loaded(name)
        return LoadedModel(name, rows[0][0])

    def page(self, *, limit: int, after: int) -> tuple[list[LoadedModel], int | None]:
        """Return up to `limit` models in the order of loading, and the `after` of the next page."""
        rows = self._execute(
            "SELECT id, name, url FROM models WHERE id > ? ORDER BY id LIMIT ?", after, limit + 1
        )
        models = [LoadedModel(name.decode(), url) for _, name, url in rows[:limit]]
        return models, rows[limit - 1][0] if len(rows) > limit else None

    def read(self, name: str, *, known_version: str | None = None) -> Packed | None:
        """See `ModelStore`; `load_stored` makes the content into a model."""
        rows = self._execute("SELECT id FROM models WHERE name = ?", _key(name))
        if rows and str(rows[0][0]) == known_version:
            return None
        rows = self._execute("SELECT id, content FROM models WHERE name = ?", _key(name))
        if not rows:
            raise _not_loaded(name)
        return Packed(rows[0][1], str(rows[0][0]))

    @contextmanager
    def _request_errors(self) -> Iterator[None]:
        """Turn SQLite's errors about a full disk or a long wait into `UnavailableError`."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
                logger.error("the list of models in %s cannot be written: %s", self._file.parent, error)  # noqa: TRY400
                raise UnavailableError("the server's disk is full or failing; nothing was changed") from error
            raise UnavailableError("the model registry is locked by another load; retry") from error

    def _execute(self, statement: str, *values: object) -> list[Any]:
        with self._lock, self._request_errors():
            return self._database.execute(statement, values).fetchall()


def load_stored(content: bytes) -> Forecaster:
    """Return the model in a content of the table."""
    head, _, model = zlib.decompress(content).partition(_BETWEEN)
    metadata, is_text = json.loads(head)
    return load_archive(Archive(model.decode(errors=_ERRORS) if is_text else model, metadata))


def _stored(archive: Archive) -> bytes:
    """Return the content for the table, compressed: a line with metadata and the kind of model, the model."""
    metadata = {field: archive.metadata[field] for field in METADATA_FIELDS if field in archive.metadata}
    is_text = isinstance(archive.model, str)
    model = archive.model.encode(errors=_ERRORS) if isinstance(archive.model, str) else archive.model
    return zlib.compress(json.dumps([metadata, is_text]).encode() + _BETWEEN + model, COMPRESSION_LEVEL)


def _key(name: str) -> bytes:
    return name.encode(errors="replace")


def _not_loaded(name: str) -> RequestError:
    return ModelNotFoundError(f"model {name[:100]!r} is not loaded; POST /models loads it")
