"""From the setting MODEL_STORE to the store that it names."""

from pathlib import Path
from typing import Final

from fleetcast.errors import SettingError
from serving.models.directory_store import BundleStore, DirectoryStore
from serving.models.store import ModelStore

S3: Final = "s3://"


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
