"""Reads archives and extracted folders into memory, up to a limit; nothing is unpacked to the disk.

The bytes may come from anybody, so links, devices, oversized and damaged files are refused.
"""

import errno
import io
import json
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

from fleetcast.archive.tar import GzipStream, plain_files
from fleetcast.archive.write import GLOBAL_MODEL, METADATA, MODEL, MODELS, Archive
from fleetcast.errors import ArchiveError, OwnCodeError

OWN_CODE: Final = "code/inference.py"
"""The file of an archive that SageMaker's inference toolkit runs instead of a built-in model."""
MOST_BYTES: Final = {MODEL: 16 * 1024 * 1024, GLOBAL_MODEL: 16 * 1024 * 1024, METADATA: 1024 * 1024}
"""Most bytes of each file; a stock Prophet model of 130,000 rows has 16 MB."""
MOST_BYTES_OF_WIDE_TEXT: Final = 4 * 1024 * 1024
"""Most bytes of a text that is not ASCII: it may take four bytes a character.  Prophet writes ASCII only."""
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def read_archive(path: Path) -> Archive:
    """Return the contents of a `.tar.gz` file, as `read_stream` does; raises ArchiveError."""
    try:
        with path.open("rb") as file:
            return read_stream(file)
    except OSError as error:
        raise ArchiveError(f"the archive cannot be read: {error.strerror or error}") from error


def unpack(packed: bytes) -> Archive:
    """Return the contents of the bytes of a `.tar.gz`, as `read_stream` does; raises ArchiveError."""
    return read_stream(io.BytesIO(packed))


def read_stream(file: BinaryIO) -> Archive:
    """Return the contents of a `.tar.gz`; it is read to its end, so that gzip's checksum is verified.

    Raises ArchiveError if the archive is damaged, has a link or device, exceeds a limit, or has no
    `model.json` or `global_model.msgpack`; OwnCodeError if it has `code/inference.py` instead.
    """
    stream = GzipStream(file)
    contents: dict[str, bytes | bytearray] = {}
    brings_code = False
    for member in plain_files(stream):
        brings_code = brings_code or member.name == OWN_CODE
        if member.name in MOST_BYTES:
            if member.name in contents:
                raise ArchiveError(f"{member.name} is in it twice")
            _check_size(member.name, member.size)
            contents[member.name] = stream.read(member.size)
    return _archive(contents, brings_code=brings_code)


def read_folder(folder: Path | int) -> Archive:
    """Return the contents of an archive that was extracted to `folder`, a path or an open descriptor.

    Links in it are not followed.  Raises ArchiveError and OwnCodeError, as `read_stream` does.
    """
    if isinstance(folder, int):
        return _read_folder(folder)
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    except OSError as error:
        raise ArchiveError(f"the folder cannot be read: {error.strerror}") from error
    try:
        return _read_folder(descriptor)
    finally:
        os.close(descriptor)


def _read_folder(folder: int) -> Archive:
    contents = {name: _file_in(folder, name) for name in MOST_BYTES}
    files = {name: content for name, content in contents.items() if content is not None}
    return _archive(files, brings_code=_has_code(folder))


def _file_in(folder: int, name: str) -> bytes | None:
    try:
        descriptor = os.open(name, _READ, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        problem = "is a link, and links are not followed" if error.errno == errno.ELOOP else "cannot be read"
        raise ArchiveError(f"{name} {problem}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ArchiveError(f"{name} is not a file")
        _check_size(name, status.st_size)
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(status.st_size + 1)
    except OSError as error:
        raise ArchiveError(f"{name} cannot be read") from error
    finally:
        os.close(descriptor)
    if len(content) != status.st_size:
        raise ArchiveError(f"{name} is being written")
    return content


def _has_code(folder: int) -> bool:
    with suppress(OSError):
        return stat.S_ISREG(os.stat(OWN_CODE, dir_fd=folder, follow_symlinks=False).st_mode)
    return False


def _check_size(name: str, size: int) -> None:
    if size > MOST_BYTES[name]:
        raise ArchiveError(f"{name} is larger than {MOST_BYTES[name]} bytes")


def _text(name: str, content: bytes | bytearray) -> str:
    if len(content) > MOST_BYTES_OF_WIDE_TEXT and not content.isascii():
        raise ArchiveError(f"{name} is larger than {MOST_BYTES_OF_WIDE_TEXT} bytes and not ASCII")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ArchiveError(f"{name} is not UTF-8 text") from error


def _archive(contents: Mapping[str, bytes | bytearray], *, brings_code: bool) -> Archive:
    """Return the archive with these files, by name."""
    models = [name for name in MODELS if name in contents]
    if len(models) > 1:
        raise ArchiveError(f"there are {' and '.join(models)} in it; one of them is accepted")
    if not models:
        if brings_code:
            raise OwnCodeError(f"there is no {MODEL} in it, but {OWN_CODE}")
        raise ArchiveError(f"there is no {MODEL} in it")
    text = _text(METADATA, contents.get(METADATA, b"{}"))
    try:
        metadata: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArchiveError(f"{METADATA} is not JSON") from error
    if not isinstance(metadata, dict):
        raise ArchiveError(f"{METADATA} is not a JSON object")
    content = contents[models[0]]
    model = bytes(content) if models == [GLOBAL_MODEL] else _text(MODEL, content)
    return Archive(model=model, metadata=metadata, brings_code=brings_code)
