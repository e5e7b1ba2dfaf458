"""A model store in a directory, in the bundles of a directory, or in one bundle."""

import errno
import math
import os
import stat
import time
from pathlib import Path
from threading import Lock
from typing import Final

from fleetcast.archive import SUFFIX, BundleReader
from fleetcast.errors import ArchiveError
from serving.errors import ModelNotFoundError, RequestError, UnavailableError
from serving.models.load import opened_below
from serving.models.store import MAX_PACKED_BYTES, NOT_FOUND, TOO_LARGE, UNREACHABLE, Packed

BUNDLES: Final = "fleet-*.sqlite"
"""File names of bundles in a directory."""
_BUNDLES_SECONDS: Final = 1.0
"""How often a directory is searched for bundles at most: it may have many other files."""
_GONE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EISDIR)
"""Errors of a path that leads to no file."""
_OUTSIDE: Final = (errno.ELOOP, errno.EACCES, errno.EPERM, errno.ENXIO)
"""Errors of a link, of a file that must not be read, and of what is no file."""


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
                content = reader.find(key.removesuffix(SUFFIX), most_bytes=MAX_PACKED_BYTES)
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
    if status.st_size > MAX_PACKED_BYTES:
        raise RequestError(TOO_LARGE)
    version = _version(status)
    if version == known_version:
        return None
    with open(file, "rb", closefd=False) as content:
        return Packed(content.read(MAX_PACKED_BYTES), version)


def _version(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns}-{status.st_size}-{status.st_ino}"


def _failed(error: OSError) -> RequestError:
    if error.errno in _OUTSIDE:
        return RequestError("the model cannot be used: it cannot be read; links are not followed")
    return UnavailableError(UNREACHABLE)
