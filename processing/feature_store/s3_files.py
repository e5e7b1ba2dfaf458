"""Downloads the Parquet files below an S3 prefix, if the disk has room for them."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from container import progress, quoted
from fleetcast.errors import InputError
from processing.feature_store.aws import client, explained

THREADS: Final = 16
SPARE_BYTES: Final = 64 * 1024 * 1024
"""Room that stays free on the disk."""


class _Object(NamedTuple):
    key: str
    bytes: int


def download(uri: str, folder: Path) -> None:
    """Write the `.parquet` files below `uri`, such as `s3://bucket/prefix`, to the same paths below `folder`.

    Raises InputError if there is none, if the disk has no room for all, and for errors of S3.
    """
    parts = urlsplit(uri)
    prefix = parts.path.strip("/")
    prefix = f"{prefix}/" if prefix else ""
    s3 = client("s3", connections=THREADS)
    from boto3.s3.transfer import TransferConfig  # noqa: PLC0415 -- after `client`, which names a missing boto3

    one_thread = TransferConfig(use_threads=False)  # per file; it tries again where a connection breaks
    with explained(f"{uri} cannot be listed"):
        objects = list(_parquet(s3, parts.netloc, prefix))
    _check(objects, uri, folder)

    def fetch(each: _Object) -> None:
        path = folder / _relative(each.key.removeprefix(prefix))
        path.parent.mkdir(parents=True, exist_ok=True)
        with explained(f"s3://{parts.netloc}/{each.key} cannot be downloaded"):
            s3.download_file(parts.netloc, each.key, str(path), Config=one_thread)

    with ThreadPoolExecutor(THREADS) as threads:
        try:
            done = threads.map(fetch, objects)
            for _ in progress(done, total=len(objects), doing="download", unit="files"):
                pass
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise


def _parquet(s3: Any, bucket: str, prefix: str) -> Iterator[_Object]:  # noqa: ANN401 -- a client of boto3
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for each in page.get("Contents", ()):
            if each["Key"].lower().endswith((".parquet", ".metadata.json")):
                yield _Object(each["Key"], each["Size"])


def _relative(name: str) -> Path:
    """Return a key as a path that stays below its folder."""
    return Path(*(part for part in name.split("/") if part not in ("", ".", "..")))


def _check(objects: list[_Object], uri: str, folder: Path) -> None:
    if not objects:
        raise InputError(
            f"{uri} has no .parquet file. Records that were put appear in the offline store within 15 minutes"
        )
    needed, free = sum(each.bytes for each in objects), shutil.disk_usage(folder).free
    if needed + SPARE_BYTES > free:
        raise InputError(
            f"the {len(objects)} files below {quoted(uri)} have {needed} bytes, and {folder} has room for "
            f"{free}: set TMPDIR to a folder on a larger disk"
        )
