"""The model store: archives by key, in a directory, in a bundle or in S3.

Archives may be replaced at any time.  A read returns one whole version of an archive, or nothing if the
caller has that version already.
"""

import errno
import math
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final, Protocol

from fleetcast.archive import SUFFIX, BundleReader
from fleetcast.errors import ArchiveError, SettingError
from serving.errors import ModelNotFoundError, RequestError, UnavailableError
from serving.models.load import opened_below

MOST_PACKED_BYTES: Final = 8 * 1024 * 1024
"""Largest packed archive in bytes; a model.json of 16 MB packs to half of that."""
BUNDLES: Final = "fleet-*.sqlite"
"""File names of bundles in a directory."""
S3: Final = "s3://"
_BUNDLES_SECONDS: Final = 1.0
"""How often a directory is searched for bundles at most: it may have many other files."""
UNREACHABLE: Final = "the model store cannot be reached; retry in 1 second"
NOT_FOUND: Final = "the model store has no such model"
_GONE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EISDIR)
_OUTSIDE: Final = (errno.ELOOP, errno.EACCES, errno.EPERM, errno.ENXIO)


@dataclass(frozen=True, slots=True)
class Packed:
    """The bytes of an archive, and a text that differs between versions of it."""

    content: bytes
    version: str


class ModelStore(Protocol):
    """Archives by the key that `archive_key` returns; safe for any number of threads."""

    def read(self, key: str, *, known_version: str | None = None) -> Packed | None:
        """Return the archive, or None if its current version is `known_version`.

        Raises `ModelNotFoundError`, `UnavailableError`, and `RequestError` for an archive that cannot be
        read.
        """


def open_store(place: str) -> ModelStore:
    """Return the store of the setting MODEL_STORE; raises `SettingError`."""
    if place.startswith(S3):
        from serving.models.s3 import S3Store  # noqa: PLC0415 -- a directory needs no client of S3

        bucket, _, prefix = place.removeprefix(S3).partition("/")
        return S3Store(bucket=bucket, prefix=prefix)
    path = Path(place)
    if "://" in place or not path.exists():
        raise SettingError(f"MODEL_STORE must be a directory, a bundle or s3://bucket/prefix, not {place!r}")
    return DirectoryStore(path.absolute()) if path.is_dir() else BundleStore(path.absolute())


class DirectoryStore:
    """The archives below a directory, and in the bundles in it; links below it are not followed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._bundles = _Bundles(root)

    def read(self, key: str, *, known_version: str | None = None) -> Packed | None:
        """See `ModelStore`."""
        try:
            root = os.open(self._root, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
        except OSError as error:
            raise UnavailableError(UNREACHABLE) from error
        try:
            with opened_below(root, tuple(key.split("/"))) as file:
                return _read(file, known_version)
        except OSError as error:
            if error.errno not in _GONE:
                raise _failed(error) from error
        finally:
            os.close(root)
        return self._bundles.read(key, known_version=known_version)


class BundleStore:
    """The archives of one bundle, by customer."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._reader: BundleReader | None = None
        self._version = ""

    def read(self, key: str, *, known_version: str | None = None) -> Packed | None:
        """See `ModelStore`."""
        with self._lock:
            try:
                reader = self._current()
                if known_version == self._version:
                    return None
                content = reader.find(key.removesuffix(SUFFIX), most_bytes=MOST_PACKED_BYTES)
            except OSError as error:
                raise UnavailableError(UNREACHABLE) from error
            except ArchiveError as error:
                raise RequestError(f"the model cannot be used: {error}") from error
            if content is None:
                raise ModelNotFoundError(NOT_FOUND)
            return Packed(content, self._version)

    def _current(self) -> BundleReader:
        version = _version(self._path.stat())
        if self._reader is None or version != self._version:
            if self._reader is not None:
                self._reader.close()
            self._reader, self._version = BundleReader(self._path), version
        return self._reader


class _Bundles:
    """The bundles in a directory."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = Lock()
        self._stores: dict[Path, BundleStore] = {}
        self._searched_at = -math.inf

    def read(self, key: str, *, known_version: str | None) -> Packed | None:
        for store in self._current():
            try:
                return store.read(key, known_version=known_version)
            except ModelNotFoundError:
                continue
        raise ModelNotFoundError(NOT_FOUND)

    def _current(self) -> list[BundleStore]:
        with self._lock:
            if time.monotonic() > self._searched_at + _BUNDLES_SECONDS:
                paths = sorted(self._root.glob(BUNDLES))
                self._stores = {path: self._stores.get(path) or BundleStore(path) for path in paths}
                self._searched_at = time.monotonic()
            return list(self._stores.values())


def _read(file: int, known_version: str | None) -> Packed | None:
    """Return the content of a file; if it is overwritten meanwhile, gzip's checksum shows it later."""
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode):
        raise ModelNotFoundError(NOT_FOUND)
    if status.st_size > MOST_PACKED_BYTES:
        raise RequestError(f"the model cannot be used: the archive is larger than {MOST_PACKED_BYTES} bytes")
    version = _version(status)
    if version == known_version:
        return None
    with open(file, "rb", closefd=False) as content:
        return Packed(content.read(MOST_PACKED_BYTES), version)


def _version(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns}-{status.st_size}-{status.st_ino}"


def _failed(error: OSError) -> RequestError:
    if error.errno in _OUTSIDE:
        return RequestError("the model cannot be used: it cannot be read; links are not followed")
    return UnavailableError(UNREACHABLE)
