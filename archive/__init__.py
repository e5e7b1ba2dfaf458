"""A customer's model text and metadata go in, one small `<customer>.tar.gz` comes out, and the way back."""

from archive._bundle import BundleWriter, read_bundle
from archive._files import FilesystemError, remove_unfinished, sync_folder, write_atomically
from archive._read import ArchiveError, read_archive, read_folder, unpack
from archive._write import MEMBERS, SUFFIX, Archive, pack, write_archive

__all__ = [
    "MEMBERS",
    "SUFFIX",
    "Archive",
    "ArchiveError",
    "BundleWriter",
    "FilesystemError",
    "pack",
    "read_archive",
    "read_bundle",
    "read_folder",
    "remove_unfinished",
    "sync_folder",
    "unpack",
    "write_archive",
    "write_atomically",
]
