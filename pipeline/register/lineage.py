"""What a registered version was made of: hashes of inputs, image, settings, and the jobs that made it."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from train.customer import VERSIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A file or a folder: its bytes, and the SHA-256 of its content."""

    files: int
    bytes: int
    sha256: str
    """Of a file's bytes; of a folder, of the lines that sha256sum writes of its files, by path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """What decides about a version (`content`), and what made it."""

    image: str
    image_digest: str
    """Such as `sha256:…`; empty where the image is named by a tag."""
    model_data: str
    evaluation: Digest
    inputs: Mapping[str, Digest]
    """The folders of the job's input, by name."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """Of the training job: hyperparameters and where its channels came from."""
    training_job: str = ""
    """The ARN or name of the training job."""
    pipeline_execution: str = ""
    """Its ARN."""
    versions: Mapping[str, str] = field(default_factory=lambda: dict(VERSIONS))

    @property
    def sha256(self) -> str:
        """The hash of all that decides about the version: not of who made it, nor when."""
        content = asdict(self)
        for name in ("training_job", "pipeline_execution"):
            del content[name]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def to_json(self, **further: object) -> bytes:
        """Return the content of lineage.json; `further` entries come first."""
        content = further | {"sha256": self.sha256} | asdict(self)
        kept = {name: value for name, value in content.items() if value not in ("", {}, None)}
        return json.dumps(kept, indent=2).encode() + b"\n"


def digest_of_file(path: Path) -> Digest:
    """Return the digest of a file; raise OSError."""
    with path.open("rb") as file:
        return Digest(
            files=1, bytes=path.stat().st_size, sha256=hashlib.file_digest(file, "sha256").hexdigest()
        )


def digest_of_folder(folder: Path) -> Digest:
    """Return the digest of all regular files below a folder; links are left out.  Raises OSError."""
    count = size = 0
    total = hashlib.sha256()
    for path in sorted(_files(folder), key=lambda path: os.fsencode(path.relative_to(folder))):
        digest = digest_of_file(path)
        name = os.fsencode(path.relative_to(folder))
        total.update(digest.sha256.encode() + b"  ./" + name + b"\n")
        count, size = count + 1, size + digest.bytes
    return Digest(files=count, bytes=size, sha256=total.hexdigest())


def digests_of_inputs(folder: Path) -> dict[str, Digest]:
    """Return the digest of each folder in a job's input, by name; raise OSError."""
    if not folder.is_dir():
        return {}
    inputs = sorted(path for path in folder.iterdir() if path.is_dir())
    return {path.name: digest_of_folder(path.resolve()) for path in inputs}


def _files(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder):
        yield from (path for name in names if (path := Path(root, name)).is_file() and not path.is_symlink())
