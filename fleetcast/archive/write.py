"""Packs an archive: equal input gives equal bytes, on every machine and at any time."""

import gzip
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fleetcast.archive.atomic_files import replace_atomically

SUFFIX: Final = ".tar.gz"
MODEL: Final = "model.json"
GLOBAL_MODEL: Final = "global_model.msgpack"
METADATA: Final = "metadata.json"
MODELS: Final = (MODEL, GLOBAL_MODEL)
"""The files that hold a model; an archive has one of them."""
MEMBERS: Final = (MODEL, METADATA)
"""The files of a customer's archive, in their order."""
GLOBAL_NAME: Final = "global_model"
"""The name, in place of a customer's, of the archive that holds the global model of a fleet."""


@dataclass(frozen=True, slots=True)
class Archive:
    """One customer's model and its metadata, or the global model of a fleet and its metadata."""

    model: str | bytes
    """Prophet's JSON, the text of `model.json`; or the bytes of `global_model.msgpack`."""
    metadata: Mapping[str, Any]
    """The content of `metadata.json`."""
    brings_code: bool = False
    """Whether the archive that was read also has `code/inference.py`; it is neither read nor written."""


def pack(archive: Archive) -> bytes:
    """Return the bytes of the `.tar.gz`; its two members have neither time nor owner."""
    metadata = json.dumps(archive.metadata, sort_keys=True, allow_nan=False).encode()
    if isinstance(archive.model, bytes):
        model = _member(GLOBAL_MODEL, archive.model)
    else:
        model = _member(MODEL, archive.model.encode())
    plain = model + _member(METADATA, metadata) + b"\0" * (2 * tarfile.BLOCKSIZE)
    return gzip.compress(plain + _padding(len(plain), tarfile.RECORDSIZE), compresslevel=6, mtime=0)


def _member(name: str, content: bytes) -> bytes:
    """Return a file as tarfile writes it, in half the time."""
    header = tarfile.TarInfo(name)
    header.size = len(content)
    return header.tobuf(tarfile.USTAR_FORMAT) + content + _padding(len(content), tarfile.BLOCKSIZE)


def _padding(size: int, block: int) -> bytes:
    return b"\0" * (-size % block)


def write_archive(folder: Path, customer: str, packed: bytes) -> Path:
    """Write packed bytes to `<folder>/<customer>.tar.gz`, complete or not at all, and return the path.

    The name is on the disk once `sync_folder(folder)` returns.  Raises FilesystemError.
    """
    path = folder / f"{customer}{SUFFIX}"
    replace_atomically(path, packed)
    return path
