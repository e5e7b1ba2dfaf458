"""A customer's model text and metadata go in, one small `<customer>.tar.gz` comes out, and the way back."""

from archive._files import FilesystemError, remove_unfinished, write_atomically
from archive._read import ArchiveError, read_archive, read_folder
from archive._write import MEMBERS, SUFFIX, Archive, pack, write_archive

__all__ = [
    "MEMBERS",
    "SUFFIX",
    "Archive",
    "ArchiveError",
    "FilesystemError",
    "pack",
    "read_archive",
    "read_folder",
    "remove_unfinished",
    "write_archive",
    "write_atomically",
]
