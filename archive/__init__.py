"""A customer's model text and metadata go in, one small `<customer>.tar.gz` comes out, and the way back."""

from archive._bundle import BundleReader, BundleWriter, read_bundle
from archive._errors import ArchiveError, OwnCodeError
from archive._files import UNFINISHED, FilesystemError, remove_unfinished, sync_folder, write_atomically
from archive._read import read_archive, read_folder, read_stream, unpack
from archive._write import MEMBERS, SUFFIX, Archive, pack, write_archive

__all__ = [
    "MEMBERS",
    "SUFFIX",
    "UNFINISHED",
    "Archive",
    "ArchiveError",
    "BundleReader",
    "BundleWriter",
    "FilesystemError",
    "OwnCodeError",
    "pack",
    "read_archive",
    "read_bundle",
    "read_folder",
    "read_stream",
    "remove_unfinished",
    "sync_folder",
    "unpack",
    "write_archive",
    "write_atomically",
]
