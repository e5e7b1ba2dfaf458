"""The model store, a directory or an S3 prefix of `<name>.tar.gz`: a name goes in, an archive comes out."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from archive import SUFFIX
from serving._errors import ModelNotFoundError, RequestError, UnavailableError

MOST_BYTES_OF_A_NAME: Final = 1024
"""What S3 takes as a key."""
MOST_BYTES: Final = 16 * 1024 * 1024
"""Of one packed archive."""
_S3: Final = re.compile(r"s3://([a-z0-9.-]{3,63})(?:/(.*))?")


@dataclass(frozen=True, slots=True)
class Stored:
    """An archive as it was at one moment."""

    version: str
    packed: bytes


class ModelStore(Protocol):
    """Where archives are; both raise `ModelNotFoundError`, or `UnavailableError` if it does not answer."""

    def version(self, name: str) -> str:
        """Return what changes when the archive is replaced."""

    def read(self, name: str) -> Stored:
        """Return an archive."""


def open_store(location: str) -> ModelStore:
    """Return the store at a directory or at `s3://bucket/prefix`."""
    found = _S3.fullmatch(location)
    return S3Store(found[1], found[2] or "") if found else DirectoryStore(Path(location))


def checked_name(target_model: str) -> str:
    """Return the name of an archive below the store, without `.tar.gz`; raise `RequestError`.

    A name may have folders, as SageMaker's TargetModel has; it never leads out of the store.
    """
    name = target_model.removesuffix(SUFFIX)
    parts = name.split("/")
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        length = MOST_BYTES_OF_A_NAME + 1
    if length > MOST_BYTES_OF_A_NAME or "\0" in name or any(part in {"", ".", ".."} for part in parts):
        raise RequestError(
            "target_model must be the path of an archive in the model store, without empty parts, '.', '..', "
            f"of at most {MOST_BYTES_OF_A_NAME} bytes"
        )
    return name


class DirectoryStore:
    """A directory.  Links are followed as long as they stay below it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def version(self, name: str) -> str:
        """Return what changes when the file is replaced."""
        try:
            return _version(self._path(name).stat())
        except OSError as error:
            raise _not_found(name) from error

    def read(self, name: str) -> Stored:
        """Return an archive; version and bytes are those of one and the same file."""
        try:
            with self._path(name).open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_size > MOST_BYTES:
                    raise RequestError(f"the archive has more than {MOST_BYTES} bytes")
                return Stored(_version(status), file.read(MOST_BYTES))
        except OSError as error:
            raise _not_found(name) from error

    def _path(self, name: str) -> Path:
        path = (self._folder / f"{checked_name(name)}{SUFFIX}").resolve()
        if not path.is_relative_to(self._folder) or not path.is_file():
            raise _not_found(name)
        return path


class S3Store:
    """A prefix in S3, with the credentials and the region that boto3 finds."""

    def __init__(self, bucket: str, prefix: str) -> None:
        # Slow to import, and not needed for a directory
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        config = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3})
        self._client: Any = boto3.client("s3", config=config)
        self._bucket = bucket
        self._prefix = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"

    def version(self, name: str) -> str:
        """Return the ETag."""
        return str(self._ask("head_object", name)["ETag"])

    def read(self, name: str) -> Stored:
        """Return an archive."""
        answer = self._ask("get_object", name)
        if answer["ContentLength"] > MOST_BYTES:
            raise RequestError(f"the archive has more than {MOST_BYTES} bytes")
        return Stored(str(answer["ETag"]), answer["Body"].read())

    def _ask(self, operation: str, name: str) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        key = f"{self._prefix}{checked_name(name)}{SUFFIX}"
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in {"404", "NoSuchKey"}:
                raise _not_found(name) from error
            raise UnavailableError("the model store does not answer") from error
        except BotoCoreError as error:
            raise UnavailableError("the model store does not answer") from error
        return answer


def _version(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns}-{status.st_size}-{status.st_ino}"


def _not_found(name: str) -> ModelNotFoundError:
    return ModelNotFoundError(f"there is no model {name[:100]!r} in the model store")
