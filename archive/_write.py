"""Packing: equal input gives equal bytes, on every machine and at every time."""

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archive._files import replace_atomically

SUFFIX = ".tar.gz"
MODEL = "model.json"
METADATA = "metadata.json"
MEMBERS = (MODEL, METADATA)


@dataclass(frozen=True, slots=True)
class Archive:
    """What is kept of one customer."""

    model: str
    """Prophet's own JSON."""
    metadata: Mapping[str, Any]
    brings_code: bool = False
    """Whether `code/inference.py` lies beside it, which is of no use to us and not kept."""


def pack(archive: Archive) -> bytes:
    """Return the bytes of the `.tar.gz`; the two members carry no time, owner or permission of their own."""
    contents = archive.model, json.dumps(archive.metadata, sort_keys=True, allow_nan=False)
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, text in zip(MEMBERS, contents, strict=True):
            content = text.encode()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), compresslevel=6, mtime=0)


def write_archive(folder: Path, customer: str, packed: bytes) -> Path:
    """Write packed bytes to `<folder>/<customer>.tar.gz`, whole or not at all, and return its path.

    The name is on the disk after `sync_folder(folder)`.  Raises `FilesystemError`.
    """
    path = folder / f"{customer}{SUFFIX}"
    replace_atomically(path, packed)
    return path
