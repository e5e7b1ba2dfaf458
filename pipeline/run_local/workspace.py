"""The folder of a local run: addresses in S3 as folders, a folder per step, one run at a time."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Final, Self

from container import quoted, read_json_object
from fleetcast.archive import write_atomically
from fleetcast.errors import InputError, SettingError

S3: Final = "s3://"
EXECUTION: Final = "execution.json"


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where everything of one local execution lies."""

    folder: Path
    given: Mapping[str, Path]
    """Folders of the user's by their address in S3."""
    execution_id: str
    started: str
    """When the execution was first started, in ISO 8601."""

    @classmethod
    def open(cls, folder: Path, given: Mapping[str, Path], *, pipeline: str) -> Self:
        """Return the execution that a folder holds, or a new one; raise InputError for another pipeline's."""
        for address, place in given.items():
            if not address.startswith(S3):
                raise SettingError(f"--map must look like s3://bucket/key=FOLDER, not {quoted(address)}")
            if not place.exists():
                raise InputError(f"{quoted(place)}, which --map names, does not exist")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder.absolute() / EXECUTION
        content = read_json_object(path)
        if not content:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            content = {"pipeline": pipeline, "id": f"local{secrets.token_hex(4)}", "started": now}
            write_atomically(path, json.dumps(content, indent=2).encode() + b"\n")
        if content.get("pipeline") != pipeline:
            raise InputError(
                f"{quoted(folder)} holds an execution of the pipeline {quoted(content.get('pipeline'))}: "
                "take another folder, or remove this one"
            )
        places = {address.rstrip("/"): place.absolute() for address, place in given.items()}
        return cls(folder.absolute(), places, str(content["id"]), str(content["started"]))

    def local(self, address: object) -> Path:
        """Return the file or folder that an address in S3 stands for; raise InputError for another text."""
        text = str(address).rstrip("/")
        parts = PurePosixPath(text.removeprefix(S3)).parts
        if not text.startswith(S3) or not parts or ".." in parts or parts[0] == "/":
            raise InputError(f"{quoted(address)} must be an address in S3 that begins with s3://")
        for known in sorted(self.given, key=len, reverse=True):
            if text == known or text.startswith(f"{known}/"):
                return self.given[known] / text[len(known) :].lstrip("/")
        return self.folder.joinpath("s3", *parts)

    def step(self, name: str) -> Path:
        """Return the folder of a step."""
        return self.folder / "steps" / name

    @contextmanager
    def alone(self) -> Iterator[int]:
        """Hold the lock of the folder, and yield its descriptor for the steps' processes to inherit.

        As long as one of them lives, no second run begins, even if the first one was killed.  Raises
        InputError where another run works in the folder.
        """
        with (self.folder / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                lock.seek(0)
                raise InputError(
                    f"process {lock.read().strip() or '?'} works in {quoted(self.folder)}: wait for it, or "
                    "end it"
                ) from error
            self.say_who(lock.fileno(), os.getpid())
            yield lock.fileno()

    @staticmethod
    def say_who(lock: int, process: int) -> None:
        """Write into the lock's file which process works in the folder."""
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{process}\n".encode(), 0)


def link(place: Path, target: Path) -> None:
    """Make `place` a link to a folder, at once; replaces an earlier link."""
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f".{place.name}.link")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(place)
