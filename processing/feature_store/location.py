"""Finds an offline store: of a feature group, below an S3 prefix, or in a folder."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from container import quoted
from fleetcast.errors import InputError, SettingError
from processing.columns import Columns
from processing.feature_store.group import FeatureGroup, columns_of, describe
from processing.feature_store.offline_store import OfflineStore
from processing.feature_store.s3_files import download

_NAME: Final = re.compile(
    r"(arn:aws[a-z-]*:sagemaker:[a-z0-9-]*:\d{12}:feature-group/)?[a-zA-Z0-9][a-zA-Z0-9_-]{0,63}"
)
_S3: Final = "s3://"
_FORMATS: Final = ("Glue", "Default")


@dataclass(frozen=True, slots=True)
class StoreInput:
    """Which offline store is read, and as of when."""

    source: str
    """A feature group's name or ARN, an S3 URI, or a folder, whose name has a `/` in it."""
    as_of: str = ""
    """Only what the store had written until then counts, such as `2026-01-31 00:00:00` in UTC; empty: all."""

    def __post_init__(self) -> None:
        """Raise SettingError for a text that is none of these."""
        if not (self.is_place or _NAME.fullmatch(self.source)):
            raise SettingError(
                f"--from-feature-store must be a feature group's name or ARN, an S3 URI, or a folder such as "
                f"./store, not {quoted(self.source)}"
            )

    @property
    def is_place(self) -> bool:
        """Whether it is an S3 URI or a folder."""
        return self.source.startswith(_S3) or ("/" in self.source and not self.source.startswith("arn:"))


def open_store(
    store: StoreInput, columns: Columns, connection: duckdb.DuckDBPyConnection, temporary: Path
) -> tuple[OfflineStore, Columns]:
    """Return the store, and `columns` with the names of customer and event time where a group has them.

    Files in S3 are downloaded to a new folder below `temporary`.  Raises InputError.
    """
    uri = store.source
    if not store.is_place:
        group = describe(store.source)
        uri, columns = _uri(group), columns_of(group, columns)
    folder = Path(uri)
    if uri.startswith(_S3):
        folder = Path(tempfile.mkdtemp(prefix="store-", dir=temporary))
        download(uri, folder)
    return OfflineStore(folder, store.source, connection, as_of=store.as_of), columns


def _uri(group: FeatureGroup) -> str:
    """Return where the group's files are; raises InputError if they cannot be read."""
    if not group.uri:
        raise InputError(f"the feature group {quoted(group.name)} has no offline store")
    if group.table_format not in _FORMATS:
        raise InputError(
            f"the feature group {quoted(group.name)} has the table format {group.table_format}; groups in "
            "the format Glue can be read"
        )
    return group.uri
