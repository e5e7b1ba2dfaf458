"""The journal of a search: each evaluation is on the disk before the next one counts.

The first line says what the others are valid for: versions, settings of the job, backtests, space and seed.
Each further line is one customer's errors with some configurations.  A line gets to the disk by one write and
one fsync; a line that a killed run left unfinished is cut off.  A journal of another search is set aside.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Self, TypeAlias

import msgspec

from container import quoted
from fleetcast.archive import set_aside, sync_folder, write_error
from fleetcast.errors import UnusableFileError
from fleetcast.readings.customer import read_file
from train.customer import Backtested

logger = logging.getLogger(__name__)

NAME: Final = "tune.jsonl"
MOST_BYTES: Final = 1024 * 1024 * 1024
"""The largest journal that is read: some five million evaluations."""
FORMAT_VERSION: Final = 1

NonNegative: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line."""

    format_version: int
    search: str
    """SHA-256 of what decides an evaluation, besides the customer's data."""


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The errors of one customer."""

    customer: str
    data: str
    """SHA-256 of the customer's files; empty if they could not be read."""
    cpu_seconds: NonNegative
    errors: dict[int, Annotated[list[NonNegative], msgspec.Meta(min_length=1)]] = {}
    """By number of the configuration the error at each cut-off."""
    judges: bool = False
    """Whether the errors are those after the judging cut-off."""
    reason: str = ""
    """Why the customer takes no further part in the search."""


@dataclass(slots=True)
class Journal:
    """What a search has evaluated, on the disk and in memory."""

    path: Path
    errors: dict[str, dict[int, tuple[float, ...]]] = field(default_factory=dict)
    """By customer and configuration the errors at the cut-offs that choose."""
    judged: dict[str, dict[int, float]] = field(default_factory=dict)
    """By customer and configuration the error after the cut-off that judges."""
    failed: dict[str, str] = field(default_factory=dict)
    """Why a customer takes no part, by customer."""
    cpu_seconds: float = 0.0
    """Processor time of all evaluations, those of earlier runs included."""
    cpu_seconds_of_start: dict[str, float] = field(default_factory=dict)
    """By customer the processor time of the backtests with the job's own settings alone."""
    _descriptor: int = -1

    @classmethod
    def open(cls, path: Path, search: str, *, data_of: Callable[[str], str]) -> Self:
        """Continue the journal at `path`, or begin one; `data_of` returns the SHA-256 of a customer's files.

        Evaluations of customers whose files have changed since, or are gone, are not used.  A journal of
        another search, and a file that is no journal, get another name.  Raises FilesystemError.
        """
        journal = cls(path)
        end = journal._read(search, data_of)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            journal._descriptor = os.open(path, flags, 0o644)
            os.ftruncate(journal._descriptor, end)
        except OSError as error:
            raise write_error(path, error) from error
        if not end:
            journal._write(msgspec.json.encode(Head(FORMAT_VERSION, search)))
            sync_folder(path.parent)
        return journal

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def add(self, evaluated: Backtested, *, judges: bool = False) -> None:
        """Write a result to the disk; raise FilesystemError."""
        line = Line(
            customer=evaluated.customer,
            data=evaluated.data,
            cpu_seconds=evaluated.cpu_seconds,
            errors={number: list(errors) for number, errors in evaluated.errors.items()},
            judges=judges,
            reason=evaluated.reason,
        )
        self._write(msgspec.json.encode(line))
        self._take(line)

    def _write(self, line: bytes) -> None:
        content = line + b"\n"
        try:
            if os.write(self._descriptor, content) < len(content):
                raise OSError(28, "No space left on device")  # noqa: TRY301 -- a part was written
            os.fsync(self._descriptor)
        except OSError as error:
            raise write_error(self.path, error) from error

    def _read(self, search: str, data_of: Callable[[str], str]) -> int:
        """Read what is there; return the length of its complete lines in bytes, 0 for a new journal."""
        if not os.path.lexists(self.path):
            return 0
        try:
            content = read_file(self.path, most_bytes=MOST_BYTES)
            complete = content[: content.rfind(b"\n") + 1]
            head, *lines = complete.splitlines() or [b""]
            is_same = msgspec.json.decode(head, type=Head) == Head(FORMAT_VERSION, search)
            read = [msgspec.json.decode(line, type=Line) for line in lines] if is_same else []
        except (UnusableFileError, msgspec.MsgspecError) as error:
            self._set_aside(f"it is no journal of a search ({error})")
            return 0
        if not is_same:
            self._set_aside("it belongs to other hyperparameters, another search space or another version")
            return 0
        changed = self._take_all(read, data_of)
        if changed:
            logger.warning(
                "%d customers' files have changed since the journal was begun; they are evaluated again",
                changed,
            )
        logger.info(
            "the journal %s goes on: %d evaluations, %.0f CPU seconds",
            quoted(self.path),
            sum(map(len, self.errors.values())),
            self.cpu_seconds,
        )
        return len(complete)

    def _take_all(self, lines: list[Line], data_of: Callable[[str], str]) -> int:
        """Take over the lines of customers with the same files; return the number of other customers."""
        data: dict[str, str] = {}
        changed = set()
        for line in lines:
            if line.customer not in data:
                data[line.customer] = data_of(line.customer)
            if line.data == data[line.customer]:
                self._take(line)
            else:
                self.cpu_seconds += line.cpu_seconds
                changed.add(line.customer)
        return len(changed)

    def _take(self, line: Line) -> None:
        self.cpu_seconds += line.cpu_seconds
        if line.reason:
            self.failed[line.customer] = line.reason
            return
        if line.errors.keys() == {0} and not line.judges:
            self.cpu_seconds_of_start[line.customer] = line.cpu_seconds
        if line.judges:
            judged = self.judged.setdefault(line.customer, {})
            judged.update({number: each[0] for number, each in line.errors.items()})
        else:
            errors = self.errors.setdefault(line.customer, {})
            errors.update({number: tuple(each) for number, each in line.errors.items()})

    def _set_aside(self, why: str) -> None:
        other = set_aside(self.path)
        logger.warning(
            "%s is now %s, and a new journal begins: %s", quoted(self.path), quoted(other.name), why
        )
