"""The archives of a fleet: in a folder, in bundles, or in the `model.tar.gz` of a training job."""

import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Self

from container import quoted
from fleetcast.archive import GLOBAL_NAME, SUFFIX, Archive, BundleReader, read_archive, unpack
from fleetcast.errors import InputError

BUNDLES: Final = "fleet-*.sqlite"
"""File names of bundles; a job of several hosts leaves one per host."""
OF_A_JOB: Final = f"model{SUFFIX}"
"""The name of what SageMaker makes of the folder `model` of a training job."""
MOST_BUNDLE_BYTES: Final = 16 * 1024**3
"""Of all bundles in a model.tar.gz: some five million customers."""
MOST_ARCHIVE_BYTES: Final = 64 * 1024**2
_CHUNK: Final = 1024**2


@dataclass(frozen=True, slots=True)
class Archives:
    """Where the archives of customers are; it can be sent to worker processes."""

    folder: Path
    bundles: tuple[Path, ...]

    @classmethod
    def of(cls, folder: Path, temporary: Path) -> Self:
        """Return the archives of a folder; the bundles in a model.tar.gz are copied to `temporary`.

        Raises `InputError` where there is none, and where model.tar.gz cannot be read.
        """
        if not folder.is_dir():
            raise InputError(
                f"there is no folder {quoted(folder)}: mount the archives, a bundle or model.tar.gz there"
            )
        bundles = [path for path in sorted(folder.glob(BUNDLES)) if _is_plain(path)]
        packed = folder / OF_A_JOB
        if _is_plain(packed):
            bundles += copy_bundles(packed, temporary)
        archives = cls(folder, tuple(bundles))
        if next(archives.customers(), None) is None:
            raise InputError(
                f"there is no archive in {quoted(folder)}: <customer>{SUFFIX}, {BUNDLES} or {OF_A_JOB} "
                "of a training job is accepted"
            )
        return archives

    def customers(self) -> Iterator[str]:
        """Yield the names of all customers that have an archive, some of them twice; raise ArchiveError."""
        for path in self.folder.glob(f"*{SUFFIX}"):
            name = path.name.removesuffix(SUFFIX)
            is_of_a_job = path.name == OF_A_JOB and bool(self.bundles)
            if not path.name.startswith(".") and not is_of_a_job and self._is_of_a_customer(name):
                yield name
        for bundle in self.bundles:
            yield from (name for name in _reader(bundle).customers() if self._is_of_a_customer(name))

    def find(self, customer: str) -> Archive | None:
        """Return a customer's archive, None without one; raise ArchiveError for a damaged one."""
        path = self.folder / f"{customer}{SUFFIX}"
        is_of_a_job = path.name == OF_A_JOB and bool(self.bundles)
        if path.parent == self.folder and not is_of_a_job and _is_plain(path):
            return read_archive(path)
        for bundle in self.bundles:
            if (packed := _reader(bundle).find(customer, most_bytes=MOST_ARCHIVE_BYTES)) is not None:
                return unpack(packed)
        return None

    def _is_of_a_customer(self, name: str) -> bool:
        """Return whether an archive is a customer's, and not the model of all customers."""
        if name != GLOBAL_NAME:
            return True
        archive = self.find(name)
        return archive is not None and isinstance(archive.model, str)


def copy_bundles(packed: Path, folder: Path) -> list[Path]:
    """Copy the bundles out of a model.tar.gz to a folder; none where it is a customer's archive.

    Nothing else in it is read or written.  Raises `InputError` where it is damaged or holds too much.
    """
    copied, total = [], 0
    try:
        with tarfile.open(packed, "r|gz") as members:
            for member in members:
                name = member.name.removeprefix("./")
                if not member.isreg() or not Path(name).match(BUNDLES) or "/" in name:
                    continue
                total += member.size
                if total > MOST_BUNDLE_BYTES:
                    raise InputError(f"{quoted(packed)} has bundles of more than {MOST_BUNDLE_BYTES} bytes")
                content = members.extractfile(member)
                path = folder / name
                with path.open("wb") as file:
                    while content is not None and (chunk := content.read(_CHUNK)):
                        file.write(chunk)
                copied.append(path)
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise InputError(f"{quoted(packed)} is damaged: {error}") from error
    return copied


@cache
def _reader(bundle: Path) -> BundleReader:
    """Return the open bundle; each process opens it once."""
    return BundleReader(bundle)


def _is_plain(path: Path) -> bool:
    """Return whether a path is a regular file and no link."""
    return path.is_file() and not path.is_symlink()
