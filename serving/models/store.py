"""What a model store is: archives by key, each with a version.

Archives may be replaced at any time.  A read returns one whole version of an archive, or nothing if the
caller has that version already.
"""

from dataclasses import dataclass
from typing import Final, Protocol

MAX_PACKED_BYTES: Final = 8 * 1024 * 1024
"""Largest packed archive in bytes; a model.json of 16 MB packs to half of that."""
UNREACHABLE: Final = "the model store cannot be reached; retry in 1 second"
NOT_FOUND: Final = "the model store has no such model"
TOO_LARGE: Final = f"the model cannot be used: the archive is larger than {MAX_PACKED_BYTES} bytes"


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
