"""What was done of a step: one file, written at once when the step is complete."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from container import read_json_object
from fleetcast.archive import write_atomically

NAME: Final = "record.json"
STARTED: Final = "started.json"


@dataclass(frozen=True, slots=True)
class Record:
    """A complete step."""

    digest: str
    """Of the step's arguments and of the content of its inputs."""
    seconds: float
    properties: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return the record in a step's folder, None without one."""
        content = read_json_object(folder / NAME)
        if set(content) != {"digest", "seconds", "properties"}:
            return None
        return cls(**content)

    def write(self, folder: Path) -> None:
        """Write the record into a step's folder."""
        write_atomically(folder / NAME, json.dumps(asdict(self), indent=1).encode() + b"\n")


def digest_of(arguments: Mapping[str, Any], inputs: Mapping[str, Path]) -> str:
    """Return a digest of a step's resolved arguments, and of the files in its inputs by their names."""
    files = {name: _digest_of_files(place) for name, place in inputs.items()}
    content = json.dumps({"arguments": arguments, "files": files}, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _digest_of_files(place: Path) -> str:
    """Return a digest of the names and contents of all files below a folder, or of one file."""
    digest = hashlib.sha256()
    found = [place] if place.is_file() else []
    for folder, folders, names in os.walk(place):
        folders.sort()
        found += [Path(folder) / name for name in sorted(names)]
    for path in found:
        if path.is_file() and not path.is_symlink():
            digest.update(f"{path.relative_to(place)}\0".encode(errors="surrogateescape"))
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
