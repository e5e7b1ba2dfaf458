"""Writes and reads `<customer>.tar.gz`, one model and its metadata; puts files in place atomically."""

from fleetcast.archive.atomic_files import (
    UNFINISHED,
    NewFile,
    NewFiles,
    remove_unfinished,
    set_aside,
    sync_filesystem,
    sync_folder,
    write_atomically,
    write_error,
)
from fleetcast.archive.bundle import BundleReader, BundleWriter, read_bundle
from fleetcast.archive.read import read_archive, read_folder, read_stream, unpack
from fleetcast.archive.write import (
    GLOBAL_NAME,
    MEMBERS,
    MODELS,
    SUFFIX,
    Archive,
    pack,
    write_archive,
)

__all__ = [
    "GLOBAL_NAME",
    "MEMBERS",
    "MODELS",
    "SUFFIX",
    "UNFINISHED",
    "Archive",
    "BundleReader",
    "BundleWriter",
    "NewFile",
    "NewFiles",
    "pack",
    "read_archive",
    "read_bundle",
    "read_folder",
    "read_stream",
    "remove_unfinished",
    "set_aside",
    "sync_filesystem",
    "sync_folder",
    "unpack",
    "write_archive",
    "write_atomically",
    "write_error",
]
