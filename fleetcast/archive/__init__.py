"""A customer's model text and metadata go in, one small `<customer>.tar.gz` comes out, and the way back."""

from fleetcast.archive.atomic_files import (
    UNFINISHED,
    NewFile,
    NewFiles,
    not_written,
    remove_unfinished,
    sync_filesystem,
    sync_folder,
    write_atomically,
)
from fleetcast.archive.bundle import BundleReader, BundleWriter, read_bundle
from fleetcast.archive.read import read_archive, read_folder, read_stream, unpack
from fleetcast.archive.write import MEMBERS, SUFFIX, Archive, pack, write_archive

__all__ = [
    "MEMBERS",
    "SUFFIX",
    "UNFINISHED",
    "Archive",
    "BundleReader",
    "BundleWriter",
    "NewFile",
    "NewFiles",
    "not_written",
    "pack",
    "read_archive",
    "read_bundle",
    "read_folder",
    "read_stream",
    "remove_unfinished",
    "sync_filesystem",
    "sync_folder",
    "unpack",
    "write_archive",
    "write_atomically",
]
